"""Glyphs as pixels, and text drawn from them. Ink is uint8: 0 is bare paper, 255 is full ink."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
from PIL import ImageFont

from training.data.fonts import FontFace, Split, find_fonts


@dataclass(frozen=True, slots=True)
class Glyph:
    """``ink`` is (h, w) uint8, its corner at (``left``, ``top``) from the pen on the baseline; ``top`` is negative."""

    ink: np.ndarray
    left: int
    top: int
    advance: float


@dataclass(frozen=True, eq=False)
class Typeface:
    """A face at one size.

    Attributes:
        cap: height of the capitals, px.
    """

    face: FontFace
    cap: float
    font: ImageFont.FreeTypeFont
    glyphs: dict[str, Glyph] = field(default_factory=dict)

    @property
    def cell(self) -> float:
        """Advance of a digit, px."""
        return self.glyph("0").advance

    def glyph(self, c: str) -> Glyph:
        """Raises ValueError for a character that the face lacks."""
        found = self.glyphs.get(c)
        if found is None:
            found = self.glyphs[c] = self._render(c)
        return found

    def _render(self, c: str) -> Glyph:
        if not self.face.covers(c):
            raise ValueError(f"{self.face.path.name} has no {c!r}")
        mask, (left, top) = self.font.getmask2(c, mode="L", anchor="ls")
        width, height = mask.size
        ink = np.frombuffer(bytes(mask), np.uint8).reshape(height, width)
        return Glyph(ink, int(left), int(top), self.font.getlength(c))


@lru_cache(maxsize=512)
def _cap_ratio(face: FontFace) -> float:
    return -ImageFont.truetype(str(face.path), 100).getbbox("H", anchor="ls")[1] / 100


@lru_cache(maxsize=1200)
def typeface(face: FontFace, cap: float) -> Typeface:
    """``face`` with capitals ``cap`` px high. Few distinct sizes keep the glyph cache warm."""
    font = ImageFont.truetype(str(face.path), cap / _cap_ratio(face), layout_engine=ImageFont.Layout.BASIC)
    return Typeface(face, cap, font)


def pen_positions(
    text: str, of: Typeface, cell: float | None = None, blank: float = 1.0, tracking: float = 0.0
) -> np.ndarray:
    """Where the pen stands before each character and after the last, (len(text) + 1,) float, from 0.

    Args:
        cell: fixed advance of every character, px; None for the face's own.
        blank: factor on the advance of blanks.
        tracking: px added after every character.
    """
    advances = [(cell or of.glyph(c).advance) * (blank if c == " " else 1.0) + tracking for c in text]
    return np.concatenate(([0.0], np.cumsum(advances)))


def draw(canvas: np.ndarray, text: str, of: Typeface, x: float, baseline: int, pens: np.ndarray) -> np.ndarray:
    """Draws ``text`` onto ``canvas`` (uint8 ink, in place); ink outside is lost.

    Returns:
        (len(text), 4) float32 ink boxes x0, y0, x1, y1 in canvas px; a blank's spans from the ink before it to the ink
        after it and has no height (y0 = y1 = baseline).
    """
    height, width = canvas.shape
    boxes = np.empty((len(text), 4), np.float32)
    for i, c in enumerate(text):
        glyph = of.glyph(c)
        h, w = glyph.ink.shape
        x0, y0 = round(x + pens[i]) + glyph.left, baseline + glyph.top
        if c == " " or not glyph.ink.size:
            boxes[i] = (np.nan, baseline, np.nan, baseline)
            continue
        boxes[i] = (x0, y0, x0 + w, y0 + h)
        a, b, c0, d = max(y0, 0), min(y0 + h, height), max(x0, 0), min(x0 + w, width)
        if a < b and c0 < d:
            target = canvas[a:b, c0:d]
            np.maximum(target, glyph.ink[a - y0 : b - y0, c0 - x0 : d - x0], out=target)
    return _close_blanks(boxes, x, pens)


def _close_blanks(boxes: np.ndarray, x: float, pens: np.ndarray) -> np.ndarray:
    for i in np.flatnonzero(np.isnan(boxes[:, 0])):
        before = boxes[i - 1, 2] if i > 0 else x + pens[i]
        after = boxes[i + 1, 0] if i + 1 < len(boxes) else x + pens[i + 1]
        after = x + pens[i + 1] if np.isnan(after) else after
        boxes[i, 0], boxes[i, 2] = before, max(before, after)
    return boxes


_KIND_WEIGHTS = {"bitmap": 2.6, "mono": 1.2, "typewriter": 1.0, "sans": 1.3, "serif": 0.7}


@cache
def _designs(fonts: Split) -> tuple[list[list[FontFace]], list[float]]:
    grouped: dict[str, list[FontFace]] = {}
    for face in find_fonts(fonts):
        # Receipts are mostly upright and not bold.
        grouped.setdefault(face.design, []).extend([face] * (1 if face.slanted else 2 if face.bold else 5))
    faces = list(grouped.values())
    return faces, [_KIND_WEIGHTS[group[0].kind] for group in faces]


def choose_face(r: random.Random, text: str, fonts: Split = "train") -> tuple[FontFace, str]:
    """A face, designs weighted by how receipt-like they are, and ``text`` without what it cannot draw."""
    groups, weights = _designs(fonts)
    for _ in range(8):
        face = r.choice(r.choices(groups, weights)[0])
        if face.covers(text):
            return face, text
    kept = " ".join("".join(c for c in text if c in face.characters).split())
    return face, kept or "0"
