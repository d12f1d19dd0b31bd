"""From an upload's page to a flat, upright, evenly lit picture of the bill.

The line detector takes a first look at low resolution: it sees where the paper is, where print stands on it and which
way up. From that one homography is composed (paper's outline, quarter turn, skew, bounds of the print, scale) and the
page is resampled once. Where paper or print are not certain the whole is kept: a crop must never cost text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from billocr_assets.ocr.detection import STRIDE, DetectorMaps, LineDetector, lines_of_maps, working_size
from billocr_assets.ocr.document import PageQuality
from billocr_assets.ocr.stages import PreparedPage

# A page with a side below this many pixels holds no text.
SMALLEST = 16
# Pages whose longer side is below this are made larger by a factor before anything looks at them: on 8 receipts of
# 200 px line F .56 -> .61, word F1 .15 -> .19, of 280 px .83 -> .85 and .51 -> .53.
TINY, ENLARGED = 300, 3
# Pixels of the first look: a receipt of 256 x 512. At 192 x 384 lines run together, and skew and turn are lost.
LOOK = 131_072
# The skew in degrees that it may tell, and by how much lines may slope to be told from each other.
LEAST_SKEW, MOST_SKEW = 0.4, 15.0
STEEP = 8.0
# A bill smaller than this share of the picture's longer side is looked at again, closer.
CLOSER = 0.55
# Degrees by which opposite edges of the paper may run together; beyond, an edge is torn and tells no perspective.
CONVERGENCE = 15.0
# Blank added around the bill, as a share of its longer side; lines at the very edge stay whole.
MARGIN = 0.025
# A place shows print from this probability on, and so many make a text.
PRINT = 0.1
LEAST_PRINT = 32
# What is kept beside and above all print, as a share of the bill's longer side. On 219 receipts no line reaches further
# than .023 beside it, but a last "thank you" that the look missed lay .062 below.
AROUND_PRINT = np.array([0.035, 0.08])
# The prepared page is at most so much larger than what the detector reads: enough for the recogniser's 32 px lines.
DETAIL = 2.25
# An orientation of at least this probability needs no second opinion.
SURE = 0.8
# Paper whose light varies by more than this factor is divided by its background.
UNEVEN = 0.8


@dataclass(frozen=True, slots=True)
class Look:
    """What the detector sees at low resolution.

    Attributes:
        bill: (4, 2) float32 corners of the bill, clockwise from the picture's top left, pixels of the page; the whole
            picture where the paper is not to be seen for sure.
        paper_found: whether it was.
        orientations: (degrees clockwise that bring the page upright, probability), the likeliest first.
        skew: degrees, counter-clockwise positive, by which the lines run upwards to the right on the flat bill, turned
            as the likeliest orientation or upside down to it.
        print: (n, 2) float32 places of print, pixels of the page.
        inverted: print is lighter than what it stands on.
    """

    bill: np.ndarray
    paper_found: bool
    orientations: tuple[tuple[int, float], ...]
    skew: float
    print: np.ndarray
    inverted: bool


def prepare_page(
    page: np.ndarray, detector: LineDetector, orientation: int | None = None, look: Look | None = None
) -> PreparedPage:
    """Crops, rectifies, turns, straightens and evens out a page; light print on dark becomes dark print on light.

    Args:
        page: (H, W) uint8 grey, any size from 1 x 1.
        detector: also used for the low-resolution look.
        orientation: degrees clockwise that bring the page upright, where the caller knows; else the likeliest.
        look: what :func:`look_at` gave, where the caller has it already.
    """
    height, width = page.shape
    if min(height, width) < SMALLEST:
        return PreparedPage(page, np.eye(3), (width, height), _quality(page, 0.0, 0, False))
    look = look or look_at(page, detector)
    likeliest = look.orientations[0][0]
    turn = likeliest if orientation is None else orientation
    # The skew was seen along the likeliest lines; across them nothing is known.
    skew = look.skew if (turn - likeliest) % 180 == 0 else 0.0
    target, size = _resampling(np.roll(look.bill, turn // 90, 0), skew, look.paper_found, look.print)
    image = _resample(page, target, size)
    image = even_light(cv2.bitwise_not(image) if look.inverted else image)
    return PreparedPage(image, target, (width, height), _quality(image, skew, turn, look.paper_found))


def enlarged(page: np.ndarray) -> np.ndarray:
    """An (H, W) uint8 page :data:`ENLARGED` times as large; curves keep more of thin strokes than straight lines do."""
    return cv2.resize(page, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)


def orientation_candidates(page: np.ndarray, detector: LineDetector) -> tuple[tuple[int, float], ...]:
    """(degrees clockwise that bring the page upright, probability), the likeliest first.

    Reading a few lines of :func:`prepare_page` at the first two decides where the first is below :data:`SURE`.
    """
    return look_at(page, detector).orientations


def look_at(page: np.ndarray, detector: LineDetector, positive: bool = True) -> Look:
    """The bill's outline, orientation and skew on an (H, W) uint8 page.

    One look shows the paper, the print and which way up it stands, and the lines' skew, which they tell better than the
    paper's edges do. Lines that run down the picture or steeply across it are looked at again on the flat bill, and a
    bill with light print on dark once more as its negative.

    Args:
        positive: the page is as it came, not its negative.
    """
    height, width = page.shape
    if min(height, width) < SMALLEST:
        turns = ((0, 1.0), (90, 0.0), (180, 0.0), (270, 0.0))
        return Look(_whole(width, height), False, turns, 0.0, np.zeros((0, 2), np.float32), False)
    quad, maps, to_page, inverted = _find_bill(page, detector)
    if inverted and positive:  # paper is not trained to be dark
        return replace(look_at(cv2.bitwise_not(page), detector, False), inverted=True)
    bill = _whole(width, height) if quad is None else quad
    sideways = float(maps.orientation[1] + maps.orientation[3])
    # In doubt lines run as they do on most pictures that people take.
    axis = 1 if sideways > 0.5 else 0
    along = max(sideways, 1 - sideways)
    upright, overhead = (float(maps.orientation[axis + turn]) + 1e-6 for turn in (0, 2))
    box = _rectangle(*(bill.min(0) + 0.5), *np.ptp(bill, 0))
    edge = bill[1] - bill[0]
    steep = abs(np.degrees(np.arctan2(edge[1], edge[0]))) > STEEP
    if axis or steep:
        flat = np.roll(bill if steep else box, axis, 0)
        size = _look_size(*_sides(flat))
        to_page = _from_rectangle(flat, size)
        maps = detector(_resample(page, to_page, size))
        upright, overhead = (float(maps.orientation[turn]) + 1e-6 for turn in (0, 2))
    upright /= upright + overhead
    turns = (
        (90 * axis, along * upright),
        (90 * axis + 180, along * (1 - upright)),
        (90 * (1 - axis), (1 - along) / 2),
        (90 * (1 - axis) + 180, (1 - along) / 2),
    )
    bill, skew = _straighter(bill, box, axis, to_page, maps)
    return Look(
        bill,
        quad is not None,
        tuple(sorted(turns, key=lambda turn: -turn[1])),
        skew,
        _mapped(to_page, np.argwhere(maps.kernel > PRINT)[:, ::-1] * STRIDE + (STRIDE - 1) / 2).astype(np.float32),
        False,
    )


class _View(NamedTuple):
    """The bill's corners on the page, None where unsure, the maps of a look and the homography from its pixels."""

    quad: np.ndarray | None
    maps: DetectorMaps
    to_page: np.ndarray
    inverted: bool


