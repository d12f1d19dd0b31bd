"""hOCR 1.2: XHTML with the boxes in the titles of its elements; opens in any browser."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from billocr_assets.exports.bill import ReadBill, words_of
from billocr_assets.exports.markup import clean, file_of, whole_points
from billocr_assets.ocr.document import Page, Polygon


def write(bill: ReadBill) -> list[bytes]:
    root = Element("html", {"xmlns": "http://www.w3.org/1999/xhtml"})
    head = SubElement(root, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "title").text = clean(bill.name)
    for name, content in (("ocr-system", "Bill OCR"), ("ocr-capabilities", "ocr_page ocr_line ocrx_word")):
        SubElement(head, "meta", {"name": name, "content": content})
    body = SubElement(root, "body")
    for page in bill.document.pages:
        _page(body, page, bill.name)
    return [file_of(root, "<!DOCTYPE html>\n")]


def _page(body: Element, page: Page, name: str) -> None:
    # Quotes and backslashes would end the name early.
    image = clean(name).replace('"', "").replace("\\", "")
    title = f'image "{image}"; bbox 0 0 {page.width} {page.height}; ppageno {page.number - 1}'
    element = SubElement(body, "div", {"class": "ocr_page", "id": f"page_{page.number}", "title": title})
    for index, line in enumerate(page.lines):
        key = f"line_{page.number}_{index}"
        paragraph = SubElement(element, "p")  # so that a browser shows a line a line
        text_line = SubElement(paragraph, "span", {"class": "ocr_line", "id": key, "title": _place(line.polygon, page)})
        for place, word in enumerate(words := words_of(line)):
            confidence = round(100 * min(max(word.confidence, 0), 1))
            title = f"{_place(word.polygon, page)}; x_wconf {confidence}"
            span = SubElement(text_line, "span", {"class": "ocrx_word", "id": f"{key}_{place}", "title": title})
            span.text = clean(word.text)
            span.tail = " " if place < len(words) - 1 else None


def _place(polygon: Polygon, page: Page) -> str:
    corners = whole_points(polygon, page)
    across, down = [x for x, _ in corners], [y for _, y in corners]
    points = " ".join(f"{x} {y}" for x, y in corners)
    return f"bbox {min(across)} {min(down)} {max(across)} {max(down)}; poly {points}"
