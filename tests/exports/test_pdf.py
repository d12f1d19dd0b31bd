"""Searchable PDF: text and boxes found again by PDFium, pictures compared byte for byte and pixel for pixel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import onnxruntime
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from billocr_assets.exports import ReadBill, pdf
from billocr_assets.fields import Fields, extract_fields
from billocr_assets.ocr import pages
from billocr_assets.ocr.document import Document, Page, Word
from billocr_assets.ocr.errors import Damaged
from billocr_assets.ocr.models import load_models
from billocr_assets.ocr.pipeline import read_bill
from tests.exports import made
from tests.exports.invisible_font import font
from tests.fields import bills

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "billocr_ui" / "samples").glob("*.jpg"))
ALPHABET = "".join(
    json.loads(
        onnxruntime.InferenceSession(ROOT / "billocr_assets/models/line_recogniser/model.onnx")
        .get_modelmeta()
        .custom_metadata_map["alphabet"]
    )
)


def opened(bill: ReadBill) -> pypdfium2.PdfDocument:
    (content,) = pdf.write(bill)
    return pypdfium2.PdfDocument(content)


def lines_of(page: pypdfium2.PdfPage) -> list[str]:
    return [" ".join(line.split()) for line in page.get_textpage().get_text_range().splitlines()]


def our_lines(page: Page) -> list[str]:
    return [" ".join(line.split()) for line in page.text.splitlines()]


def word_boxes(page: pypdfium2.PdfPage, words: list[str], scale: float) -> Iterator[tuple[float, float, float, float]]:
    """(left, top, right, bottom) in pixels of each of the words, in the order of the text."""
    textpage, height = page.get_textpage(), page.get_height()
    text = "".join(chr(pdfium.FPDFText_GetUnicode(textpage, index)) for index in range(textpage.count_chars()))
    start = 0
    for word in words:
        start = text.index(word, start)
        boxes = [textpage.get_charbox(index, loose=True) for index in range(start, start + len(word))]
        left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, top = max(box[2] for box in boxes), max(box[3] for box in boxes)
        yield left / scale, (height - top) / scale, right / scale, (height - bottom) / scale
        start += len(word)


def rows_first(page: Page) -> list[tuple[str, tuple[tuple[float, float], ...]]]:
    lines = sorted(page.lines, key=lambda line: line.row)
    return [(word.text, word.polygon) for line in lines for word in line.words]


def assert_boxes_agree(found: pypdfium2.PdfPage, page: Page) -> None:
    """Every word's box lies within two pixels of ours."""
    ours = rows_first(page)
    told = word_boxes(found, [text for text, _ in ours], found.get_width() / page.width)
    for (text, polygon), box in zip(ours, told, strict=True):
        across, down = [x for x, _ in polygon], [y for _, y in polygon]
        expected = (min(across), min(down), max(across), max(down))
        assert np.abs(np.subtract(box, expected)).max() <= 2, (text, box, expected)


def raw_image(page: pypdfium2.PdfPage) -> bytes:
    (image,) = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE])
    return bytes(image.get_data(decode_simple=False))


@pytest.mark.parametrize("text", made.ALL)
def test_the_text_comes_back_line_by_line_on_every_page(text: str):
    bill = made.of_text(text, bills.ENGLISH)
    file = opened(bill)
    assert [lines_of(page) for page in file] == [our_lines(page) for page in bill.document.pages]


@pytest.mark.parametrize("degrees", [0, -3, 4, 8, -12])
@pytest.mark.parametrize("text", [bills.GERMAN, bills.CZECH])
def test_words_lie_where_they_are_read_also_on_a_tilted_page(text: str, degrees: int):
    document = made.tilted(bills.document(text), degrees)
    (page,) = opened(made.read_bill(document))
    assert lines_of(page) == our_lines(document.pages[0])
    assert_boxes_agree(page, document.pages[0])