def _find_bill(page: np.ndarray, detector: LineDetector) -> _View:
    """The closest look that shows a bill."""
    view = _look(page, detector, (0, 0, page.shape[1], page.shape[0]))
    if view.quad is not None:
        x0, y0 = np.floor(view.quad.min(0)).astype(int)
        x1, y1 = np.ceil(view.quad.max(0)).astype(int)
        if max(x1 - x0, y1 - y0) < CLOSER * max(page.shape):
            around = int(0.25 * max(x1 - x0, y1 - y0))
            left, upper = max(0, x0 - around), max(0, y0 - around)
            right, lower = min(page.shape[1], x1 + around), min(page.shape[0], y1 + around)
            closer = _look(page, detector, (left, upper, right, lower))
            if closer.quad is not None:
                return closer
    return view


def _look(page: np.ndarray, detector: LineDetector, window: tuple[int, int, int, int]) -> _View:
    x0, y0, x1, y1 = window
    part = page[y0:y1, x0:x1]
    size = _look_size(part.shape[1], part.shape[0])
    image = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    maps = detector(image)
    to_page = _from_rectangle(_rectangle(x0, y0, x1 - x0, y1 - y0), size)
    quad = bill_outline(maps.paper)
    if quad is not None:
        quad = _mapped(to_page, quad * STRIDE + (STRIDE - 1) / 2).astype(np.float32)
    return _View(quad, maps, to_page, _is_inverted(image, maps.kernel))


