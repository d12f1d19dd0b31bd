"""Documents as a reading would find them."""

from __future__ import annotations

from billocr_assets.ocr.document import Document, Line, Page, PageQuality, Polygon, Segment, Word

VERSIONS = {"line_detector": "1.0.0", "line_segmenter": "1.1.0", "line_recogniser": "2.0.0"}


def document(text: str, confidence: float = 0.9, models: dict[str, str] | None = None) -> Document:
    """A page with one line a line of the text."""
    box: Polygon = ((0, 0), (100, 0), (100, 20), (0, 20))
    lines = []
    for row, line in enumerate(text.splitlines()):
        words = tuple(Word(word, box, confidence) for word in line.split(" "))
        lines.append(Line(line, box, confidence, row, (Segment(line, box, confidence, words),)))
    quality = PageQuality(80.0, 150.0, 200.0, 0.5, 0, True)
    page = Page(1, 120, 200, quality, tuple(lines))
    return Document((page,), models or VERSIONS, {"text_lines": 0.25})
