from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from billocr_assets.ocr.document import PageQuality
from billocr_assets.ocr.models import SHIPPED
from billocr_assets.ocr.segmentation import (
    HEIGHT,
    LineSegmenter,
    batches_by_width,
    crop_line,
    pad_crops,
    padded_batch,
    padded_width,
    segment_lines,
    word_spans,
)
from billocr_assets.ocr.stages import PreparedPage, TextLine

FONT = ImageFont.load_default(30)


@pytest.fixture(scope="module")
def segmenter() -> LineSegmenter:
    return LineSegmenter(SHIPPED / "line_segmenter" / "model.onnx")


def page_of(image: np.ndarray) -> PreparedPage:
    quality = PageQuality(100.0, 200.0, 250.0, 0.0, 0, False)
    return PreparedPage(image, np.eye(3), (image.shape[1], image.shape[0]), quality)


def printed(words: list[tuple[str, int]], width: int = 900) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """A page with one line of words at given x, the line's polygon, and the words' spans of ink."""
    image = Image.new("L", (width, 120), 245)
    draw = ImageDraw.Draw(image)
    boxes = []
    for text, x in words:
        draw.text((x, 40), text, 20, FONT)
        boxes.append(draw.textbbox((x, 40), text, FONT))
    a = np.array(boxes)
    x0, y0, x1, y1 = a[:, 0].min(), a[:, 1].min(), a[:, 2].max(), a[:, 3].max()
    polygon = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return np.array(image), polygon, [(int(b[0]), int(b[2])) for b in boxes]


def mapped(homography: np.ndarray, x: float, y: float) -> np.ndarray:
    return cv2.perspectiveTransform(np.array([[[x, y]]], np.float64), homography)[0, 0]


