"""Finding text lines: the line detector and what turns its maps into boxes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from billocr_assets.ocr.engine import Engine, Runtime
from billocr_assets.ocr.stages import PreparedPage, TextLine

STRIDE = 4
# Pages are read at this width (a receipt's; wider pages get more, see working_size): on receipts cut to their print,
# line F at 496 / 448 is .947 / .946 on scans, .936 / .931 on photos, .904 / .900 on German ones ...
WIDTH = 496
# ... and in bands of at most this height, which bounds the memory of long receipts.
BAND = 1536
OVERLAP = 96

# Print that could be read larger by this factor is read again.
CLOSER = 1.3

# A barcode: so many bars at least, which are at least so high, close together over so wide a place (shares of the
# page's width); so many of them begin and end with the others.
BARS = 20
BAR_HEIGHT, BAR_GAP, BARCODE_WIDTH = 0.06, 0.03, 0.12
ALIGNED = 0.7
# A barcode is at least so light on average (.54 to .76 of its paper); a heading of light letters on black is .41.
LIGHT = 0.48
# Bars are looked for on every so manieth row.
_ROWS = 4

# A pixel belongs to a kernel from THRESHOLD on; a line needs a mean of SCORE.
THRESHOLD = 0.3
SCORE = 0.6
# Pieces of one line: their vertical extents overlap by this share, the blank between is at most so many heights.
MERGE_OVERLAP = 0.6
MERGE_GAP = 0.3
# How much shorter than the line a kernel above the threshold is at either end, in line heights: less than it is
# painted, since the probability fades out slowly.
END = 0.08


@dataclass(frozen=True, slots=True)
class DetectorMaps:
    """What the line detector sees on an (h, w) picture; maps are float32 (ceil(h/4), ceil(w/4)).

    Attributes:
        kernel: probability of a line's kernel.
        top, bottom: distance to the line's edges, pixels of the picture.
        paper: probability of the bill's paper.
        orientation: (4,) probabilities that 0, 90, 180, 270 degrees clockwise bring the print upright.
    """

    kernel: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    paper: np.ndarray
    orientation: np.ndarray


class LineDetector:
    """The line detector's network.

    Args:
        path: its ``model.onnx``.
        threads: threads inside one operator.
        runtime: what runs it.

    Attributes:
        version: of the weights.
    """

    def __init__(self, path: Path, threads: int = 1, runtime: Runtime = "onnxruntime") -> None:
        self._engine = Engine(path, threads, runtime=runtime)
        self.version = self._engine.metadata["version"]

    def __call__(self, image: np.ndarray) -> DetectorMaps:
        """Maps of an (h, w) uint8 grey picture; high ones are read in overlapping bands."""
        height = image.shape[0]
        if height <= BAND:
            return self._band(image)
        step = BAND - 2 * OVERLAP
        bands = []
        for start in range(0, height - 2 * OVERLAP, step):
            band = self._band(image[start : start + BAND])
            first = 0 if start == 0 else OVERLAP // STRIDE
            last = None if start + BAND >= height else (BAND - OVERLAP) // STRIDE
            bands.append(
                [values[first:last] for values in (band.kernel, band.top, band.bottom, band.paper)] + [band.orientation]
            )
        kernel, top, bottom, paper = (np.concatenate(parts) for parts in list(zip(*bands, strict=True))[:4])
        return DetectorMaps(kernel, top, bottom, paper, np.mean([band[4] for band in bands], 0))

    def _band(self, image: np.ndarray) -> DetectorMaps:
        height, width = image.shape
        padded = cv2.copyMakeBorder(image, 0, -height % 32, 0, -width % 32, cv2.BORDER_REPLICATE)
        maps, orientation = self._engine(padded[None, None])
        kernel, top, bottom, paper = maps[0, :, : -(-height // STRIDE), : -(-width // STRIDE)]
        return DetectorMaps(kernel, top, bottom, paper, orientation[0])


def working_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) at which a page of that size is read: about the same area for every shape of page.

    A receipt of the usual shape (1 : 2) is read at :data:`WIDTH`, a sheet of paper wider, a long receipt no narrower.
    """
    target = WIDTH * max(1.0, (2.0 * width / max(1, height)) ** 0.5)
    scale = min(target / max(1, width), 4.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def find_lines(prepared: PreparedPage, detector: LineDetector) -> list[TextLine]:
    """The text lines of a prepared page in reading order; none on a blank page."""
    height, width = prepared.image.shape
    if min(height, width) < 8:
        return []
    image = without_barcodes(prepared.image)
    polygons, scores = _read(image, detector)
    if len(polygons):
        x0, y0, x1, y1 = _surroundings(polygons, width, height)
        closer, reading = working_size(x1 - x0, y1 - y0), working_size(width, height)
        if closer[0] * width > CLOSER * reading[0] * (x1 - x0):
            # The print fills little of the page (a till slip on a sheet): read once more, larger.
            polygons, scores = _read(image[y0:y1, x0:x1], detector)
            polygons += np.array([x0, y0], np.float32)
    if not len(polygons):
        return []
    polygons = np.clip(polygons, 0, np.array([width, height], np.float32))
    rows = rows_of(polygons)
    order = np.lexsort((polygons[:, 0, 0], rows))
    return [TextLine(polygons[i], float(scores[i]), int(rows[i])) for i in order]


def without_barcodes(image: np.ndarray) -> np.ndarray:
    """An (h, w) uint8 upright page with paper in the place of its barcodes; the page itself where it has none.

    The detector takes the number that stands under the bars, touching them, for a part of them.
    """
    height, width = image.shape
    tall = round(BAR_HEIGHT * width / _ROWS)
    if tall < 4 or height < _ROWS * tall:
        return image
    # Whole numbers of rows are averaged in half of the time.
    rows = cv2.resize(image[: height // _ROWS * _ROWS], (width, height // _ROWS), interpolation=cv2.INTER_AREA)
    dark = cv2.compare(rows, cv2.convertScaleAbs(cv2.blur(rows, (61, 15)), alpha=0.8), cv2.CMP_LT)
    bars = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((tall, 1), np.uint8))
    if cv2.countNonZero(bars) < BARS * tall:
        return image
    joined = cv2.morphologyEx(bars, cv2.MORPH_CLOSE, np.ones((1, round(BAR_GAP * width) | 1), np.uint8))
    cleaned = image
    for x, y, w, h, area in cv2.connectedComponentsWithStats(joined, ltype=cv2.CV_16U)[2][1:]:
        if w < BARCODE_WIDTH * width or area < 0.7 * w * h or y == 0:
            continue
        own = bars[y : y + h, x : x + w] > 0
        if np.count_nonzero(np.diff(own[h // 2].astype(np.int8)) == 1) < BARS:
            continue
        columns = np.flatnonzero(own.any(0))
        first, last = own[:, columns].argmax(0), h - own[::-1, columns].argmax(0)
        top, bottom = int(np.median(first)), int(np.median(last))
        if min(np.mean(np.abs(first - top) <= 1), np.mean(np.abs(last - bottom) <= 1)) < ALIGNED:
            continue
        place = slice(_ROWS * (y + top), _ROWS * (y + bottom)), slice(max(0, x - 2), x + w + 2)
        paper = np.percentile(image[place], 90)
        if image[place].mean() < LIGHT * paper:
            continue
        cleaned = image.copy() if cleaned is image else cleaned
        cleaned[place] = paper
    return cleaned


def _read(image: np.ndarray, detector: LineDetector) -> tuple[np.ndarray, np.ndarray]:
    """Polygons and scores as :func:`lines_of_maps`, in pixels of ``image``."""
    height, width = image.shape
    size = working_size(width, height)
    polygons, scores = lines_of_maps(detector(cv2.resize(image, size, interpolation=cv2.INTER_AREA)))
    return polygons * np.array([width / size[0], height / size[1]], np.float32), scores


def _surroundings(polygons: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) of all lines with a margin that holds whatever a first reading may have missed."""
    low, high = polygons.min((0, 1)), polygons.max((0, 1))
    margin = 0.06 * float((high - low).max()) + float(np.median(polygons[:, 3, 1] - polygons[:, 0, 1]))
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = np.ceil(np.minimum(high + margin, (width, height))).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def lines_of_maps(maps: DetectorMaps) -> tuple[np.ndarray, np.ndarray]:
    """Line boxes from the detector's maps.

    Returns:
        (n, 4, 2) float32 polygons, clockwise from the top left, in pixels of the detector's picture, and (n,) scores.
    """
    empty = np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32)
    count, labels = cv2.connectedComponents((maps.kernel > THRESHOLD).astype(np.uint8), connectivity=8)
    if count == 1:
        return empty
    y, x = np.nonzero(labels)
    label = labels[y, x].astype(np.intp) - 1
    weight = maps.kernel[y, x].astype(np.float64)
    px, py = x * STRIDE + (STRIDE - 1) / 2, y * STRIDE + (STRIDE - 1) / 2
    top, bottom = py - maps.top[y, x], py + maps.bottom[y, x]

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(label, values, count - 1)

    mass = total(weight)
    score = mass / np.bincount(label, minlength=count - 1)
    # The middle of the regressed edges is steadier than the kernel's own pixels.
    middle = (top + bottom) / 2
    cx, cy = total(weight * px) / mass, total(weight * middle) / mass
    dx, dy = px - cx[label], middle - cy[label]
    spread = total(weight * dx * dx) / mass
    slope = total(weight * dx * dy) / mass / np.maximum(spread, 1e-6)
    height = total(weight * (bottom - top)) / mass
    first, last = np.full(count - 1, np.inf), np.full(count - 1, -np.inf)
    np.minimum.at(first, label, px)
    np.maximum.at(last, label, px)
    first, last = first - STRIDE / 2, last + STRIDE / 2

    sound = (score >= SCORE) & (height >= 4)
    if not sound.any():
        return empty
    slope = _settle_slopes(slope, (last - first) / np.maximum(height, 1), mass, cx, cy, sound)
    upper = total(weight * (top - slope[label] * dx)) / mass
    lower = total(weight * (bottom - slope[label] * dx)) / mass
    boxes = np.stack([first - END * height, last + END * height, upper, lower, cx, slope, score, mass], 1)[sound]
    boxes = _merge(boxes)
    x0, x1, upper, lower, cx, slope = boxes.T[:6]
    left, right = slope * (x0 - cx), slope * (x1 - cx)
    polygons = np.stack([x0, upper + left, x1, upper + right, x1, lower + right, x0, lower + left], 1)
    return polygons.reshape(-1, 4, 2).astype(np.float32), boxes[:, 6].astype(np.float32)


def _settle_slopes(
    slope: np.ndarray, aspect: np.ndarray, mass: np.ndarray, cx: np.ndarray, cy: np.ndarray, sound: np.ndarray
) -> np.ndarray:
    """Short lines get the slope that the long ones around have: alone they cannot tell theirs."""
    long = sound & (aspect > 5)
    if long.sum() >= 8:  # what perspective is left: slopes that change evenly over the page
        A = np.stack([np.ones_like(cx), cx, cy], 1)
        page = np.median(slope[long])
        long &= np.abs(slope - page) < 0.05
        root = np.sqrt(mass[long])[:, None]
        solution = np.linalg.lstsq(A[long] * root, slope[long] * root[:, 0], rcond=None)[0]
        around = np.clip(A @ solution, page - 0.05, page + 0.05)
    else:
        around = np.full_like(slope, np.median(slope[long]) if long.any() else 0.0)
    trust = np.clip((aspect - 4) / 8, 0, 1)
    deviation = np.clip(slope - around, -0.06, 0.06)
    return around + trust * deviation


def _merge(boxes: np.ndarray) -> np.ndarray:
    """Joins pieces of one line; rows are (x0, x1, top, bottom, cx, slope, score, mass)."""
    while len(boxes) > 1:
        x0, x1, top, bottom, cx, slope, _, _ = boxes.T
        # Edges of box j where box i's centre of x lies.
        shift = slope[None, :] * (cx[:, None] - cx[None, :])
        overlap = np.minimum(bottom[:, None], bottom + shift) - np.maximum(top[:, None], top + shift)
        heights = bottom - top
        low, high = np.minimum(heights[:, None], heights), np.maximum(heights[:, None], heights)
        gap = np.maximum(x0[:, None], x0) - np.minimum(x1[:, None], x1)
        shared = -gap / np.maximum(np.minimum((x1 - x0)[:, None], x1 - x0), 1e-6)
        beside = (overlap > MERGE_OVERLAP * high) & (gap < MERGE_GAP * low) & (gap > -low)
        upon = (overlap > 0.7 * low) & (shared > 0.7)
        pairs = np.argwhere(np.triu(beside | upon, 1))
        if not len(pairs):
            break
        used = np.zeros(len(boxes), bool)
        joined = []
        for i, j in pairs:
            if used[i] or used[j]:
                continue
            used[[i, j]] = True
            joined.append(_join(boxes[i], boxes[j], bool(upon[i, j])))
        boxes = np.concatenate([boxes[~used], joined])
    return boxes


def _join(a: np.ndarray, b: np.ndarray, upon: bool) -> np.ndarray:
    if b[7] > a[7]:
        a, b = b, a
    if upon:
        # The lesser lies on the greater: it adds nothing but its width.
        joined = a.copy()
        joined[0], joined[1] = min(a[0], b[0]), max(a[1], b[1])
        return joined
    mass = a[7] + b[7]
    cx = (a[4] * a[7] + b[4] * b[7]) / mass
    slope = a[5]
    edges = [((p[2:4] + slope * (cx - p[4])), p[7]) for p in (a, b)]
    top, bottom = sum(edge * weight for edge, weight in edges) / mass
    score = (a[6] * a[7] + b[6] * b[7]) / mass
    return np.array([min(a[0], b[0]), max(a[1], b[1]), top, bottom, cx, slope, score, mass])


def rows_of(polygons: np.ndarray) -> np.ndarray:
    """(n,) rows of (n, 4, 2) line polygons, 0-based down the page: lines side by side share one.

    Rows are told apart after the page's slope is taken out, by the distance of the lines' middles.
    """
    if not len(polygons):
        return np.zeros(0, np.int64)
    step = (polygons[:, 1] + polygons[:, 2] - polygons[:, 0] - polygons[:, 3]) / 2
    slope = float(np.median(step[:, 1] / np.maximum(step[:, 0], 1e-3)))
    slope = slope if abs(slope) < 0.3 else 0.0
    centre = polygons.mean(1)
    y = centre[:, 1] - slope * centre[:, 0]
    height = (polygons[:, 3, 1] - polygons[:, 0, 1] + polygons[:, 2, 1] - polygons[:, 1, 1]) / 2
    rows = np.zeros(len(polygons), np.int64)
    row = -1
    members: list[int] = []
    for index in np.argsort(y, kind="stable"):
        near = members and abs(y[index] - np.mean(y[members])) < 0.5 * min(height[index], np.mean(height[members]))
        if not near:
            row, members = row + 1, []
        members.append(int(index))
        rows[index] = row
    return rows
