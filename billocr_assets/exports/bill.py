"""What an export is made of: a bill that has been read, and its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from billocr_assets.fields.model import Fields
from billocr_assets.ocr.document import Document, Line, Polygon, Word, as_polygon


@dataclass(frozen=True, slots=True)
class ReadBill:
    """A bill as an export needs it.

    Attributes:
        id: the bill's key; empty where it has none.
        name: of the upload, as the person knows it.
        read_at: when it was read or last corrected (timezone-aware).
        upload: gives the uploaded file's bytes; asked only by formats that show the picture.
    """

    id: str
    name: str
    document: Document
    fields: Fields
    read_at: datetime
    upload: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class UnreadBill:
    """A bill that was asked for and has no text yet; ``why`` says so in a sentence."""

    id: str
    name: str
    why: str


def words_of(line: Line) -> tuple[Word, ...]:
    """Words that joined by a blank are the line's text.

    Where the line's own are not (somebody has typed another text), the text is spread over the line's polygon.
    """
    if " ".join(word.text for word in line.words) == line.text:
        return line.words
    return tuple(
        Word(
            found.group(),
            _part(line.polygon, found.start() / len(line.text), found.end() / len(line.text)),
            line.confidence,
        )
        for found in re.finditer(r"\S+", line.text)
    )


def _part(polygon: Polygon, start: float, end: float) -> Polygon:
    """The piece of a line between two shares of its length."""

    def between(a: tuple[float, float], b: tuple[float, float], share: float) -> tuple[float, float]:
        return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share

    a, b, c, d = polygon
    return as_polygon([between(a, b, start), between(a, b, end), between(d, c, end), between(d, c, start)])
