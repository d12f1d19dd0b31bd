"""Bills for exports: bills that were made up, with a picture of their size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from PIL import Image

from billocr_assets.exports import ReadBill
from billocr_assets.fields import Fields, extract_fields
from billocr_assets.ocr.document import Document, Line, Page, PageQuality, Polygon, Segment, Word, as_polygon
from tests.fields import bills

READ_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ALL = (bills.ENGLISH, bills.GERMAN, bills.CZECH, bills.SLOVAK, bills.POLISH, bills.HUNGARIAN, bills.FRENCH)


def picture(page: Page, kind: str = "JPEG", **options: Any) -> bytes:
    """A picture as large as the page, no pixel like its neighbour."""
    gradient = Image.linear_gradient("L").resize((page.width, page.height))
    file = BytesIO()
    Image.merge("RGB", (gradient, gradient.transpose(Image.Transpose.FLIP_TOP_BOTTOM), gradient)).save(
        file, kind, **options
    )
    return file.getvalue()


def read_bill(
    document: Document,
    fields: Fields | None = None,
    name: str = "bill.jpg",
    upload: bytes | None = None,
    id: str = "b1",
) -> ReadBill:
    data = upload or picture(document.pages[0])
    return ReadBill(id, name, document, fields or extract_fields(document), READ_AT, lambda: data)


def of_text(*pages: str, name: str = "bill.jpg") -> ReadBill:
    """The bill of :mod:`tests.fields.bills` with these pages."""
    return read_bill(bills.document(*pages), name=name)


def of_words(*lines: list[str]) -> Document:
    """A page of lines with exactly these words, whatever is in them."""
    made = []
    for row, words in enumerate(lines):
        text, x, laid = " ".join(words), 10.0, []
        for word in words:
            end = x + 10 * max(1, len(word))
            laid.append(Word(word, _box(x, end, row), 0.8))
            x = end + 10
        box = _box(10, x - 10, row)
        made.append(Line(text, box, 0.8, row, (Segment(text, box, 0.8, tuple(laid)),)))
    width = max([200, *(int(line.polygon[1][0]) + 10 for line in made)])
    return Document((Page(1, width, 40 * len(made) + 40, PageQuality(90, 120, 200, 0, 0, True), tuple(made)),), {})


def moved(
    document: Document, place: Callable[[float, float], tuple[float, float]], width: int, height: int
) -> Document:
    """The document with every corner put elsewhere, on pages of another size."""

    def polygon(corners: Polygon) -> Polygon:
        return as_polygon([place(x, y) for x, y in corners])

    def line(line: Line) -> Line:
        segments = tuple(
            replace(
                segment,
                polygon=polygon(segment.polygon),
                words=tuple(replace(word, polygon=polygon(word.polygon)) for word in segment.words),
            )
            for segment in line.segments
        )
        return replace(line, polygon=polygon(line.polygon), segments=segments)

    pages = tuple(
        replace(page, width=width, height=height, lines=tuple(map(line, page.lines))) for page in document.pages
    )
    return replace(document, pages=pages)


def tilted(document: Document, degrees: float) -> Document:
    """The document's first page as a tilted photo shows it, with a margin of 100 pixels."""
    turn, page = math.radians(degrees), document.pages[0]
    sine, cosine = math.sin(turn), math.cos(turn)

    def place(x: float, y: float) -> tuple[float, float]:
        x, y = x - page.width / 2, y - page.height / 2
        return x * cosine - y * sine + page.width / 2 + 100, x * sine + y * cosine + page.height / 2 + 100

    return moved(document, place, page.width + 200, page.height + 200)


def _box(left: float, right: float, row: int) -> Polygon:
    top = 40.0 * row + 20
    return (left, top), (right, top), (right, top + 24), (left, top + 24)