def _is_inverted(image: np.ndarray, kernel: np.ndarray) -> bool:
    """Whether lines are lighter than the blank around them: the (h, w) picture of a look, and its map of kernels."""
    lines = cv2.resize((kernel > 0.3).astype(np.uint8), image.shape[::-1], interpolation=cv2.INTER_NEAREST)
    near, far = (cv2.dilate(lines, np.ones((reach, reach), np.uint8)) for reach in (3, 13))
    line, blank = image[lines > 0], image[far > near]
    return len(line) > 16 * LEAST_PRINT and len(blank) > 0 and bool(line.mean() > blank.mean() + 2)


def _look_size(width: float, height: float) -> tuple[int, int]:
    """(width, height) at which a page or a bill of that size is looked at."""
    scale = min(1.0, (LOOK / (width * height)) ** 0.5)
    return max(8, round(width * scale)), max(8, round(height * scale))


def bill_outline(paper: np.ndarray) -> np.ndarray | None:
    """Corners of the paper on an (h, w) map of its probability.

    Returns:
        (4, 2) float32, clockwise from the top left, pixels of the map; None when unsure.
    """
    mask = cv2.morphologyEx((paper > 0.5).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
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
    if quad is None or cv2.contourArea(quad) < 0.9 * cv2.contourArea(hull) or _most_convergence(quad) > CONVERGENCE:
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


def _most_convergence(quad: np.ndarray) -> float:
    """Degrees between opposite sides of four corners, those of the less parallel pair."""
    sides = (np.roll(quad, -1, 0) - quad).astype(np.float64)
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0]))
    return float(np.abs((angles[:2] - angles[2:]) % 360 - 180).max())


def _sides(quad: np.ndarray) -> tuple[float, float]:
    """Width and height in pixels of a quadrilateral whose corners run clockwise from the top left."""
    a, b, c, d = quad.astype(np.float64)
    return (
        max(float(np.linalg.norm(b - a)), float(np.linalg.norm(c - d)), 1.0),
        max(float(np.linalg.norm(d - a)), float(np.linalg.norm(c - b)), 1.0),
    )


def _straighter(
    quad: np.ndarray, box: np.ndarray, axis: int, to_page: np.ndarray, maps: DetectorMaps
) -> tuple[np.ndarray, float]:
    """The one of two outlines that rectifies the lines better, and the lines' skew on it.

    Paper whose edge is torn or cannot be told from a white scan's has no true corners: lines know better.

    Args:
        axis: quarter turns that bring the lines level.
        to_page: homography from the pixels of the look.

    Returns:
        The outline, and degrees, counter-clockwise positive, by which lines run upwards to the right; 0 where too few
        tell.
    """
    polygons, _ = lines_of_maps(maps)
    places = _mapped(to_page, polygons.reshape(-1, 2))
    best = quad, 0.0
    least = np.inf
    for outline in (box, quad):
        flat = np.roll(outline, axis, 0)
        flat = _mapped(np.linalg.inv(_from_rectangle(flat, _sides(flat))), places).reshape(-1, 4, 2)
        steps = flat[:, 1] - flat[:, 0]
        long = steps[:, 0] > 4 * (flat[:, 3, 1] - flat[:, 0, 1])
        if long.sum() < 4:
            continue
        slopes = -np.degrees(np.arctan2(steps[long, 1], steps[long, 0]))
        skew = float(np.median(slopes))
        crooked = abs(skew) + float(np.median(np.abs(slopes - skew)))
        if crooked < least - 0.3:
            least, best = crooked, (outline, skew if LEAST_SKEW <= abs(skew) <= MOST_SKEW else 0.0)
    return best


