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


def printed(text: str, confidence: float = 0.8) -> Document:
    """A page with a line of print every 30 px, ten pixels a character."""
    lines = []
    for row, content in enumerate(text.splitlines()):
        y, x = 10.0 + 30 * row, 10.0
        words = []
        for word in content.split(" "):
            words.append(Word(word, box(x, y, x + 10 * len(word), y + 20), confidence))
            x += 10 * (len(word) + 1)
        area = box(10, y, x - 10, y + 20)
        lines.append(Line(content, area, confidence, row, (Segment(content, area, confidence, tuple(words)),)))
    quality = PageQuality(80.0, 150.0, 200.0, 0.5, 0, True)
    return Document((Page(1, 800, max(200, 30 * len(lines) + 40), quality, tuple(lines)),), VERSIONS, {})


def box(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
