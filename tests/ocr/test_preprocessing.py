from __future__ import annotations

import cv2
import numpy as np
import pytest

from billocr_assets.ocr.detection import LineDetector, find_lines
from billocr_assets.ocr.models import SHIPPED, load_models
from billocr_assets.ocr.pipeline import upright_page
from billocr_assets.ocr.preprocessing import bill_outline, even_light, look_at, orientation_candidates, prepare_page
from tests.ocr import rendered


@pytest.fixture(scope="module")
def detector() -> LineDetector:
    return LineDetector(SHIPPED / "line_detector" / "model.onnx")


def onto_page(points: np.ndarray, to_upload: np.ndarray) -> np.ndarray:
    return cv2.perspectiveTransform(points.reshape(1, -1, 2).astype(np.float64), np.linalg.inv(to_upload))[0]


def test_a_pixel_of_the_prepared_page_lies_where_its_homography_says(detector: LineDetector) -> None:
    picture, _ = rendered.photo(5)
    prepared = prepare_page(picture, detector, 0)
    back = cv2.warpPerspective(picture, np.linalg.inv(prepared.to_upload), prepared.image.shape[::-1])
    inner = np.s_[40:-40, 40:-40]
    difference = np.abs(back[inner].astype(float) - prepared.image[inner])
    assert np.median(difference) < 6
    assert prepared.upload_size == picture.shape[::-1]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_bill_scanned_in_any_quarter_turn_comes_out_upright(detector: LineDetector, turn: int) -> None:
    page, lines = rendered.bill()
    turned = np.ascontiguousarray(np.rot90(page, turn // 90))
    likeliest, _ = orientation_candidates(turned, detector)[0]
    assert likeliest % 180 == turn % 180
    prepared = upright_page(turned, load_models())
    assert prepared.quality.orientation == turn
    assert prepared.image.shape[0] > prepared.image.shape[1]
    assert len(find_lines(prepared, detector)) >= 0.8 * len(lines)


@pytest.mark.parametrize("degrees", [-8, -3, 4, 9])
def test_a_crooked_photo_on_a_table_is_cropped_and_straightened(detector: LineDetector, degrees: float) -> None:
    picture, lines = rendered.photo(degrees)
    prepared = prepare_page(picture, detector, 0)
    assert prepared.quality.paper_found
    corners = onto_page(lines, prepared.to_upload).reshape(-1, 4, 2)
    steps = corners[:, 1] - corners[:, 0]
    assert np.abs(np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))).max() < 2
    height, width = prepared.image.shape
    assert corners.min() > 0
    assert (corners < (width, height)).all()
    # Most of the table is gone.
    assert np.mean(prepared.image < 110) < 0.4 * np.mean(picture < 110)


def test_no_text_is_lost_where_a_small_slip_lies_on_a_white_sheet(detector: LineDetector) -> None:
    paper, lines = rendered.bill(420, 18)
    sheet = np.full((2400, 1700), 252, np.uint8)
    sheet[300 : 300 + paper.shape[0], 900 : 900 + paper.shape[1]] = paper
    prepared = prepare_page(sheet, detector, 0)
    corners = onto_page(lines + np.float32([900, 300]), prepared.to_upload)
    height, width = prepared.image.shape
    assert corners.min() >= 0
    assert (corners <= (width, height)).all()
    assert len(find_lines(prepared, detector)) >= 0.8 * len(lines)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (7, 7), (15, 300), (40, 40), (64, 5000), (5000, 64)])
def test_a_blank_page_of_any_shape_has_no_lines(detector: LineDetector, shape: tuple[int, int]) -> None:
    for grey in (0, 255):
        prepared = prepare_page(np.full(shape, grey, np.uint8), detector)
        assert find_lines(prepared, detector) == []
        assert np.isfinite(prepared.to_upload).all()


def test_a_huge_page_is_brought_to_a_size_that_can_be_read(detector: LineDetector) -> None:
    page, lines = rendered.bill()
    huge = cv2.resize(page, None, fx=8, fy=8, interpolation=cv2.INTER_LINEAR)
    prepared = prepare_page(huge, detector, 0)
    assert prepared.image.size < 4e6
    assert len(find_lines(prepared, detector)) >= 0.8 * len(lines)


def test_the_whole_picture_is_kept_where_no_paper_is_to_be_seen() -> None:
    assert bill_outline(np.zeros((128, 64), np.float32)) is None
    speck = np.zeros((128, 64), np.float32)
    speck[5:8, 5:8] = 1
    assert bill_outline(speck) is None


def test_the_outline_of_a_tilted_paper_keeps_its_corners_in_order() -> None:
    corners = np.array([[20, 10], [90, 25], [80, 120], [10, 105]], np.float32)
    paper = np.zeros((140, 110), np.uint8)
    cv2.fillPoly(paper, [corners.astype(np.int32)], 1)
    found = bill_outline(paper.astype(np.float32))
    assert found is not None
    assert np.abs(found - corners).max() < 3


def test_a_shadow_across_the_page_is_divided_out_and_even_light_is_left_alone() -> None:
    page, _ = rendered.bill()
    assert even_light(page) is page
    shadow = np.linspace(0.35, 1.0, page.shape[1])[None]
    lit = even_light((page * shadow).astype(np.uint8))
    blank = lit[page == 250]
    assert np.percentile(blank, 95) - np.percentile(blank, 5) < 25


def test_a_known_orientation_overrules_what_the_detector_sees(detector: LineDetector) -> None:
    page, _ = rendered.bill()
    look = look_at(page, detector)
    assert sum(probability for _, probability in look.orientations) == pytest.approx(1, abs=1e-3)
    upside_down = prepare_page(page, detector, 180, look)
    upright = prepare_page(page, detector, 0, look)
    assert upside_down.quality.orientation == 180
    assert upside_down.image.shape == upright.image.shape
    turned_back = np.rot90(upside_down.image, 2).astype(float)
    assert np.mean(np.abs(turned_back - upright.image)) < 12


def test_a_torn_edge_is_not_taken_for_perspective() -> None:
    paper = np.zeros((200, 120), np.float32)
    cv2.fillPoly(paper, [np.array([[30, 5], [90, 5], [90, 195], [30, 160]])], 1.0)
    outline = bill_outline(paper)
    assert outline is not None
    left, right = outline[3] - outline[0], outline[2] - outline[1]
    assert np.linalg.norm(left) == pytest.approx(np.linalg.norm(right), rel=0.05)
    # Nothing of the longer side is cut off.
    assert outline[2][1] > 190