def _mapped(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 2) points seen through a homography."""
    if not len(points):  # OpenCV has no answer to no points
        return np.zeros((0, 2))
    return cv2.perspectiveTransform(np.asarray(points, np.float64).reshape(1, -1, 2), homography)[0]


def _from_rectangle(quad: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """Homography from pixels of a (width, height) picture to the page, whose edges fall on the quad's sides."""
    width, height = size
    return cv2.getPerspectiveTransform(_rectangle(0, 0, width, height), quad.astype(np.float32))


def _resampling(
    quad: np.ndarray, skew: float, paper_found: bool, print_: np.ndarray
) -> tuple[np.ndarray, tuple[int, int]]:
    """The one homography from the prepared page to the upload, and the prepared page's (width, height)."""
    width, height = _sides(quad)
    flat_to_page = _from_rectangle(quad, (width, height))
    # Around its middle the flat bill is turned; (0, 0) is its middle.
    cosine, sine = np.cos(np.radians(skew)), np.sin(np.radians(skew))
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    turn = np.array([[cosine, -sine], [sine, cosine]])
    margin = MARGIN * max(width, height) if paper_found else 0.0
    # The rectangle that holds the turned rectangle, and of this what is near print.
    high = np.array([width * cosine + height * abs(sine), height * cosine + width * abs(sine)]) / 2 + margin
    low = -high
    if len(print_):
        seen = (_mapped(np.linalg.inv(flat_to_page), print_) - middle) @ turn.T
        seen = seen[(seen > low).all(1) & (seen < high).all(1)]
        if len(seen) >= LEAST_PRINT:
            around = AROUND_PRINT * max(width, height)
            low, high = np.maximum(low, seen.min(0) - around), np.minimum(high, seen.max(0) + around)
    outer_w, outer_h = high - low
    working = working_size(round(outer_w), round(outer_h))
    # Never beyond what the recogniser can use, and small pictures up to what the detector reads.
    scale = min(max(1.0, working[0] / outer_w), DETAIL * working[0] / outer_w)
    size = max(1, round(outer_w * scale)), max(1, round(outer_h * scale))
    to_flat = np.eye(3)
    to_flat[:2, :2] = turn.T / scale
    to_flat[:2, 2] = middle + turn.T @ ((low + high) / 2) - to_flat[:2, :2] @ (np.array(size) - 1) / 2
    homography = flat_to_page @ to_flat
    return homography / homography[2, 2], size


def _resample(page: np.ndarray, to_page: np.ndarray, size: tuple[int, int]) -> np.ndarray:
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
    # Whole blocks of pixels are averaged seven times as fast; what is left at the edges is as light as beside it.
    small = cv2.resize(image[: h // 8 * 8, : w // 8 * 8], (w // 8, h // 8), interpolation=cv2.INTER_AREA)
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
    ground = cv2.resize(np.maximum(ground, 24), (w // 8 * 8, h // 8 * 8), interpolation=cv2.INTER_LINEAR)
    ground = cv2.copyMakeBorder(ground, 0, h % 8, 0, w % 8, cv2.BORDER_REPLICATE)
    return cv2.divide(image, ground, scale=235.0)


def _quality(image: np.ndarray, skew: float, turn: int, paper_found: bool) -> PageQuality:
    grey = np.cumsum(cv2.calcHist([image[::4]], [0], None, [256], [0, 256]))
    low, middle, high = np.searchsorted(grey, np.array([0.05, 0.5, 0.95]) * grey[-1])
    edges = cv2.Laplacian(image, cv2.CV_16S)
    return PageQuality(
        # Their variance; the deviation that OpenCV tells takes twenty times as long.
        sharpness=round(cv2.norm(edges) ** 2 / edges.size - (cv2.sumElems(edges)[0] / edges.size) ** 2, 1),
        contrast=float(high - low),
        brightness=float(middle),
        skew_degrees=round(skew, 2),
        orientation=turn,
        paper_found=paper_found,
    )
