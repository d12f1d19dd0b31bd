"""ALTO 4.2: all pages of a bill in one file, polygons and word confidences included."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from billocr_assets.exports.bill import ReadBill, words_of
from billocr_assets.exports.markup import box_of, clean, file_of, number
from billocr_assets.ocr.document import Document, Page, Polygon

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"


def write(bill: ReadBill) -> list[bytes]:
    root = Element("alto", {"xmlns": _NAMESPACE, "SCHEMAVERSION": "4.2"})
    description = SubElement(root, "Description")
    SubElement(description, "MeasurementUnit").text = "pixel"
    source = SubElement(description, "sourceImageInformation")
    SubElement(source, "fileName").text = clean(bill.name)
    _processing(description, bill.document)
    layout = SubElement(root, "Layout")
    for page in bill.document.pages:
        _page(layout, page)
    return [file_of(root)]


def _processing(description: Element, document: Document) -> None:
    step = SubElement(description, "Processing", {"ID": "reading"})
    SubElement(step, "processingCategory").text = "contentGeneration"
    models = ", ".join(f"{network} {version}" for network, version in sorted(document.models.items()))
    SubElement(step, "processingStepSettings").text = clean(models)
    SubElement(SubElement(step, "processingSoftware"), "softwareName").text = "Bill OCR"


def _page(layout: Element, page: Page) -> None:
    key = f"p{page.number}"
    size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
    whole = {"PHYSICAL_IMG_NR": str(page.number), "PROCESSINGREFS": "reading"}
    element = SubElement(layout, "Page", {"ID": key, **whole, **size})
    space = SubElement(element, "PrintSpace", {"HPOS": "0", "VPOS": "0", **size})
    # A line without words cannot be told in ALTO.
    lines = [(index, line, words) for index, line in enumerate(page.lines) if (words := words_of(line))]
    if not lines:
        return
    block = SubElement(space, "TextBlock", {"ID": f"{key}b", **_box(*(line.polygon for _, line, _ in lines))})
    for index, line, words in lines:
        text_line = SubElement(block, "TextLine", {"ID": f"{key}l{index}", **_box(line.polygon)})
        _shape(text_line, line.polygon)
        for place, word in enumerate(words):
            if place:
                SubElement(text_line, "SP")
            confidence = f"{min(max(word.confidence, 0), 1):.3f}"
            content = {"CONTENT": clean(word.text), "WC": confidence}
            string = SubElement(text_line, "String", {"ID": f"{key}l{index}w{place}", **content, **_box(word.polygon)})
            _shape(string, word.polygon)


def _box(*polygons: Polygon) -> dict[str, str]:
    left, top, right, bottom = box_of(polygons)
    names = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    return dict(zip(names, map(number, (left, top, right - left, bottom - top)), strict=True))


def _shape(element: Element, polygon: Polygon) -> None:
    points = " ".join(f"{number(x)},{number(y)}" for x, y in polygon)
    SubElement(SubElement(element, "Shape"), "Polygon", {"POINTS": points})
