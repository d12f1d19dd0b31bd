"""ALTO, PAGE and hOCR: held to their schemas, and read again by lxml."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billocr_assets.exports import ReadBill, alto, hocr, page
from billocr_assets.exports.markup import clean
from billocr_assets.fields import Fields
from billocr_assets.ocr.document import Document, Page, PageQuality
from tests.exports import made
from tests.fields import bills

SCHEMAS = Path(__file__).parent / "schemas"
BLANK = made.read_bill(Document((Page(1, 300, 400, PageQuality(9, 9, 9, 0, 0, False), ()),), {}), Fields(), upload=b"-")


class _Local(etree.Resolver):
    """ALTO's schema imports XLink's from the network; here it lies beside."""

    def resolve(self, url: str, public_id: str, context: object) -> object:
        return self.resolve_filename(str(SCHEMAS / "xlink.xsd"), context) if url.endswith("/xlink.xsd") else None


def schema(name: str) -> etree.XMLSchema:
    parser = etree.XMLParser()
    parser.resolvers.add(_Local())
    return etree.XMLSchema(etree.parse(SCHEMAS / name, parser))


ALTO, PAGE = schema("alto-4-2.xsd"), schema("page-2019-07-15.xsd")


def valid(content: bytes, against: etree.XMLSchema) -> etree._Element:
    root = etree.fromstring(content)
    against.assertValid(root)
    return root


def alto_lines(content: bytes) -> list[str]:
    lines = valid(content, ALTO).iterfind(".//{*}TextLine")
    return [" ".join(word.get("CONTENT") for word in line.iterfind("{*}String")) for line in lines]


def page_lines(content: bytes) -> list[str]:
    lines = valid(content, PAGE).iterfind(".//{*}TextLine")
    return [line.findtext("{*}TextEquiv/{*}Unicode") or "" for line in lines]


def hocr_lines(content: bytes) -> list[str]:
    lines = etree.fromstring(content).iterfind(".//*[@class='ocr_line']")
    return [" ".join(word.text or "" for word in line.iterfind("*[@class='ocrx_word']")) for line in lines]


def corners(points: str) -> list[tuple[float, float]]:
    numbers = [float(number) for number in re.split("[ ,]", points)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_the_schemas_refuse_what_is_wrong():
    (good,) = alto.write(made.of_text("A bill"))
    with pytest.raises(etree.DocumentInvalid):
        valid(good.replace(b"CONTENT=", b"content="), ALTO)
    (good,) = page.write(made.of_text("A bill"))
    with pytest.raises(etree.DocumentInvalid):
        valid(re.sub(rb'points="\d', b'points="-1', good), PAGE)


@pytest.mark.parametrize("text", made.ALL)
def test_alto_validates_and_gives_back_text_boxes_and_confidences(text: str):
    bill = made.of_text(text, bills.ENGLISH)
    (content,) = alto.write(bill)
    root = valid(content, ALTO)
    assert [(one.get("WIDTH"), one.get("HEIGHT")) for one in root.iterfind(".//{*}Page")] == [
        (str(page.width), str(page.height)) for page in bill.document.pages
    ]
    assert alto_lines(content) == [line.text for line in bill.document.lines]
    strings = list(root.iterfind(".//{*}String"))
    assert [string.get("CONTENT") for string in strings] == [word.text for word in bill.document.words]
    for string, word in zip(strings, bill.document.words, strict=True):
        (left, top), (right, _), (_, bottom), _ = word.polygon
        box = [float(string.get(name)) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
        assert box == [left, top, right - left, bottom - top]
        assert corners(string.find("{*}Shape/{*}Polygon").get("POINTS")) == list(word.polygon)
        assert float(string.get("WC")) == word.confidence


@pytest.mark.parametrize("text", made.ALL)
def test_page_validates_and_gives_back_text_and_boxes(text: str):
    bill = made.of_text(text, bills.ENGLISH)
    first, second = page.write(bill)
    assert page_lines(first) == [line.text for line in bill.document.pages[0].lines]
    assert page_lines(second) == [line.text for line in bill.document.pages[1].lines]
    root = valid(first, PAGE)
    words = [word for line in bill.document.pages[0].lines for word in line.words]
    found = list(root.iterfind(".//{*}Word"))
    assert [word.findtext("{*}TextEquiv/{*}Unicode") for word in found] == [word.text for word in words]
    for element, word in zip(found, words, strict=True):
        assert corners(element.find("{*}Coords").get("points")) == list(word.polygon)
    assert datetime.fromisoformat(root.findtext("{*}Metadata/{*}Created")) == made.READ_AT.replace(tzinfo=None)
    assert root.find("{*}Page").get("imageFilename") == "bill.jpg"


@pytest.mark.parametrize("text", made.ALL)
def test_hocr_is_well_formed_and_gives_back_text_and_boxes(text: str):
    bill = made.of_text(text, bills.ENGLISH)
    (content,) = hocr.write(bill)
    assert hocr_lines(content) == [line.text for line in bill.document.lines]
    root = etree.fromstring(content)
    pages = root.findall(".//*[@class='ocr_page']")
    titles = [one.get("title") for one in pages]
    assert titles == [
        f'image "bill.jpg"; bbox 0 0 {one.width} {one.height}; ppageno {one.number - 1}' for one in bill.document.pages
    ]
    for element, word in zip(root.iterfind(".//*[@class='ocrx_word']"), bill.document.words, strict=True):
        (left, top), (right, _), (_, bottom), _ = word.polygon
        title = dict(part.strip().split(" ", 1) for part in element.get("title").split(";"))
        assert [int(number) for number in title["bbox"].split()] == [left, top, right, bottom]
        assert [int(number) for number in title["poly"].split()] == [
            number for corner in word.polygon for number in corner
        ]
        assert int(title["x_wconf"]) == 100 * word.confidence


def test_a_line_without_blanks_in_between_has_none_in_a_browser():
    """Text between the words of a line is one blank or none, as hOCR readers that take the text expect."""
    (content,) = hocr.write(made.of_text("TOTAL 6.30"))
    (line,) = etree.fromstring(content).iterfind(".//*[@class='ocr_line']")
    assert " ".join("".join(line.itertext()).split()) == "TOTAL 6.30"


def test_a_blank_page_is_valid_too():
    assert alto_lines(*alto.write(BLANK)) == page_lines(*page.write(BLANK)) == hocr_lines(*hocr.write(BLANK)) == []


def test_corners_outside_the_page_are_brought_onto_it_where_the_format_asks():
    bill = made.read_bill(made.tilted(bills.document(bills.GERMAN), 14), Fields(), upload=b"-")
    shifted = made.moved(bill.document, lambda x, y: (x - 250, y - 250), 400, 300)
    bill = made.read_bill(shifted, Fields(), upload=b"-")
    (content,) = page.write(bill)
    for element in valid(content, PAGE).iterfind(".//{*}Coords"):
        assert all(0 <= x <= 400 and 0 <= y <= 300 for x, y in corners(element.get("points")))
    (content,) = alto.write(bill)
    valid(content, ALTO)


@pytest.mark.parametrize("name", ['a "quoted" & <named> bill.jpg', "back\\slash.png", "čas\x07.jpg"])
def test_names_of_files_break_nothing(name: str):
    bill = made.of_text("One line", name=name)
    (content,) = alto.write(bill)
    assert valid(content, ALTO).findtext(".//{*}fileName") == clean(name)
    (content,) = page.write(bill)
    assert valid(content, PAGE).find("{*}Page").get("imageFilename") == clean(name)
    (content,) = hocr.write(bill)
    (title,) = (one.get("title") for one in etree.fromstring(content).iterfind(".//*[@class='ocr_page']"))
    assert re.fullmatch(r'image "[^"\\]*"; bbox 0 0 \d+ \d+; ppageno 0', title)


@pytest.mark.parametrize(
    ("write", "lines"), [(alto.write, alto_lines), (page.write, page_lines), (hocr.write, hocr_lines)]
)
@settings(deadline=None)
@given(words=st.lists(st.lists(st.text(min_size=1), min_size=1, max_size=3), min_size=1, max_size=3))
def test_any_text_makes_a_valid_file_and_comes_back(
    write: Callable[[ReadBill], list[bytes]], lines: Callable[[bytes], list[str]], words: list[list[str]]
):
    bill = made.read_bill(made.of_words(*words), Fields(), upload=b"-")
    (content,) = write(bill)
    assert lines(content) == [clean(line.text) for line in bill.document.lines]