@pytest.mark.parametrize("size", [14, 31, 80])
def test_a_crops_pixels_lead_back_to_where_they_came_from(size: int) -> None:
    image = np.full((300, 600), 230, np.uint8)
    cv2.circle(image, (250, 150), max(2, size // 8), 0, -1)
    turn = np.deg2rad(4)
    along, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    corner = np.array([250, 150]) - 60 * along - size / 2 * down
    polygon = np.array([corner, corner + 200 * along, corner + 200 * along + size * down, corner + size * down])
    crop, to_page = crop_line(image, polygon.astype(np.float32))
    assert crop.shape[0] == HEIGHT
    y, x = np.nonzero(crop < 110)
    assert mapped(to_page, x.mean(), y.mean()) == pytest.approx([250, 150], abs=1.0)


def test_a_line_of_no_size_still_gives_a_crop() -> None:
    crop, _ = crop_line(np.full((50, 50), 255, np.uint8), np.full((4, 2), 10, np.float32))
    assert crop.shape[0] == HEIGHT
    assert crop.shape[1] >= 8


def test_padding_continues_the_crops_own_paper() -> None:
    crops = [np.full((HEIGHT, 20), 90, np.uint8), np.full((HEIGHT, 33), 200, np.uint8)]
    batch = pad_crops(crops)
    assert batch.shape == (2, 1, HEIGHT, 40)
    assert (batch[0] == 90).all()
    assert (batch[1] == 200).all()


def test_every_crop_is_in_one_batch_of_its_own_padded_width() -> None:
    crops = [np.zeros((HEIGHT, width), np.uint8) for width in (100, 8, 97, 640, 112, 9, 5000)]
    batches = batches_by_width(crops)
    assert sorted(i for batch in batches for i in batch) == list(range(len(crops)))
    for batch in batches:
        (width,) = {padded_width(crops[i].shape[1]) for i in batch}
        assert padded_batch(crops, batch).shape == (len(batch), 1, HEIGHT, width)
    columns = [sum(padded_width(crops[i].shape[1]) for i in batch) for batch in batches]
    assert columns == sorted(columns, reverse=True)


def test_batches_of_many_crops_are_bounded() -> None:
    crops = [np.zeros((HEIGHT, 100), np.uint8)] * 95
    batches = batches_by_width(crops, columns=1120)
    assert [len(batch) for batch in batches] == [10] * 9 + [5]


@pytest.mark.parametrize("width", [8, 16, 17, 127, 128, 129, 300, 512, 513, 5000])
def test_a_crop_is_padded_by_at_most_a_fourth_or_sixteen_columns(width: int) -> None:
    padded = padded_width(width)
    assert padded % 16 == 0
    assert width <= padded < width + max(16, width / 4)


def test_word_spans_end_where_the_gap_probability_crosses_one_half() -> None:
    gap = np.array([1, 1, 0, 0, 0, 1, 1, 0.25, 0.75, 1])
    (spans,) = word_spans([gap], [40])
    assert spans[0] == pytest.approx((8.0, 20.0))
    assert spans[1] == pytest.approx((28.67, 32.0), abs=0.1)


def test_word_spans_of_many_lines_are_those_of_each_alone() -> None:
    rng = np.random.default_rng(0)
    gaps = [np.zeros(7), np.ones(5), *(rng.random(n) for n in (1, 30, 2, 17)), np.zeros(3)]
    widths = [4 * len(gap) - 1 for gap in gaps]
    together = word_spans(gaps, widths)
    for spans, gap, width in zip(together, gaps, widths, strict=True):
        assert np.ravel(spans) == pytest.approx(np.ravel(word_spans([gap], [width])[0]))
    assert together[0] == ((0.0, 27.0),)
    assert together[1] == ()
    assert together[-1] == ((0.0, 11.0),)


def test_words_are_found_where_their_ink_is(segmenter: LineSegmenter) -> None:
    image, polygon, boxes = printed([("Orange", 60), ("juice", 180), ("0.3", 270)])
    (segment,) = segment_lines(page_of(image), [TextLine(polygon, 1.0, 0)], segmenter)
    assert len(segment.words) == 3
    for (x0, x1), (left, right) in zip(segment.words, boxes, strict=True):
        assert mapped(segment.to_page, x0, 16)[0] == pytest.approx(left, abs=6)
        assert mapped(segment.to_page, x1, 16)[0] == pytest.approx(right, abs=6)


def test_words_on_either_side_of_a_wide_blank_keep_their_place(segmenter: LineSegmenter) -> None:
    image, polygon, _ = printed([("Coffee", 60), ("6.40", 700)])
    (segment,) = segment_lines(page_of(image), [TextLine(polygon, 1.0, 0)], segmenter)
    assert len(segment.words) == 2
    assert mapped(segment.to_page, segment.words[1][0], 16)[0] == pytest.approx(700, abs=8)


def test_a_bent_line_comes_out_level(segmenter: LineSegmenter) -> None:
    image, polygon, _ = printed([("MINIMUM", 60), ("NUMEROUS", 230), ("MINIMUM", 430), ("NUMEROUS", 600)])
    x = np.arange(image.shape[1], dtype=np.float32)
    bend = 7 * ((x - 410) / 350) ** 2
    rows = np.arange(image.shape[0], dtype=np.float32)[:, None] - bend[None]
    bent = cv2.remap(
        image, np.broadcast_to(x, rows.shape).copy(), rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    polygon[2:, 1] += 7
    (segment,) = segment_lines(page_of(bent), [TextLine(polygon, 1.0, 0)], segmenter)
    untouched, _ = crop_line(bent, polygon)

    def unevenness(picture: np.ndarray) -> float:
        """How far the lowest ink of the parts of a line lies apart, pixels."""
        lowest = [np.nonzero((part < 110).any(1))[0].max() for part in np.array_split(picture, 8, 1)]
        return float(np.ptp(lowest))

    assert unevenness(segment.crop) < 0.6 * unevenness(untouched)


def test_a_page_without_lines_has_no_segments(segmenter: LineSegmenter) -> None:
    assert segment_lines(page_of(np.full((100, 100), 255, np.uint8)), [], segmenter) == []
