from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from billocr_assets.ocr import pipeline
from billocr_assets.ocr.document import Document, Line
from billocr_assets.ocr.errors import PageError
from billocr_assets.ocr.models import Models, load_models
from billocr_assets.ocr.pipeline import (
    POOL,
    assemble_page,
    read_bill,
    read_bills,
    read_pages,
    recognise_bills,
    words_of,
)
from billocr_assets.ocr.preprocessing import prepare_page
from billocr_assets.ocr.stages import LineSegment, ReadSegment, TextLine
from tests.ocr import rendered

TRUTH = "\n".join("  ".join(text for text in row if text) for row in rendered.ROWS)


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models()


@pytest.fixture(scope="module")
def document(models: Models) -> Document:
    page, _ = rendered.bill()
    ok, data = cv2.imencode(".png", page)
    assert ok
    return read_bill(data.tobytes(), models)


def error_rate(text: str) -> float:
    truth, read = (" ".join(t.split()).upper() for t in (TRUTH, text))
    return Levenshtein.distance(truth, read) / len(truth)


def true_words(width: int = 600, size: int = 26) -> list[tuple[str, np.ndarray]]:
    """The words of :func:`rendered.bill` with their boxes (x0, y0, x1, y1)."""
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(Image.new("L", (8, 8)))
    words = []
    for row, texts in enumerate(rendered.ROWS):
        for text, place in zip(texts, (0.0, 0.5, 1.0), strict=True):
            x = width * 0.08 // 1 + (width - 2 * round(width * 0.08) - draw.textlength(text, font)) * place
            for i, word in enumerate(text.split()):
                before = draw.textlength(" ".join(text.split()[:i]) + " " * bool(i), font)
                box = draw.textbbox((x + before, 2 * size + row * round(size * 1.7)), word, font)
                words.append((word, np.array(box)))
    return words


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inside = np.prod(np.clip(high - low, 0, None))
    return float(inside / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inside))


def read_segment(text: str, confidence: float) -> ReadSegment:
    """Each character's probability is ``confidence``."""
    count = len(text)
    return ReadSegment(
        text,
        np.linspace(10, 190, count, dtype=np.float32),
        np.full(count, confidence, np.float32),
        np.zeros(count, np.float32),
    )


def segment_of(*spans: tuple[float, float], width: int = 200) -> LineSegment:
    return LineSegment(0, np.zeros((32, width), np.uint8), np.eye(3), spans, 25.0)


def read_of(text: str, positions: list[float], confidence: float = 0.9) -> ReadSegment:
    filled = np.full(len(text), confidence, np.float32)
    return ReadSegment(text, np.array(positions, np.float32), filled, np.zeros(len(text), np.float32))


def test_a_rendered_bill_is_read_end_to_end(document: Document) -> None:
    assert error_rate(document.text) < 0.03
    assert "23.40" in [word.text for word in document.words]


def test_label_and_amount_of_a_row_share_it(document: Document) -> None:
    rows = document.text.splitlines()
    assert any(row.upper().startswith("TOTAL") and row.endswith("23.40") for row in rows)
    assert len(rows) == len(rendered.ROWS)


def test_word_boxes_lie_over_the_words(document: Document) -> None:
    found = [(word.text, np.array([*np.min(word.polygon, 0), *np.max(word.polygon, 0)])) for word in document.words]
    overlaps = [
        max((overlap(box, other) for word, other in found if word == text), default=0.0) for text, box in true_words()
    ]
    # Boxes have the line's height, the truth has the word's own ink.
    assert np.mean(overlaps) > 0.6
    assert np.mean(np.array(overlaps) > 0.4) > 0.9


def test_line_boxes_reach_from_end_to_end_of_their_print_and_not_off_the_picture(models: Models) -> None:
    page, true = rendered.bill()
    shown = []
    # As it is, and cut so that the print begins and ends at the picture's edges.
    first, last = int(true[:, 0, 0].min()), int(np.ceil(true[:, 1, 0].max()))
    for left, right in ((0, page.shape[1]), (first, last)):
        found = read_pages([page[:, left:right]], models).pages[0]
        boxes = np.array([line.polygon for line in found.lines])
        assert boxes[..., 0].min() >= 0
        assert boxes[..., 0].max() <= right - left
        for box in true - (left, 0):
            near = boxes[np.abs(boxes.mean(1) - box.mean(0)).sum(1).argmin()]
            reach = min(near[1, 0], box[1, 0]) - max(near[0, 0], box[0, 0])
            shown.append(reach / (box[1, 0] - box[0, 0]))
    assert np.mean(shown) > 0.995  # .990 without the ends


def test_a_photo_laid_aslant_is_read_and_its_boxes_lie_on_the_upload(models: Models) -> None:
    picture, lines = rendered.photo(degrees=7)
    page = read_pages([picture], models).pages[0]
    assert (page.width, page.height) == picture.shape[::-1]
    assert error_rate(page.text) < 0.08
    centres = np.array([np.mean(line.polygon, 0) for line in page.lines])
    true = lines.mean(1)
    nearest = np.linalg.norm(centres[:, None] - true[None], axis=-1).min(1)
    assert np.median(nearest) < 12


