"""PAGE 2019-07-15: a file a page, since the format knows no document of several."""

from __future__ import annotations

from datetime import UTC
from xml.etree.ElementTree import Element, SubElement

from billocr_assets.exports.bill import ReadBill, words_of
from billocr_assets.exports.markup import box_of, clean, file_of, whole_points
from billocr_assets.ocr.document import Page, Polygon

_NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def write(bill: ReadBill) -> list[bytes]:
    return [_file(bill, page) for page in bill.document.pages]


def _file(bill: ReadBill, page: Page) -> bytes:
    root = Element("PcGts", {"xmlns": _NAMESPACE})
    metadata = SubElement(root, "Metadata")
    SubElement(metadata, "Creator").text = "Bill OCR"
    when = bill.read_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    SubElement(metadata, "Created").text = when
    SubElement(metadata, "LastChange").text = when
    size = {"imageWidth": str(page.width), "imageHeight": str(page.height)}
    element = SubElement(root, "Page", {"imageFilename": clean(bill.name), **size})
    if not page.lines:
        return file_of(root)
    region = SubElement(element, "TextRegion", {"id": "r1"})
    left, top, right, bottom = box_of(line.polygon for line in page.lines)
    _coords(region, ((left, top), (right, top), (right, bottom), (left, bottom)), page)
    for index, line in enumerate(page.lines):
        text_line = SubElement(region, "TextLine", {"id": f"l{index}"})
        _coords(text_line, line.polygon, page)
        for place, word in enumerate(words_of(line)):
            of_word = SubElement(text_line, "Word", {"id": f"l{index}w{place}"})
            _coords(of_word, word.polygon, page)
            _text(of_word, word.text, word.confidence)
        _text(text_line, line.text, line.confidence)
    return file_of(root)


def _coords(element: Element, polygon: Polygon, page: Page) -> None:
    SubElement(element, "Coords", {"points": " ".join(f"{x},{y}" for x, y in whole_points(polygon, page))})


def _text(element: Element, text: str, confidence: float) -> None:
    equivalent = SubElement(element, "TextEquiv", {"conf": f"{min(max(confidence, 0), 1):.3f}"})
    SubElement(equivalent, "Unicode").text = clean(text)
