"""The result of reading a bill: document > pages > lines > segments > words.

Every polygon has four corners, clockwise from the text's own top left, in pixels of the upload's page (after EXIF
rotation; for a PDF, of the rendered page). Confidences lie in 0..1. Lines stand in reading order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA_VERSION = "1.0"

Polygon = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    polygon: Polygon
    confidence: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line: as much of it as the detector boxed in one."""

    text: str
    polygon: Polygon
    confidence: float
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A text line; lines that stand side by side on the bill share a ``row`` (0-based, down the page)."""

    text: str
    polygon: Polygon
    confidence: float
    row: int
    segments: tuple[Segment, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)


@dataclass(frozen=True, slots=True)
class PageQuality:
    """What preprocessing found out about a page.

    Attributes:
        sharpness: variance of the Laplacian on the rectified page; below about 50 a page is blurred.
        contrast: 95th minus 5th percentile of grey, 0..255.
        brightness: median grey, 0..255.
        skew_degrees: rotation taken out after the quarter turns, counter-clockwise positive.
        orientation: quarter turns taken out: 0, 90, 180 or 270 degrees clockwise.
        paper_found: whether the paper's outline was found and rectified; else the whole picture was used.
    """

    sharpness: float
    contrast: float
    brightness: float
    skew_degrees: float
    orientation: int
    paper_found: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page; ``width`` and ``height`` are the upload's pixels that the polygons refer to."""

    number: int
    width: int
    height: int
    quality: PageQuality
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """One text line a row, lines of a row joined by two blanks."""
        rows: dict[int, list[str]] = {}
        for line in self.lines:
            rows.setdefault(line.row, []).append(line.text)
        return "\n".join("  ".join(rows[row]) for row in sorted(rows))


@dataclass(frozen=True, slots=True)
class Document:
    """A whole bill as read.

    Attributes:
        pages: in the upload's order.
        models: network name (``line_detector``, ``line_segmenter``, ``line_recogniser``) to the version that read it.
        seconds: stage name to seconds of wall time.
    """

    pages: tuple[Page, ...]
    models: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    version: str = SCHEMA_VERSION

    @property
    def text(self) -> str:
        return "\n\n".join(page.text for page in self.pages)

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for page in self.pages for line in page.lines)

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for line in self.lines for word in line.words)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, valid against ``document.schema.json``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Document:
        """The inverse of :meth:`to_dict`; what lines carry besides is passed over.

        Raises:
            ValueError: the data carries another major schema version.
        """
        if data["version"].split(".")[0] != SCHEMA_VERSION.split(".")[0]:
            raise ValueError(f"document schema {data['version']} is not {SCHEMA_VERSION}")
        return cls(
            pages=tuple(_page(page) for page in data["pages"]),
            models=dict(data["models"]),
            seconds=dict(data["seconds"]),
            version=data["version"],
        )


def _page(data: dict[str, Any]) -> Page:
    return Page(
        **{**data, "quality": PageQuality(**data["quality"]), "lines": tuple(_line(line) for line in data["lines"])}
    )


def _line(data: dict[str, Any]) -> Line:
    segments = tuple(
        Segment(
            segment["text"],
            plain_polygon(segment["polygon"]),
            segment["confidence"],
            tuple(Word(word["text"], plain_polygon(word["polygon"]), word["confidence"]) for word in segment["words"]),
        )
        for segment in data["segments"]
    )
    return Line(data["text"], plain_polygon(data["polygon"]), data["confidence"], data["row"], segments)


def plain_polygon(points: Any) -> Polygon:
    """The inverse of what JSON makes of a :data:`Polygon`, which was rounded when it was made."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return (float(ax), float(ay)), (float(bx), float(by)), (float(cx), float(cy)), (float(dx), float(dy))


def as_polygon(points: Any) -> Polygon:
    """Four (x, y) pairs of any kind as a :data:`Polygon`, rounded to a tenth of a pixel."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return (
        (round(float(ax), 1), round(float(ay), 1)),
        (round(float(bx), 1), round(float(by), 1)),
        (round(float(cx), 1), round(float(cy), 1)),
        (round(float(dx), 1), round(float(dy), 1)),
    )
