"""Printed rows as ink on paper, with a box for every character, and the rows cut into lines at wide gaps."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from training.data.fonts import FontFace
from training.data.synthetic import marks
from training.data.synthetic.raster import Typeface, draw, pen_positions, typeface
from training.data.synthetic.rows import Cell, Element, Picture, Row, Rule, Size

# How often annotators cut a row at a gap of so many line heights (measured on scanned receipts).
_CUT_GAP = (0.6, 0.8, 0.95, 1.05, 1.3, 1.5)
_CUT_SHARE = (0.0, 0.07, 0.28, 0.54, 0.9, 1.0)
_FIELD_ORDER = ("total", "date", "company", "address", "total_label", "item")


@dataclass(frozen=True, slots=True)
class Press:
    """How one bill is printed.

    Attributes:
        faces: the first and the second typeface.
        columns: characters a line.
        width: printable width, px.
        margins: blank paper left and right of it, top, bottom, px.
        cap: height of capitals, px.
        pitch: from baseline to baseline, px.
        threshold: grey level above which a dot is printed, or None for smooth edges.
    """

    faces: tuple[FontFace, FontFace]
    columns: int
    width: int
    margins: tuple[int, int, int, int]
    cap: int
    pitch: float
    threshold: int | None

    @property
    def paper_width(self) -> int:
        return self.margins[0] + self.width + self.margins[1]


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line on the flat paper: ``boxes`` is (len(text), 4) float32 x0, y0, x1, y1 of the ink, blanks flat."""

    text: str
    boxes: np.ndarray
    row: int
    field: str | None
    baseline: float
    cap: float

    @property
    def rectangle(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 with the margins that people leave around text (measured on scanned receipts)."""
        ink = self.boxes[self.boxes[:, 3] > self.boxes[:, 1]]
        x0, y0 = ink[:, :2].min(0).tolist()
        x1, y1 = ink[:, 2:].max(0).tolist()
        height = y1 - y0
        if height < 0.75 * self.cap:  # a lone dash or dot
            y0, y1 = min(y0, self.baseline - self.cap), max(y1, self.baseline)
            height = y1 - y0
        return x0 - 0.13 * height, y0 - 0.12 * height, x1 + 0.12 * height, y1 + 0.09 * height


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    boxes: np.ndarray
    field: str | None
    baseline: float
    cap: float
    stretch: float


def typeset(elements: list[Element], press: Press, r: random.Random) -> tuple[np.ndarray, list[PrintedLine]]:
    """The bill as ink, (height, paper_width) uint8, and its lines from top to bottom."""
    return _Setter(press, r).set(elements)


def printable(text: str, face: FontFace) -> str:
    """``text`` without what ``face`` cannot draw, single blanks."""
    return " ".join("".join(c for c in text if c in face.characters).split())


class _Setter:
    def __init__(self, press: Press, r: random.Random) -> None:
        self.press, self.r = press, r
        self.lines: list[PrintedLine] = []
        self.row = 0
        self.same_cut = r.random()
        self.y = float(press.margins[2])
        self.ink: np.ndarray = np.zeros((0, press.paper_width), np.uint8)

    def set(self, elements: list[Element]) -> tuple[np.ndarray, list[PrintedLine]]:
        press = self.press
        estimate = sum(
            3.5 * press.pitch * (e.lines if isinstance(e, Picture) else 1 + getattr(e, "before", 0)) for e in elements
        )
        self.ink = np.zeros((int(estimate + 1000), press.paper_width), np.uint8)
        for element in elements:
            if isinstance(element, Row):
                self._set_row(element)
            elif isinstance(element, Rule):
                self._set_rule(element)
            else:
                self._set_picture(element)
        return self.ink[: int(self.y) + press.margins[3]], self.lines

    def _scale(self, size: Size, face: FontFace) -> tuple[float, float]:
        """Factors on width and height."""
        if face.monospaced:
            return {
                "normal": (1.0, 1.0),
                "small": (0.78, 0.8),
                "wide": (2.0, 1.0),
                "tall": (1.0, 2.0),
                "big": (2.0, 2.0),
            }[size]
        factor = {"normal": 1.0, "small": 0.8, "wide": 1.25, "tall": 1.4, "big": 1.7}[size]
        return factor, factor

    def _set_row(self, row: Row) -> None:
        press = self.press
        self.y += row.before * press.pitch
        if not row.cells:
            return
        face = press.faces[row.face]
        wide, high = self._scale(row.size, face)
        smooth = not face.monospaced
        of = typeface(face, round(press.cap * high) if smooth else press.cap)
        if not smooth:
            cell = press.width / press.columns
            # The printer's cell squeezes or stretches the face.
            squeeze = min(max(cell / of.cell, 0.55), 1.3)
            advance = cell / squeeze
            sx, sy = squeeze * wide, high
        else:
            advance, sx, sy = None, 1.0, 1.0
        cap = of.cap * sy
        baseline = round(self.y + press.pitch * max(1.0, high) * 0.8)
        later: list[Cell] = []
        words: list[_Word] = []
        taken: list[tuple[float, float]] = []
        room = press.width / press.columns * wide * 0.9
        for cell_ in row.cells:
            text = printable(cell_.text, face)
            if not text:
                continue
            pens = pen_positions(text, of, advance)
            while pens[-1] * sx * 0.7 > press.width and len(text) > 1:
                text = text[:-1].rstrip()
                pens = pen_positions(text, of, advance)
            tight = min(sx, press.width / pens[-1])  # a little too long: condensed
            width = pens[-1] * tight
            shift = {"left": 0.0, "right": width, "centre": width / 2}[cell_.align]
            x = press.margins[0] + min(max(cell_.at * press.width - shift, 0), press.width - width)
            if any(x < b + room and a < x + width + room for a, b in taken):
                later.append(cell_)
                continue
            taken.append((x, x + width))
            words += self._print(text, of, x, baseline, pens, tight, sy, row, cell_.field, cap)
        self._cut(sorted(words, key=lambda word: word.boxes[0, 0]))
        self.row += bool(words)
        self.y += press.pitch * max(1.0, high)
        if later and len(later) < len(row.cells):
            self._set_row(Row(tuple(later), row.size, row.bold, row.underline, row.inverse, row.face))

    def _print(
        self,
        text: str,
        of: Typeface,
        x: float,
        baseline: int,
        pens: np.ndarray,
        sx: float,
        sy: float,
        row: Row,
        field: str | None,
        cap: float,
    ) -> list[_Word]:
        """Draws one cell and returns its words with their boxes on the paper."""
        press = self.press
        above, pad = round(1.75 * of.cap), round(0.5 * of.cap)
        patch: np.ndarray = np.zeros((above + round(0.7 * of.cap), int(pens[-1]) + 2 * pad), np.uint8)
        boxes = draw(patch, text, of, pad, above, pens)
        if (sx, sy) != (1.0, 1.0):
            how = cv2.INTER_NEAREST if press.threshold is not None and sx >= 2 and sy >= 2 else cv2.INTER_LINEAR
            size = max(1, round(patch.shape[1] * sx)), max(1, round(patch.shape[0] * sy))
            boxes *= np.array([size[0] / patch.shape[1], size[1] / patch.shape[0]] * 2, np.float32)
            patch = cv2.resize(patch, size, interpolation=how)
        if press.threshold is not None:
            patch = cv2.threshold(patch, press.threshold, 255, cv2.THRESH_BINARY)[1]
        if row.bold and not of.face.bold:
            step = max(1, round(cap / 14))
            np.maximum(patch[:, step:], patch[:, :-step].copy(), out=patch[:, step:])
            boxes[:, 2] += step
        left, top = round(x - pad * sx), round(baseline - above * sy)
        boxes += np.array([left, top] * 2, np.float32)
        if row.underline:
            y = baseline + max(2, round(0.25 * cap)) - top
            patch[y : y + 2, round(pad * sx) : -round(pad * sx) or None] = 255
        if row.inverse:
            first, last = round((above - 1.2 * of.cap) * sy), round((above + 0.3 * of.cap) * sy)
            patch = 255 - patch[first:last]
            top += first
        a, b, c, d = max(top, 0), top + patch.shape[0], max(left, 0), min(left + patch.shape[1], self.ink.shape[1])
        target = self.ink[a:b, c:d]
        np.maximum(target, patch[a - top : a - top + target.shape[0], c - left : d - left], out=target)
        words, start = [], 0
        for part in text.split(" "):
            end = start + len(part)
            if part:
                words.append(_Word(part, boxes[start:end], field, float(baseline), cap, max(1.0, sx / max(sy, 1.0))))
            start = end + 1
        return words

    def _cut(self, words: list[_Word]) -> None:
        """Joins the words of a row into lines; the wider the gap, the likelier a cut."""
        group: list[_Word] = []
        for word in words:
            if group:
                gap = (word.boxes[0, 0] - group[-1].boxes[-1, 2]) / (1.3 * word.cap * word.stretch)
                chance = self.same_cut if self.r.random() < 0.5 else self.r.random()
                if chance < np.interp(gap, _CUT_GAP, _CUT_SHARE):
                    self._line(group)
                    group = []
            group.append(word)
        if group:
            self._line(group)

    def _line(self, words: list[_Word]) -> None:
        boxes = [words[0].boxes]
        for before, word in pairwise(words):
            blank = [before.boxes[-1, 2], word.baseline, max(before.boxes[-1, 2], word.boxes[0, 0]), word.baseline]
            boxes += [np.array([blank], np.float32), word.boxes]
        fields = {word.field for word in words if word.field}
        field = next((name for name in _FIELD_ORDER if name in fields), min(fields, default=None))
        text = " ".join(word.text for word in words)
        self.lines.append(PrintedLine(text, np.concatenate(boxes), self.row, field, words[0].baseline, words[0].cap))

    def _set_rule(self, rule: Rule) -> None:
        press = self.press
        x0, x1 = press.margins[0] + round(rule.start * press.width), press.margins[0] + press.width
        y = round(self.y + press.pitch * 0.5)
        if rule.pattern in ("solid", "double", "dashed"):
            thick = self.r.choice((1, 2, 2, 3))
            self.ink[y : y + thick, x0:x1] = 255
            if rule.pattern == "double":
                self.ink[y + 2 * thick + 1 : y + 3 * thick + 1, x0:x1] = 255
            if rule.pattern == "dashed":
                for x in range(x0, x1, 9):
                    self.ink[y : y + thick, x : x + 3] = 0
        else:
            face = press.faces[0]
            pattern = "".join(c for c in rule.pattern if c in face.characters) or "-"
            of = typeface(face, press.cap)
            cell = press.width / press.columns
            squeeze = min(max(cell / of.cell, 0.55), 1.3) if face.monospaced else 1.0
            advance = cell / squeeze if face.monospaced else None
            text = pattern * (4 * press.columns)
            pens = pen_positions(text, of, advance)
            count = max(1, int(np.searchsorted(pens * squeeze, x1 - x0)) - 1)
            self._print(
                text[:count],
                of,
                x0,
                round(self.y + press.pitch * 0.8),
                pens[: count + 1],
                squeeze,
                1.0,
                Row(()),
                None,
                of.cap,
            )
        self.y += press.pitch * self.r.choice((0.8, 1.0))

    def _set_picture(self, picture: Picture) -> None:
        press, r = self.press, self.r
        height = round(picture.lines * press.pitch)
        y = round(self.y + 0.2 * press.pitch)
        if picture.kind == "qr":
            width = height
        else:
            width = round(press.width * r.uniform(0.35, 0.8))
        width = min(width, press.width)
        x = press.margins[0] + (press.width - width) // 2
        if picture.kind == "qr":
            marks.qr(r, self.ink, x, y, height)
        elif picture.kind == "barcode":
            marks.barcode(r, self.ink, x, y, width, height)
        else:
            marks.logo(r, self.ink, x, y, width, height)
        self.y += height + 0.6 * press.pitch