def test_a_tiny_picture_is_read_and_its_boxes_lie_on_the_upload(models: Models) -> None:
    page, lines = rendered.bill()
    scale = 180 / max(page.shape)
    tiny = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    read = read_pages([tiny], models).pages[0]
    assert (read.width, read.height) == tiny.shape[::-1]
    assert error_rate(read.text) < 0.09
    centres = np.array([np.mean(line.polygon, 0) for line in read.lines])
    true = lines.mean(1) * scale
    assert np.median(np.linalg.norm(centres[:, None] - true[None], axis=-1).min(1)) < 2


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_bill_that_lies_on_its_side_or_head_is_read_upright(models: Models, turns: int) -> None:
    page, _ = rendered.bill()
    document = read_pages([np.ascontiguousarray(np.rot90(page, turns))], models)
    assert document.pages[0].quality.orientation == 90 * turns
    assert error_rate(document.text) < 0.05


def test_a_negative_is_read_as_its_positive(models: Models) -> None:
    page, _ = rendered.bill()
    assert error_rate(read_pages([255 - page], models).text) < 0.05


def test_a_mirrored_bill_is_read_and_its_boxes_lie_where_its_print_does(models: Models) -> None:
    page, lines = rendered.bill()
    read = read_pages([np.ascontiguousarray(page[:, ::-1])], models).pages[0]
    assert error_rate(read.text) < 0.05
    middles = lines.mean(1)
    middles[:, 0] = page.shape[1] - middles[:, 0]
    found = np.array([np.mean(line.polygon, 0) for line in read.lines])
    assert np.median(np.linalg.norm(found[:, None] - middles[None], axis=-1).min(1)) < 12


def test_two_threads_read_what_one_reads(document: Document) -> None:
    page, _ = rendered.bill()
    read = read_pages([page], load_models(threads=2))
    assert [word.text for word in read.words] == [word.text for word in document.words]
    assert {word.polygon for word in read.words} == {word.polygon for word in document.words}


def test_all_pages_of_a_bill_are_read_in_their_order(models: Models) -> None:
    page, _ = rendered.bill()
    half = page.shape[0] // 2
    document = read_pages([page[half:], page[:half]], models)
    assert [part.number for part in document.pages] == [1, 2]
    assert "TOTAL" in document.pages[0].text.upper()
    assert "CORNER" in document.pages[1].text.upper()


def test_a_blank_page_gives_an_empty_document(models: Models) -> None:
    document = read_pages([np.full((800, 600), 255, np.uint8)], models)
    assert document.text == ""
    assert document.words == ()
    assert len(document.pages) == 1


def test_a_document_says_which_models_read_it_and_how_long_each_stage_took(document: Document, models: Models) -> None:
    assert document.models == models.versions
    stages = {"bill_image", "preprocessed_page", "text_lines", "line_segments", "recognised_text"}
    assert set(document.seconds) == stages


def test_a_document_survives_json(document: Document) -> None:
    assert Document.from_dict(json.loads(json.dumps(document.to_dict()))) == document


def test_confidences_are_probabilities_and_agree_from_word_to_line(document: Document) -> None:
    for line in document.lines:
        values = [word.confidence for word in line.words]
        assert all(0 <= value <= 1 for value in values)
        assert line.confidence == pytest.approx(np.mean(values), abs=1e-3)


def test_words_take_their_edges_from_the_segmenter() -> None:
    words = words_of(segment_of((10, 41), (62, 110)), read_of("ab cde", [18, 33, 50, 70, 86, 102]))
    assert [word[0] for word in words] == ["ab", "cde"]
    assert [word[1:3] for word in words] == [(10, 41), (62, 110)]


def test_words_that_the_segmenter_saw_as_one_are_parted_between_their_characters() -> None:
    (_, a0, a1, _), (_, b0, b1, _) = words_of(segment_of((10, 110)), read_of("ab cde", [18, 33, 50, 70, 86, 102]))
    assert (a0, b1) == (10, 110)
    assert 33 < a1 <= b0 < 70


def test_a_word_is_as_sure_as_all_of_its_characters_together() -> None:
    ((_, _, _, confidence),) = words_of(segment_of((0, 60)), read_of("abc", [10, 30, 50], 0.5))
    assert confidence == pytest.approx(0.125)


def test_nothing_read_is_no_word() -> None:
    assert words_of(segment_of((0, 60)), read_of("", [])) == []


def test_printed_rules_and_illegible_strokes_are_no_text(models: Models) -> None:
    page, _ = rendered.bill()
    prepared = prepare_page(page, models.line_detector)
    box = np.array([[40, 40], [240, 40], [240, 72], [40, 72]], np.float32)
    lines = [TextLine(box + np.array([0, 60 * i], np.float32), 0.9, i) for i in range(4)]
    segments = [replace(segment_of((0.0, 200.0)), line=i) for i in range(4)]
    texts = {"TOTAL 12.50": 0.99, "*****-*****": 0.99, "YAyYA": 0.5, "************0222": 0.99}
    reads = [read_segment(text, confidence) for text, confidence in texts.items()]

    read = assemble_page(prepared, lines, segments, reads, models.line_recogniser.calibration)

    assert [line.text for line in read.lines] == ["TOTAL 12.50", "************0222"]


