from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from billocr_assets.ocr.detection import (
    BAND,
    STRIDE,
    DetectorMaps,
    LineDetector,
    find_lines,
    lines_of_maps,
    rows_of,
    without_barcodes,
    working_size,
)
from billocr_assets.ocr.document import PageQuality
from billocr_assets.ocr.models import SHIPPED
from billocr_assets.ocr.preprocessing import prepare_page
from billocr_assets.ocr.stages import PreparedPage
from tests.ocr import rendered
from training.data.line_detector import KernelShape, paint_targets
from training.evaluation.line_detector import boxes, lines_on_upload, match


@pytest.fixture(scope="module")
def detector() -> LineDetector:
    return LineDetector(SHIPPED / "line_detector" / "model.onnx")


def painted(lines: np.ndarray, shape: tuple[int, int], probability: float = 0.95) -> DetectorMaps:
    """What a perfect detector would see of ``lines``."""
    targets = paint_targets(lines, np.zeros(len(lines), bool), np.zeros((0, 2)), shape, KernelShape())
    return DetectorMaps(targets.kernel * probability, targets.top, targets.bottom, targets.paper, np.eye(4)[0])


def line(x: float, y: float, length: float, height: float, slope: float = 0.0) -> list[list[float]]:
    drop = slope * length
    return [[x, y], [x + length, y + drop], [x + length, y + drop + height], [x, y + height]]


def test_painted_lines_come_back_where_they_are() -> None:
    wanted = np.array([line(40, 50, 300, 20), line(40, 90, 60, 24), line(180, 92, 220, 16, 0.05)], np.float32)
    polygons, scores = lines_of_maps(painted(wanted, (256, 512)))
    assert match(boxes(wanted), boxes(polygons), 0.8) == 3
    assert scores == pytest.approx([0.95] * 3, abs=1e-3)


def test_a_slanting_line_keeps_its_slant() -> None:
    wanted = np.array([line(30, 30, 420, 20, 0.08)], np.float32)
    (found,), _ = lines_of_maps(painted(wanted, (128, 512)))
    assert np.abs(found - wanted[0]).max() < 4


def test_faint_kernels_are_no_lines() -> None:
    polygons, _ = lines_of_maps(painted(np.array([line(30, 30, 300, 20)], np.float32), (128, 512), 0.4))
    assert len(polygons) == 0


def test_a_line_that_broke_in_two_is_joined_and_columns_stay_apart() -> None:
    broken = [line(30, 30, 100, 20), line(132, 30, 150, 20)]
    columns = [line(30, 80, 100, 20), line(180, 80, 100, 20)]
    polygons, _ = lines_of_maps(painted(np.array(broken + columns, np.float32), (128, 512)))
    widths = sorted(np.ptp(polygon[:, 0]) for polygon in polygons)
    assert len(polygons) == 3
    assert widths[-1] == pytest.approx(252, abs=12)


def test_lines_side_by_side_share_a_row_on_a_crooked_page() -> None:
    slope = 0.06
    polygons = np.array(
        [line(x, 40 + 30 * row + slope * x, 90, 18, slope) for row in range(5) for x in (20, 200, 400)], np.float32
    )
    assert rows_of(polygons).tolist() == np.repeat(np.arange(5), 3).tolist()


def test_a_tall_page_is_read_in_bands_without_a_seam(detector: LineDetector) -> None:
    page, _ = rendered.bill(512, 22)
    tall = np.concatenate([page] * 5)
    assert tall.shape[0] > 2 * BAND
    maps = detector(tall)
    assert maps.kernel.shape == (-(-tall.shape[0] // STRIDE), 512 // STRIDE)
    each = [len(lines_of_maps(detector(page))[0])] * 5
    assert len(lines_of_maps(maps)[0]) == pytest.approx(sum(each), abs=5)


def test_the_shipped_detector_finds_the_lines_of_a_bill_in_reading_order(detector: LineDetector) -> None:
    page, truth = rendered.bill()
    prepared = prepare_page(page, detector, 0)
    lines = find_lines(prepared, detector)
    found = lines_on_upload(prepared, lines)
    assert match(boxes(truth), boxes(found)) >= 0.9 * len(truth)
    assert [line.row for line in lines] == sorted(line.row for line in lines)
    for first, second in itertools.pairwise(lines):
        if first.row == second.row:
            assert first.polygon[0, 0] < second.polygon[0, 0]
        else:
            assert first.polygon[:, 1].mean() < second.polygon[:, 1].mean()
    assert all(0.5 <= line.score <= 1 for line in lines)


@pytest.mark.parametrize(("size", "wider"), [((600, 1200), False), ((500, 3000), False), ((1000, 1400), True)])
def test_sheets_are_read_wider_than_till_slips(size: tuple[int, int], wider: bool) -> None:
    width, height = working_size(*size)
    assert (width > 560) == wider
    assert width / height == pytest.approx(size[0] / size[1], rel=0.02)


def test_the_number_that_touches_the_bars_above_it_is_found(detector: LineDetector) -> None:
    page, _ = rendered.bill()
    height, width = page.shape
    sheet = np.full((height + 400, width), 250, np.uint8)
    sheet[:height] = page
    rng = np.random.default_rng(3)
    left, right, top, bottom = width // 6, width - width // 6, height + 60, height + 220
    x = left
    while x < right:
        bar, gap = rng.integers(2, 7, 2)
        sheet[top:bottom, x : x + bar] = 40
        x += bar + gap
    cv2.putText(sheet, "748433/01", (left + 40, bottom + 21), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 30, 2, cv2.LINE_AA)

    cleaned = without_barcodes(sheet)
    assert cleaned[top + 10 : bottom - 10, left:right].min() > 200
    assert np.array_equal(cleaned[:height], page)
    prepared = PreparedPage(sheet, np.eye(3), (width, height + 400), PageQuality(100, 100, 200, 0, 0, False))
    number = np.array([[left + 40, bottom - 2, left + 40 + 175, bottom + 22]], np.float32)
    found = np.array([line.polygon for line in find_lines(prepared, detector)])
    assert match(number, boxes(found), 0.5) == 1


def test_a_heading_of_light_letters_on_black_is_no_barcode() -> None:
    sheet = np.full((800, 600), 250, np.uint8)
    sheet[100:180, 60:540] = 30
    for at in range(70, 530, 14):
        sheet[100:180, at : at + 4] = 240
    assert without_barcodes(sheet) is sheet
    sheet[100:180, 60:540] = 250
    for at in range(70, 530, 14):
        sheet[100:180, at : at + 4] = 30
    assert without_barcodes(sheet) is not sheet