@pytest.fixture(scope="module")
def read() -> dict[str, Document]:
    """The sample bills, read."""
    models = load_models(None)
    return {path.name: read_bill(path.read_bytes(), models) for path in SAMPLES}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_real_bill_comes_back_line_by_line_in_its_place(path: Path, read: dict[str, Document]):
    document = read[path.name]
    bill = ReadBill("b", path.name, document, extract_fields(document), made.READ_AT, path.read_bytes)
    (page,) = opened(bill)
    assert lines_of(page) == our_lines(document.pages[0])
    assert_boxes_agree(page, document.pages[0])
    assert raw_image(page) == path.read_bytes()


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_that_was_photographed_sideways_stands_upright(quarters: int):
    straight = bills.document(bills.GERMAN)
    wide, high = straight.pages[0].width, straight.pages[0].height
    turns = {1: lambda x, y: (high - y, x), 2: lambda x, y: (wide - x, high - y), 3: lambda x, y: (y, wide - x)}
    size = (wide, high) if quarters == 2 else (high, wide)
    document = made.moved(straight, turns[quarters], *size)
    upload = made.picture(document.pages[0], "PNG")
    (page,) = opened(made.read_bill(document, upload=upload))
    assert lines_of(page) == our_lines(straight.pages[0])
    assert_boxes_agree(page, straight.pages[0])
    # The picture is turned with it: the page shows what the upload shows turned back.
    shown = page.render(scale=72 / 72 * wide / page.get_width()).to_pil().convert("RGB").resize((wide, high))
    upright = Image.open(BytesIO(upload)).rotate(90 * quarters, expand=True)
    assert np.abs(np.asarray(shown, float) - np.asarray(upright, float)).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_embedded_as_uploaded_and_shown_upright(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    document = bills.document(bills.ENGLISH)
    page = document.pages[0]
    stored = (page.height, page.width) if orientation >= 5 else (page.width, page.height)
    photo = Image.new("RGB", stored, "white")
    photo.paste("red", (0, 0, stored[0] // 2, stored[1] // 3))
    photo.paste("blue", (stored[0] // 2, stored[1] // 2, stored[0], stored[1]))
    file = BytesIO()
    photo.save(file, "JPEG", quality=95, exif=exif)
    upload = file.getvalue()
    (found,) = opened(made.read_bill(document, upload=upload))
    assert raw_image(found) == upload
    (expected,) = pages.load_pages(upload, grey=False)
    shown = found.render(scale=page.width / found.get_width()).to_pil().convert("RGB").resize((page.width, page.height))
    assert np.abs(np.asarray(shown, float) - expected).mean() < 4


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "PDF"])
def test_other_pictures_and_pdfs_show_what_was_uploaded(kind: str):
    document = bills.document(bills.GERMAN)
    upload = made.picture(document.pages[0], kind, **({"resolution": 200.0} if kind == "PDF" else {}))
    (page,) = opened(made.read_bill(document, upload=upload))
    (expected,) = pages.load_pages(upload, grey=False)
    shown = (
        page.render(scale=expected.shape[1] / page.get_width()).to_pil().convert("RGB").resize(expected.shape[1::-1])
    )
    assert np.abs(np.asarray(shown, float) - expected).mean() < 6
    assert lines_of(page) == our_lines(document.pages[0])


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_four_colour_jpegs_are_shown_as_they_are(mode: str):
    document = bills.document(bills.GERMAN)
    size = (document.pages[0].width, document.pages[0].height)
    file = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").convert(mode).save(file, "JPEG", quality=95)
    (page,) = opened(made.read_bill(document, upload=file.getvalue()))
    (expected,) = pages.load_pages(file.getvalue(), grey=False)
    shown = page.render(scale=size[0] / page.get_width()).to_pil().convert("RGB").resize(size)
    assert np.abs(np.asarray(shown, float) - expected).mean() < 6


def test_the_text_is_never_seen():
    document = bills.document(bills.GERMAN)
    white = BytesIO()
    Image.new("RGB", (document.pages[0].width, document.pages[0].height), "white").save(white, "JPEG")
    (page,) = opened(made.read_bill(document, upload=white.getvalue()))
    assert np.asarray(page.render(scale=2).to_pil().convert("L")).min() >= 250


def test_every_character_that_is_read_survives():
    assert {"€", "ő", "ł", "č", "ß", "é", "ů"} <= set(ALPHABET)
    letters = [character for character in ALPHABET if character.strip()]
    lines = ["".join(letters[start : start + 20]) for start in range(0, len(letters), 20)]
    document = made.of_words(*([line] for line in lines))
    (page,) = opened(made.read_bill(document, Fields()))
    assert lines_of(page) == lines


def test_a_row_that_ends_with_a_hyphen_stays_a_row():
    document = made.of_words(["-TAX", "INVOICE-"], ["PADLOCK", "50MM"], ["(M-"], ["1755)"])
    (page,) = opened(made.read_bill(document, Fields()))
    assert lines_of(page) == ["-TAX INVOICE-", "PADLOCK 50MM", "(M-", "1755)"]


def test_words_that_overlap_and_wide_gaps_keep_their_blanks():
    """As they were read on a photo: the colon within the word after it, and the next column far away."""
    document = made.of_words(["CASHIER", ":", "94", "76"], ["TIME", "13:12"])
    edges = {"CASHIER": (20, 200), ":": (230, 231.4), "94": (230, 285), "76": (600, 640)}

    def at(word: Word) -> Word:
        left, right = edges.get(word.text, (word.polygon[0][0], word.polygon[1][0]))
        (_, top), _, (_, bottom), _ = word.polygon
        return replace(word, polygon=((left, top), (right, top), (right, bottom), (left, bottom)))

    page = document.pages[0]
    lines = tuple(
        replace(line, segments=tuple(replace(one, words=tuple(map(at, one.words))) for one in line.segments))
        for line in page.lines
    )
    document = replace(document, pages=(replace(page, width=700, lines=lines),))
    (page,) = opened(made.read_bill(document, Fields()))
    assert lines_of(page) == ["CASHIER : 94 76", "TIME 13:12"]


def test_characters_beyond_the_first_plane_and_the_name_survive():
    document = made.of_words(["🧾", "𝒳", "数"])
    file = opened(made.read_bill(document, Fields(), name="čaj (1) 🧾.jpg"))
    assert lines_of(file[0]) == ["🧾 𝒳 数"]
    assert file.get_metadata_value("Title") == "čaj (1) 🧾.jpg"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3), min_size=1, max_size=4))
def test_any_text_makes_a_pdf_that_opens_and_shows_its_picture(words: list[list[str]]):
    document = made.of_words(*words)
    (page,) = opened(made.read_bill(document, Fields()))
    page.get_textpage().get_text_range()
    assert len(list(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]))) == 1


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(
            st.text(alphabet="".join(ALPHABET.split()).replace("-", ""), min_size=1, max_size=8), min_size=1, max_size=4
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_text_of_the_alphabet_comes_back(words: list[list[str]]):
    # PDFium takes a page whose whole text is one narrow column for vertical writing.
    document = made.of_words(["A", "wide", "line"], *words)
    (page,) = opened(made.read_bill(document, Fields()))
    assert lines_of(page) == our_lines(document.pages[0])


def test_an_upload_that_cannot_be_drawn_is_refused_with_a_sentence():
    bill = made.read_bill(bills.document(bills.GERMAN), upload=b"%PDF-1.4 nothing")
    with pytest.raises(Damaged):
        pdf.write(bill)


def test_the_invisible_font_is_the_one_that_the_tests_make():
    assert (ROOT / "billocr_assets/exports/invisible.ttf").read_bytes() == font()