@pytest.mark.parametrize("texts", [("L", "TL"), ("7W",)])
def test_signs_without_any_word_make_an_empty_page(models: Models, texts: tuple[str, ...]) -> None:
    assert [line.text for line in read_lines(models, texts)] == []
    assert [line.text for line in read_lines(models, ("IMITEDI1I1I1 IMIL EM",), (0.7,))] == []
    assert [line.text for line in read_lines(models, (*texts, "TOTAL 12.50"))] == [*texts, "TOTAL 12.50"]


def test_a_short_line_that_is_hardly_believed_is_left_out_and_a_long_one_is_kept(models: Models) -> None:
    texts, sure = ("Vielen Dank", "x9~", "irnerhalb 10 Tagen"), (0.99, 0.5, 0.7)
    assert [line.text for line in read_lines(models, texts, sure)] == ["Vielen Dank", "irnerhalb 10 Tagen"]


def test_a_line_that_is_parted_ends_with_its_words_and_lines_that_are_joined_reach_over_both(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _ = rendered.bill()
    prepared = prepare_page(page, models.line_detector)
    boxes = [np.array([[x, 40], [x + 200, 40], [x + 200, 72], [x, 72]], np.float32) for x in (40, 260)]
    lines = [TextLine(box, 0.9, 0) for box in boxes]
    moved = [np.array([[1.0, 0, x], [0, 1, 40], [0, 0, 1]]) for x in (40, 260)]
    segments = [replace(segment_of((0.0, 200.0)), line=i, to_page=moved[i]) for i in range(2)]
    reads = [read_segment("NASI LEMAK", 0.99), read_segment("AYAM 7.00", 0.99)]
    monkeypatch.setattr(pipeline, "parted", lambda *_: np.array([True, False, False, True]))

    first, second = assemble_page(prepared, lines, segments, reads, models.line_recogniser.calibration).lines

    assert (first.text, second.text) == ("NASI", "LEMAK AYAM 7.00")
    assert [segment.text for segment in second.segments] == ["LEMAK", "AYAM 7.00"]
    assert first.polygon[1][0] <= second.polygon[0][0] + 0.2 * 32
    to_upload = cv2.perspectiveTransform(np.float64([[boxes[0][0], boxes[1][1]]]), prepared.to_upload)[0]
    assert first.polygon[0][0] == pytest.approx(to_upload[0, 0], abs=4)
    assert second.polygon[1][0] == pytest.approx(to_upload[1, 0], abs=4)


def read_lines(models: Models, texts: tuple[str, ...], sure: tuple[float, ...] | None = None) -> tuple[Line, ...]:
    """What a page keeps of lines one below the other that are read as ``texts``."""
    page, _ = rendered.bill()
    prepared = prepare_page(page, models.line_detector)
    box = np.array([[40, 40], [240, 40], [240, 72], [40, 72]], np.float32)
    lines = [TextLine(box + np.array([0, 60 * i], np.float32), 0.9, i) for i in range(len(texts))]
    segments = [replace(segment_of((0.0, 200.0)), line=i) for i in range(len(texts))]
    reads = [read_segment(text, each) for text, each in zip(texts, sure or [0.99] * len(texts), strict=True)]
    return assemble_page(prepared, lines, segments, reads, models.line_recogniser.calibration).lines


def as_png(page: np.ndarray) -> bytes:
    return cv2.imencode(".png", page)[1].tobytes()


def test_bills_read_together_read_as_each_alone_and_one_that_is_damaged_fails_alone(models: Models) -> None:
    page, _ = rendered.bill()
    uploads = [as_png(page), as_png(page)[:200], as_png(page[: len(page) // 2]), as_png(page[len(page) // 2 :])]
    first, damaged, *rest = read_bills([lambda data=data: data for data in uploads], models)
    assert isinstance(damaged, PageError)
    for data, document in zip([uploads[0], *uploads[2:]], [first, *rest], strict=True):
        assert isinstance(document, Document)
        alone = read_bill(data, models)
        assert document.pages == alone.pages
        assert set(document.seconds) == set(alone.seconds)


def test_more_bills_than_are_recognised_together_come_back_in_order(models: Models) -> None:
    blank = as_png(np.full((64, 64), 255, np.uint8))
    page = as_png(rendered.bill()[0])
    uploads = [page if number == 20 else blank for number in range(2 * POOL + 3)]
    read = [bool(document.lines) for document in read_bills([lambda data=data: data for data in uploads], models)]
    assert read == [number == 20 for number in range(2 * POOL + 3)]


def test_a_bill_whose_recognition_fails_leaves_the_others_of_its_pool_alone(models: Models) -> None:
    good, bad = segment_of((0, 200)), replace(segment_of((0, 200)), crop=np.zeros((16, 200), np.uint8))
    before, failed, after = recognise_bills([[good], [good, bad], [good, good]], models.line_recogniser)
    assert isinstance(failed, Exception)
    assert [read.text for read in before] == [""]
    assert [read.text for read in after] == ["", ""]
