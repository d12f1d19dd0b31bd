"""The rows that a bill is printed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "right", "centre"]
Size = Literal["normal", "small", "wide", "tall", "big"]


@dataclass(frozen=True, slots=True)
class Cell:
    """Text anchored at ``at``, a fraction of the printable width; ``field`` is what it says, if known."""

    text: str
    at: float = 0.0
    align: Align = "left"
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Cells on one baseline. ``face`` 1 is the bill's second typeface; ``before`` is extra space above, in lines."""

    cells: tuple[Cell, ...]
    size: Size = "normal"
    bold: bool = False
    underline: bool = False
    inverse: bool = False
    face: int = 0
    before: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across: drawn ("solid", "double", "dashed") or printed from one or two characters."""

    pattern: str
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A printed picture, ``lines`` text lines high: "barcode", "qr" or "logo"."""

    kind: Literal["barcode", "qr", "logo"]
    lines: float


Element = Row | Rule | Picture
