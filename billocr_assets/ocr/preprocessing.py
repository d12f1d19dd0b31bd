"""From an upload's page to a flat, upright, evenly lit picture of the bill.

The line detector takes a first look at low resolution: it sees where the paper is and which way the print stands. From
that one homography is composed (paper's outline, quarter turn, skew, scale) and the page is resampled once.
Where the paper cannot be made out with certainty the whole picture is kept: a crop must never cost text.
"""

from __future__ import annotations

import cv2
import numpy as np

from billocr_assets.ocr.detection import STRIDE, DetectorMaps, LineDetector, working_size
from billocr_assets.ocr.document import PageQuality
from billocr_assets.ocr.stages import PreparedPage

# The longer side of the first look, pixels.
LOOK = 512
# A bill smaller than this share of the picture's longer side is looked at again, closer.
CLOSER = 0.55
# Blank added around the bill, as a share of its longer side; lines at the very edge stay whole.
MARGIN = 0.025
# The prepared page is at most so much larger than what the detector reads: enough for the recogniser's 32 px lines.
DETAIL = 2.25
# Quarter turns are undone when their probability passes this; see orientation_candidates for the rest.
SURE = 0.8
# Paper whose light varies by more than this factor is divided by its background.
UNEVEN = 0.8


def prepare_page(page: np.ndarray, detector: LineDetector, orientation: int | None = None) -> PreparedPage:
    """Crops, rectifies, turns, straightens and evens out a page.

    Args:
        page: (H, W) uint8 grey, any size from 1 x 1.
        detector: also used for the low-resolution look.
        orientation: degrees clockwise that bring the page upright, where the caller knows; else the detector says.
    """
    height, width = page.shape
    if min(height, width) < 16:
        return PreparedPage(page, np.eye(3), (width, height), _quality(page, 0.0, 0, False))
    quad, maps = find_bill(page, detector)
    paper_found = quad is not None
    if quad is None:
        quad = _whole(width, height)
    turn = _most_likely_turn(maps) if orientation is None else orientation
    quad = np.roll(quad, turn // 90, 0)
    skew = _skew(page, quad)
    target, size = _resampling(quad, skew, paper_found)
    flags = cv2.INTER_AREA if np.allclose(target[2, :2], 0) else cv2.INTER_LINEAR
    image = _resample(page, target, size, flags)
    image = even_light(image)
    return PreparedPage(image, target, (width, height), _quality(image, skew, turn, paper_found))


def orientation_candidates(page: np.ndarray, detector: LineDetector) -> list[tuple[int, float]]:
    """(degrees clockwise that bring the page upright, probability), the likeliest first.

    Reading a few lines of :func:`prepare_page` at the first two decides where the first is not clear.
    """
    if min(page.shape) < 16:
        return [(0, 1.0), (90, 0.0), (180, 0.0), (270, 0.0)]
    _, maps = find_bill(page, detector)
    order = np.argsort(-maps.orientation, kind="stable")
    return [(int(turn) * 90, float(maps.orientation[turn])) for turn in order]


def find_bill(page: np.ndarray, detector: LineDetector) -> tuple[np.ndarray | None, DetectorMaps]:
    """The bill's outline on an (H, W) uint8 page.

    Returns:
        (4, 2) float32 corners, clockwise from the picture's top left, or None where the paper is not to be seen for
        sure; and the maps of the closest look, whose orientation holds for the page.
    """
    quad, maps = _look(page, detector, (0, 0, page.shape[1], page.shape[0]))
    if quad is not None:
        x0, y0 = np.floor(quad.min(0)).astype(int)
        x1, y1 = np.ceil(quad.max(0)).astype(int)
        if max(x1 - x0, y1 - y0) < CLOSER * max(page.shape):
            around = int(0.25 * max(x1 - x0, y1 - y0))
            window = (
                max(0, x0 - around), max(0, y0 - around),
                min(page.shape[1], x1 + around), min(page.shape[0], y1 + around),
            )  # fmt: skip
            closer, closer_maps = _look(page, detector, window)
            if closer is not None:
                quad, maps = closer, closer_maps
    return quad, maps


def _look(
    page: np.ndarray, detector: LineDetector, window: tuple[int, int, int, int]
) -> tuple[np.ndarray | None, DetectorMaps]:
    x0, y0, x1, y1 = window
    part = page[y0:y1, x0:x1]
    scale = min(1.0, LOOK / max(part.shape))
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    maps = detector(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
    quad = bill_outline(maps.paper)
    if quad is None:
        return None, maps
    step = np.array([part.shape[1] / size[0], part.shape[0] / size[1]], np.float32) * STRIDE
    return ((quad + 0.5) * step + (x0, y0)).astype(np.float32), maps


def bill_outline(paper: np.ndarray) -> np.ndarray | None:
    """(4, 2) float32 corners of the paper, clockwise from the top left, in pixels of the (h, w) map; None when unsure."""
    mask = (paper > 0.5).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count == 1:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA]
    # A wide blank or a fold may part the paper.
    kept = np.isin(labels, 1 + np.nonzero(areas >= 0.08 * areas.max())[0])
    if kept.sum() < max(16, 0.002 * mask.size):
        return None
    points = cv2.findNonZero(kept.astype(np.uint8))
    hull = cv2.convexHull(points).astype(np.float32)
    if kept.sum() < 0.75 * cv2.contourArea(hull):
        corners = cv2.boundingRect(points)
        return _rectangle(*corners)
    quad = _quadrilateral(hull)
    x, y, w, h = cv2.boundingRect(points)
    box = _rectangle(x, y, w, h)
    if quad is None:
        return box
    # Flat scans: what is almost upright is taken as upright; the skew of the print says the rest better.
    if np.abs(quad - box).max() <= max(1.5, 0.02 * max(w, h)):
        return box
    return quad


def _rectangle(x: float, y: float, w: float, h: float) -> np.ndarray:
    x, y, right, bottom = x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5
    return np.array([[x, y], [right, y], [right, bottom], [x, bottom]], np.float32)


def _whole(width: int, height: int) -> np.ndarray:
    return _rectangle(0, 0, width, height)


def _quadrilateral(hull: np.ndarray) -> np.ndarray | None:
    """The hull as four corners, clockwise from the top left, or None where it has no such shape."""
    length = cv2.arcLength(hull, True)
    quad = None
    for share in np.linspace(0.01, 0.08, 15):
        corners = cv2.approxPolyDP(hull, share * length, True)[:, 0]
        if len(corners) == 4:
            quad = corners
            break
    if quad is None or cv2.contourArea(quad) < 0.9 * cv2.contourArea(hull):
        quad = cv2.boxPoints(cv2.minAreaRect(hull))
    sides = np.roll(quad, -1, 0) - quad
    lengths = np.linalg.norm(sides, axis=1)
    if lengths.min() < 4:
        return None
    if max(lengths[0] / lengths[2], lengths[1] / lengths[3], lengths[2] / lengths[0], lengths[3] / lengths[1]) > 1.7:
        return None
    cosine = np.abs(np.sum(sides * np.roll(sides, -1, 0), 1) / (lengths * np.roll(lengths, -1)))
    if cosine.max() > 0.5:
        return None
    # Clockwise on the screen (y down), first the corner that is nearest to the top left.
    if np.sum(quad[:, 0] * np.roll(quad[:, 1], -1) - np.roll(quad[:, 0], -1) * quad[:, 1]) < 0:
        quad = quad[::-1]
    return np.roll(quad, -int(np.argmin(quad.sum(1))), 0).astype(np.float32)


def _most_likely_turn(maps: DetectorMaps) -> int:
    best = int(np.argmax(maps.orientation))
    # When nothing is clear, people photograph and scan upright more often than not.
    return best * 90 if maps.orientation[best] >= 0.5 else 0


def _sides(quad: np.ndarray) -> tuple[float, float]:
    """Width and height in pixels of a quadrilateral whose corners run clockwise from the top left."""
    a, b, c, d = quad.astype(np.float64)
    return (
        max(float(np.linalg.norm(b - a)), float(np.linalg.norm(c - d)), 1.0),
        max(float(np.linalg.norm(d - a)), float(np.linalg.norm(c - b)), 1.0),
    )


def _skew(page: np.ndarray, quad: np.ndarray) -> float:
    """Degrees, counter-clockwise positive, by which the print inside ``quad`` runs upwards to the right."""
    width, height = _sides(quad)
    scale = min(1.0, 640 / max(width, height))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    to_page = _from_rectangle(quad, size)
    small = _resample(page, to_page, size, cv2.INTER_AREA)
    return print_skew(small)


def print_skew(image: np.ndarray, largest: float = 12.0) -> float:
    """Skew of the print on an (h, w) uint8 picture, degrees, counter-clockwise positive; 0 where there is none.

    The angle at which the profile of dark strokes over the rows is sharpest (Postl, 1986).
    """
    ground = cv2.medianBlur(image, 15) if min(image.shape) > 15 else image
    strokes = cv2.subtract(ground, image)
    border = 4
    strokes[:border], strokes[-border:], strokes[:, :border], strokes[:, -border:] = 0, 0, 0, 0
    y, x = np.nonzero(strokes > 24)
    if len(x) < 200:
        return 0.0
    if len(x) > 12000:
        chosen = np.linspace(0, len(x) - 1, 12000).astype(int)
        x, y = x[chosen], y[chosen]
    x = x - image.shape[1] / 2

    def sharpness(degrees: float) -> float:
        rows = y + x * np.tan(np.radians(degrees))
        # Half a pixel a bin, and no favour for the grid of the picture: each point is shared between two bins.
        position = (rows - rows.min()) * 1.0
        low = position.astype(int)
        part = position - low
        size = int(low.max()) + 2
        profile = np.bincount(low, 1 - part, size) + np.bincount(low + 1, part, size)
        return float(np.sum(np.diff(profile) ** 2))

    coarse = np.arange(-largest, largest + 0.1, 1.0)
    values = np.array([sharpness(angle) for angle in coarse])
    best = float(coarse[int(np.argmax(values))])
    fine = np.arange(best - 1, best + 1.01, 0.2)
    fine_values = np.array([sharpness(angle) for angle in fine])
    best = float(fine[int(np.argmax(fine_values))])
    if fine_values.max() < 1.25 * np.median(values):
        return 0.0
    return 0.0 if abs(best) < 0.3 else best


def _from_rectangle(quad: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Homography from pixels of a (width, height) picture to the page, whose edges fall on the quad's sides."""
    width, height = size
    return cv2.getPerspectiveTransform(_rectangle(0, 0, width, height), quad.astype(np.float32))


def _resampling(quad: np.ndarray, skew: float, paper_found: bool) -> tuple[np.ndarray, tuple[int, int]]:
    """The one homography from the prepared page to the upload, and the prepared page's (width, height)."""
    width, height = _sides(quad)
    margin = MARGIN * max(width, height) if paper_found else 0.0
    # The rectangle that holds the turned rectangle.
    cosine, sine = np.cos(np.radians(skew)), np.sin(np.radians(skew))
    outer_w = width * cosine + height * abs(sine) + 2 * margin
    outer_h = height * cosine + width * abs(sine) + 2 * margin
    if not paper_found and abs(skew) < 0.3:
        outer_w, outer_h = width, height
    working = working_size(round(outer_w), round(outer_h))
    # Never beyond what the recogniser can use, and small pictures up to what the detector reads.
    scale = min(max(1.0, working[0] / outer_w), DETAIL * working[0] / outer_w)
    size = max(1, round(outer_w * scale)), max(1, round(outer_h * scale))
    to_flat = np.array(
        [
            [cosine / scale, sine / scale, 0],
            [-sine / scale, cosine / scale, 0],
            [0, 0, 1.0],
        ]
    )
    centre = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    flat_centre = np.array([(width - 1) / 2, (height - 1) / 2])
    to_flat[:2, 2] = flat_centre - to_flat[:2, :2] @ centre
    flat_to_page = cv2.getPerspectiveTransform(_rectangle(0, 0, width, height), quad.astype(np.float32))
    homography = flat_to_page @ to_flat
    return homography / homography[2, 2], size


def _resample(page: np.ndarray, to_page: np.ndarray, size: tuple[int, int], flags: int) -> np.ndarray:
    """``page`` seen through ``to_page``; strong reductions are averaged first, since a warp alone would alias."""
    # Pixels of the page a pixel of the result, at its middle.
    middle = np.array([[[size[0] / 2, size[1] / 2], [size[0] / 2 + 1, size[1] / 2]]])
    a, b = cv2.perspectiveTransform(middle, to_page)[0]
    reduction = int(np.linalg.norm(b - a) + 0.25)
    if reduction >= 2:
        h, w = page.shape
        page = cv2.resize(page, (max(1, w // reduction), max(1, h // reduction)), interpolation=cv2.INTER_AREA)
        fx, fy = page.shape[1] / w, page.shape[0] / h
        shrink = np.array([[fx, 0, (fx - 1) / 2], [0, fy, (fy - 1) / 2], [0, 0, 1]])
        to_page = shrink @ to_page
    return cv2.warpPerspective(
        page, to_page, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )


def even_light(image: np.ndarray) -> np.ndarray:
    """Divides an (h, w) uint8 page by its background where the light on it varies; else gives it back as it is."""
    h, w = image.shape
    if min(h, w) < 64:
        return image
    small = cv2.resize(image, (max(8, w // 8), max(8, h // 8)), interpolation=cv2.INTER_AREA)
    size = max(3, round(min(small.shape) * 0.12)) | 1
    ground = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    ground = cv2.GaussianBlur(ground, (0, 0), size / 2)
    inner = ground[
        ground.shape[0] // 20 : -(ground.shape[0] // 20) or None,
        ground.shape[1] // 12 : -(ground.shape[1] // 12) or None,
    ]
    low, high = np.percentile(inner, (5, 95))
    if low >= UNEVEN * high:
        return image
    ground = cv2.resize(np.maximum(ground, 24), (w, h), interpolation=cv2.INTER_LINEAR)
    return cv2.divide(image, ground, scale=235.0)


def _quality(image: np.ndarray, skew: float, turn: int, paper_found: bool) -> PageQuality:
    low, middle, high = np.percentile(image[:: max(1, image.shape[0] // 512)], (5, 50, 95))
    return PageQuality(
        sharpness=round(float(cv2.Laplacian(image, cv2.CV_32F).var()), 1),
        contrast=float(high - low),
        brightness=float(middle),
        skew_degrees=round(skew, 2),
        orientation=turn,
        paper_found=paper_found,
    )
