"""Printed rows: the lines that stand side by side on the bill, as one text that knows where each piece stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from billocr_assets.fields.lexicon import concepts, fold
from billocr_assets.fields.model import Source
from billocr_assets.fields.money import CURRENCIES
from billocr_assets.ocr.document import Document, Line

_CURRENCIES = frozenset(map(fold, CURRENCIES))
# A sum in wide print, whose parts stand so far apart that each was taken for a column.
_WIDE_SUM = re.compile(r"(?P<label>\D*?)[^\w,.]*\d{1,3}(?P<rest>(?:  ?\d{3})+(?:,\d\d)?| {0,2}[.,] {0,2}\d\d)\D{0,6}")
_SUMS = frozenset(("grand_total", "total", "subtotal", "cash", "card", "change"))


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    source: Source
    confidence: float


@dataclass(frozen=True, slots=True)
class Row:
    """A printed row.

    Attributes:
        text: its lines from left to right, joined by two blanks; within a line blanks are single.
        height: of its highest line, relative to the median line of the bill.
        top: its upper edge, 0 at the first and 1 at the last row of its page.
        cells: (start, end) of each line in ``text``.
    """

    text: str
    page: int
    height: float
    top: float
    cells: tuple[tuple[int, int], ...]
    pieces: tuple[_Piece, ...]

    def sources(self, start: int = 0, end: int | None = None) -> tuple[Source, ...]:
        """Where the characters ``start:end`` stand: polygons of words, of whole lines where words are not known."""
        return tuple(piece.source for piece in self._within(start, end))

    def confidence(self, start: int = 0, end: int | None = None) -> float:
        """The least certain word of ``start:end``."""
        return min((piece.confidence for piece in self._within(start, end)), default=0.0)

    def mended(self, mend: Callable[[str], str], below: float) -> str:
        """The text with ``mend`` applied to the words that are less certain than ``below``, blanks single."""

        def mend_unsure(word: re.Match[str]) -> str:
            return mend(word.group()) if self.confidence(*word.span()) < below else word.group()

        # Words also end at a comma: bills often have no blank behind it.
        return " ".join(re.sub(r"[^\s,]+,?", mend_unsure, self.text).split())

    def words(self, sure: float) -> list[str]:
        """The words of at least three letters that are at least as certain as ``sure``."""
        return [
            match.group() for match in re.finditer(r"[^\W\d_]{3,}", self.text) if self.confidence(*match.span()) >= sure
        ]

    def _within(self, start: int, end: int | None) -> Iterable[_Piece]:
        stop = len(self.text) if end is None else end
        return (piece for piece in self.pieces if piece.start < stop and piece.end > start)


def rows_of(document: Document) -> list[Row]:
    """All rows of all pages, downwards. Lines without text are left out."""
    lines = [line for page in document.pages for line in page.lines if line.text.strip()]
    usual = median(_height(line) for line in lines) if lines else 1.0
    rows = []
    for page in document.pages:
        groups: dict[int, list[Line]] = {}
        for line in page.lines:
            if line.text.strip():
                groups.setdefault(line.row, []).append(line)
        above = ""
        for place, number in enumerate(sorted(groups)):
            members = sorted(groups[number], key=lambda line: min(x for x, _ in line.polygon))
            rows.append(_row(members, page.number, usual, place / max(1, len(groups) - 1), above))
            above = rows[-1].text
    return rows


def is_heading(row: Row) -> bool:
    """Whether a row is the heading of the items' columns."""
    words = [word for word in fold(row.text).split() if len(word) > 1 and word not in _CURRENCIES]
    named = [word for word in words if "item_header" in concepts(word)]
    return len(named) >= 2 and len(named) >= 0.6 * len(words) and not re.search(r"\d[.,]\d\d", row.text)


def _row(lines: list[Line], page: int, usual: float, top: float, above: str) -> Row:
    text = ""
    cells, pieces = [], []
    contents = [" ".join(line.text.split()) for line in lines]
    wide = _is_wide_sum("  ".join(contents), above)
    for line, content in zip(lines, contents, strict=True):
        gap = "  " if text else ""
        if wide and re.fullmatch(r"\d\d|\d[.,]|[.,]\d", text[-1:] + content[0]):
            gap = " " if text[-1].isdigit() and content[0].isdigit() else ""
        start = len(text) + len(gap)
        text += gap + content
        cells.append((start, len(text)))
        pieces += _pieces(line, content, start, page)
    height = max(_height(line) for line in lines) / max(usual, 1e-6)
    return Row(text, page, height, top, tuple(cells), tuple(pieces))


def _is_wide_sum(text: str, above: str) -> bool:
    """Whether a row is a sum in wide print, by the word before its number or, where there is none, in the row above."""
    match = _WIDE_SUM.fullmatch(text)
    if not match or "  " not in match["rest"]:
        return False
    label = match["label"] if re.search(r"[^\W\d_]{2}", match["label"]) else above
    return bool(concepts(label) & _SUMS) and not re.search(r"\d", label)


def _pieces(line: Line, content: str, start: int, page: int) -> list[_Piece]:
    pieces = []
    at = 0
    for word in line.words:
        found = content.find(word.text, at)
        if found < 0 or not word.text:
            return [_Piece(start, start + len(content), Source(page, line.polygon), line.confidence)]
        at = found + len(word.text)
        pieces.append(_Piece(start + found, start + at, Source(page, word.polygon), word.confidence))
    return pieces or [_Piece(start, start + len(content), Source(page, line.polygon), line.confidence)]


def _height(line: Line) -> float:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = line.polygon
    return ((dx - ax) ** 2 + (dy - ay) ** 2) ** 0.5 / 2 + ((cx - bx) ** 2 + (cy - by) ** 2) ** 0.5 / 2
