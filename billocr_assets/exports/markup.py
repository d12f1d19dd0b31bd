"""What ALTO, PAGE and hOCR share: characters that XML allows, coordinates, and the file's bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from billocr_assets.ocr.document import Page, Polygon

_BLANK = re.compile(r"[\t\r\n]")
_FORBIDDEN = re.compile("[^ -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Box = tuple[float, float, float, float]


def clean(text: str) -> str:
    """The text as XML can carry it: line breaks and tabs become blanks, characters that XML forbids U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", _BLANK.sub(" ", text))


def box_of(polygons: Iterable[Polygon]) -> Box:
    """(left, top, right, bottom) around polygons, of which there is at least one."""
    corners = [corner for polygon in polygons for corner in polygon]
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return min(across), min(down), max(across), max(down)


def whole_points(polygon: Polygon, page: Page) -> list[tuple[int, int]]:
    """The corners as whole pixels within the page."""
    return [(min(max(round(x), 0), page.width), min(max(round(y), 0), page.height)) for x, y in polygon]


def number(value: float) -> str:
    """A coordinate to a tenth of a pixel, the shortest way."""
    return f"{round(value, 1):.1f}".removesuffix(".0")


def file_of(root: ElementTree.Element, doctype: str = "") -> bytes:
    """The whole file, indented, UTF-8."""
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{doctype}'.encode() + ElementTree.tostring(root, "utf-8") + b"\n"
