"""Pages, crops and targets for the line detector."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset

from training.data.receipts import AnnotatedReceipt, read_pack

STRIDE = 4


@dataclass(frozen=True, slots=True)
class AnnotatedPage:
    """An upright page to cut training samples from.

    Attributes:
        image: (h, w) uint8 grey.
        lines: (n, 4, 2) float32 line polygons, clockwise from the top left, pixels.
        ignore: (n,) bool, don't-care lines.
        bill: (x0, y0, x1, y1) of the print with a small margin.
        photo: the picture already has its background and its light; none is added.
        paper: (m, 2) float32 outline of the paper where it is known, else None: then it ends with the bill.
    """

    image: np.ndarray
    lines: np.ndarray
    ignore: np.ndarray
    bill: tuple[float, float, float, float]
    photo: bool = False
    paper: np.ndarray | None = None

    def scaled(self, factor: float) -> AnnotatedPage:
        if factor >= 1:
            return self
        image = cv2.resize(self.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        x0, y0, x1, y1 = (value * factor for value in self.bill)
        paper = None if self.paper is None else self.paper * np.float32(factor)
        return AnnotatedPage(image, self.lines * np.float32(factor), self.ignore, (x0, y0, x1, y1), self.photo, paper)


def annotated_page(image: np.ndarray, lines: np.ndarray, ignore: np.ndarray) -> AnnotatedPage:
    """A page whose bill is the extent of its lines plus a line height."""
    lines = np.asarray(lines, np.float32).reshape(-1, 4, 2)
    height, width = image.shape
    if len(lines):
        margin = float(np.median(line_heights(lines)))
        x0, y0 = lines.reshape(-1, 2).min(0) - margin
        x1, y1 = lines.reshape(-1, 2).max(0) + margin
        bill = (max(0.0, float(x0)), max(0.0, float(y0)), min(float(width), float(x1)), min(float(height), float(y1)))
    else:
        bill = (0.0, 0.0, float(width), float(height))
    return AnnotatedPage(image, lines, np.asarray(ignore, bool).reshape(-1), bill)


def line_heights(lines: np.ndarray) -> np.ndarray:
    """(n,) heights of (n, 4, 2) polygons, pixels."""
    left = np.linalg.norm(lines[:, 3] - lines[:, 0], axis=1)
    right = np.linalg.norm(lines[:, 2] - lines[:, 1], axis=1)
    return (left + right) / 2


class Targets(NamedTuple):
    """Maps at a quarter of the crop's resolution, all float32 (h/4, w/4).

    Attributes:
        kernel: 1 inside a line's kernel.
        top, bottom: distance in input pixels to the line's edges, inside kernels.
        weight: of the kernel loss; 0 where nobody can tell, more than 1 between neighbours in a row.
        paper: 1 on the bill.
    """

    kernel: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    weight: np.ndarray
    paper: np.ndarray


@dataclass(frozen=True, slots=True)
class KernelShape:
    """A line's kernel: ``height`` of the line's height around its middle, both ends shorter by ``end`` heights.

    Lines lower than ``smallest`` pixels are ignored; ``gap_weight`` applies between neighbours in a row.
    """

    height: float = 0.5
    end: float = 0.15
    smallest: float = 5.0
    gap_weight: float = 4.0


def paint_targets(
    lines: np.ndarray, ignore: np.ndarray, paper: np.ndarray, shape: tuple[int, int], kernel: KernelShape
) -> Targets:
    """Targets of a crop.

    Args:
        lines: (n, 4, 2) polygons, clockwise from the top left, pixels of the crop; may reach outside.
        ignore: (n,) bool.
        paper: (m, 2) polygon of the bill; m = 0 where there is none.
        shape: (h, w) of the crop, multiples of 4.
    """
    h, w = shape[0] // STRIDE, shape[1] // STRIDE
    kernel_map, top, bottom, weight = (np.zeros((h, w), np.float32) for _ in range(4))
    weight += 1
    gaps = np.zeros((h, w), bool)
    heights = line_heights(lines)
    skip = ignore | (heights < kernel.smallest)
    right_neighbours = _gaps_to_the_right(lines, heights)
    for polygon, height, skipped, gap in zip(lines, heights, skip, right_neighbours, strict=True):
        a, b, c, d = polygon
        x0, x1 = (a[0] + d[0]) / 2, (b[0] + c[0]) / 2
        length = x1 - x0
        if length <= 0 or height <= 0:
            continue
        reach = gap if gap is not None else 0.0
        left, right = max(0, int(min(a[0], d[0]) // STRIDE)), min(w, int(max(b[0], c[0]) + reach) // STRIDE + 1)
        upper, lower = max(0, int(min(a[1], b[1]) // STRIDE) - 1), min(h, int(max(c[1], d[1]) // STRIDE) + 2)
        if left >= right or upper >= lower:
            continue
        y, x = np.mgrid[upper:lower, left:right].astype(np.float32) * STRIDE + (STRIDE - 1) / 2
        along = (x - x0) / length
        above = y - (a[1] + (b[1] - a[1]) * along)
        below = (d[1] + (c[1] - d[1]) * along) - y
        window = np.s_[upper:lower, left:right]
        if skipped:
            weight[window][(above > 0) & (below > 0) & (along >= 0) & (along <= 1)] = 0
            continue
        # At least one row of the map must see a small line.
        half = max(height * kernel.height / 2, STRIDE / 2 + 0.01)
        core = np.abs(above - below) / 2 <= half
        end = min(kernel.end * height, max(0.0, (length - height / 2) / 2), length / 2)
        inside = core & (x >= x0 + end) & (x <= x1 - end)
        kernel_map[window][inside] = 1
        # Where two lines' kernels meet, the later one wins; that happens on overlapping truth only.
        top[window][inside] = np.maximum(above, 1)[inside]
        bottom[window][inside] = np.maximum(below, 1)[inside]
        if gap is not None:
            gaps[window] |= core & (x > x1 - end) & (x < x1 + gap + end)
    weight[gaps & (kernel_map == 0) & (weight > 0)] = kernel.gap_weight
    weight[kernel_map > 0] = 1
    paper_map = np.zeros((h, w), np.uint8)
    if len(paper):
        cv2.fillPoly(paper_map, [np.round((paper / STRIDE - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return Targets(kernel_map, top, bottom, weight, paper_map.astype(np.float32))


def _gaps_to_the_right(lines: np.ndarray, heights: np.ndarray) -> list[float | None]:
    """For each line the blank to its right neighbour in the row, or None beyond twice the height."""
    result: list[float | None] = []
    if not len(lines):
        return result
    right_middle = (lines[:, 1] + lines[:, 2]) / 2
    left_middle = (lines[:, 0] + lines[:, 3]) / 2
    for index in range(len(lines)):
        step = left_middle - right_middle[index]
        near = (np.abs(step[:, 1]) < 0.4 * heights[index]) & (step[:, 0] > -0.3 * heights[index])
        near &= step[:, 0] < 2 * heights[index]
        near[index] = False
        result.append(max(0.0, float(step[near, 0].min())) if near.any() else None)
    return result


def background(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A table, a cloth or a floor: (h, w) uint8."""
    h, w = shape
    level = rng.uniform(15, 225)
    cells = rng.integers(2, 12, 2)
    if rng.random() < 0.4:  # grain of wood or weave
        cells = np.array([rng.integers(20, 120), rng.integers(1, 4)])[:: int(rng.choice([-1, 1]))]
    texture = cv2.resize(rng.normal(0, 1, cells).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.normal(0, 1, (h // 2 + 1, w // 2 + 1)).astype(np.float32), (w, h))
    return np.clip(level + texture * rng.uniform(0, 30) + fine * rng.uniform(0, 14), 0, 255).astype(np.uint8)


def degrade(rng: np.random.Generator, image: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Light, lens, sensor and compression of a camera or scanner on an (h, w) uint8 picture."""
    h, w = image.shape
    if rng.random() < 0.35 * strength:  # uneven light and soft shadows
        corners = rng.uniform(0.35, 1.0, rng.integers(2, 5, 2)).astype(np.float32)
        light = cv2.resize(corners, (w, h), interpolation=cv2.INTER_LINEAR)
        image = cv2.multiply(image, light, dtype=cv2.CV_8U)
    if rng.random() < 0.12 * strength:  # a shadow with an edge
        shadow = np.ones((h, w), np.float32)
        edge = (rng.uniform(-0.3, 1.3, (3, 2)) * (w, h)).astype(np.int32)
        cv2.fillPoly(shadow, [edge], rng.uniform(0.45, 0.85))
        image = cv2.multiply(image, cv2.blur(shadow, (int(rng.integers(3, 40)),) * 2), dtype=cv2.CV_8U)
    if rng.random() < 0.6:
        low, high = np.sort(rng.uniform(0, 1, 2)) * (90, 255) if rng.random() < 0.15 else (0.0, 255.0)
        high = max(high, low + 60)
        gamma, gain, shift = np.exp(rng.normal(0, 0.3)), rng.uniform(0.75, 1.15), rng.uniform(-20, 20)
        table = (np.linspace(0, 1, 256) ** gamma * (high - low) + low) * gain + shift
        image = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        sigma = rng.uniform(0.3, 2.5) if rng.random() < 0.4 else rng.uniform(0.3, 1.2)
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    elif rng.random() < 0.15:
        length = int(rng.integers(3, 8))
        streak = np.zeros((length, length), np.float32)
        cv2.line(streak, (0, int(rng.integers(0, length))), (length - 1, int(rng.integers(0, length))), 1.0)
        image = cv2.filter2D(image, -1, streak / streak.sum()).astype(np.uint8)
    if rng.random() < 0.4:
        noise = np.zeros((h, w), np.int8)
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        cv2.randn(noise, 0, float(rng.uniform(2, 14)))  # type: ignore[call-overload]
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.25:
        quality = int(rng.integers(25, 90))
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    if rng.random() < 0.02:
        image = 255 - image
    return image


@dataclass(frozen=True, slots=True)
class SampleShape:
    """How samples are cut.

    Attributes:
        side: pixels of the square sample.
        width: pixels that the bill's width has at scale 1.
        scale: bounds of the scale's jitter.
        rotation: degrees at most, in crops.
        view_rotation: degrees at most on top of the quarter turns, in views of a whole page.
        paper_on_background: share of samples whose paper is laid on another background.
        views: share of samples that show a whole page.
        upside_down: share of the crops that stand on their head.
        show_through: share of samples with print shining through from the paper's other side, which is no text.
        kernel: shape of the kernels.
    """

    side: int = 512
    width: int = 480
    scale: tuple[float, float] = (0.72, 1.35)
    rotation: float = 5.0
    view_rotation: float = 12.0
    paper_on_background: float = 0.4
    views: float = 0.25
    upside_down: float = 0.35
    show_through: float = 0.12
    kernel: KernelShape = field(default_factory=KernelShape)


class Sample(NamedTuple):
    """``image`` (h, w) uint8, its targets and the quarter turns clockwise that bring it upright."""

    image: np.ndarray
    targets: Targets
    turns: int


def show_through(rng: np.random.Generator, image: np.ndarray, reverse: np.ndarray) -> np.ndarray:
    """``image`` with the print of ``reverse``, both (h, w) uint8 of one size, shining faintly through from behind."""
    ink = cv2.morphologyEx(cv2.flip(reverse, 1), cv2.MORPH_BLACKHAT, np.ones((15, 15), np.uint8))
    ink = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.4, 1.6))
    return cv2.subtract(image, cv2.multiply(ink, np.full_like(ink, 255), scale=rng.uniform(0.08, 0.45) / 255))


def sample_crop(rng: np.random.Generator, page: AnnotatedPage, shape: SampleShape) -> Sample:
    """A piece of an upright page about as the detector sees it after rectification."""
    x0, y0, x1, y1 = page.bill
    scale = shape.width / max(8.0, x1 - x0) * np.exp(rng.uniform(*np.log(shape.scale)))
    # Below 8 px lines can hardly be seen, above 60 px they do not occur at the detector's width.
    middle = float(np.median(line_heights(page.lines))) if len(page.lines) else 16.0
    scale = float(np.clip(scale, 8 / middle, 60 / middle))
    side = shape.side
    angle = np.clip(rng.normal(0, shape.rotation / 2.5), -shape.rotation, shape.rotation)
    view_h = side / scale
    cx = (x0 + x1) / 2 + rng.normal(0, 0.12) * (x1 - x0)
    cy = rng.uniform(min(y0 + view_h * 0.35, (y0 + y1) / 2), max(y1 - view_h * 0.35, (y0 + y1) / 2))
    # Upside down at full resolution: there the letters tell, at the low one hardly anything does.
    turns = 2 if rng.random() < shape.upside_down else 0
    forward = _homography(rng, (cx, cy), scale, angle + 90 * turns, (side / 2, side / 2), side, 0.04)
    return _finish(rng, page, forward, shape, turns)


def sample_view(rng: np.random.Generator, page: AnnotatedPage, shape: SampleShape) -> Sample:
    """A whole page, turned by any quarter and a little more, at the low resolution of the first look."""
    side = shape.side
    turns = int(rng.integers(0, 4))
    only_bill = rng.random() < 0.5
    x0, y0, x1, y1 = page.bill
    size = max(x1 - x0, y1 - y0) if only_bill else max(page.image.shape)
    scale = min(side * rng.uniform(0.6, 1.05) / size, 1.5)
    page = page.scaled(scale)  # area averaging first: the warp alone would alias
    scale = max(1.0, scale)
    h, w = page.image.shape
    box = page.bill if only_bill else (0.0, 0.0, float(w), float(h))
    angle = np.clip(rng.normal(0, shape.view_rotation / 2.5), -shape.view_rotation, shape.view_rotation) + 90 * turns
    centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    free = side * 0.06
    goal = (side / 2 + rng.uniform(-free, free), side / 2 + rng.uniform(-free, free))
    forward = _homography(rng, centre, scale, angle, goal, side, 0.12)
    # Turned counter-clockwise in the picture by ``turns`` quarters: as many clockwise bring it back.
    return _finish(rng, page, forward, shape, turns)


def _homography(
    rng: np.random.Generator,
    centre: tuple[float, float],
    scale: float,
    degrees: float,
    goal: tuple[float, float],
    side: int,
    perspective: float,
) -> np.ndarray:
    affine = np.vstack([cv2.getRotationMatrix2D(centre, degrees, scale), [0, 0, 1]])
    affine[:2, 2] += np.array(goal) - centre
    if rng.random() < 0.5:
        corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
        moved = corners + rng.uniform(-perspective, perspective, (4, 2)).astype(np.float32) * side
        affine = cv2.getPerspectiveTransform(corners, moved) @ affine
    return affine


def _finish(
    rng: np.random.Generator,
    page: AnnotatedPage,
    forward: np.ndarray,
    shape: SampleShape,
    turns: int,
) -> Sample:
    side = shape.side
    x0, y0, x1, y1 = page.bill
    fill = float(rng.choice((255, 0, 128, int(rng.integers(256))))) if rng.random() < 0.6 else None
    image = cv2.warpPerspective(
        page.image,
        forward,
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if fill is None else cv2.BORDER_CONSTANT,
        borderValue=fill or 0,
    )
    if not page.photo and rng.random() < shape.paper_on_background:
        margin = rng.uniform(-0.005, 0.07, 4) * (x1 - x0)
        edges = np.array([x0, y0, x1, y1]) + margin * (-1, -1, 1, 1)
        edges = np.clip(edges, 0, [page.image.shape[1], page.image.shape[0]] * 2)
        x0, y0, x1, y1 = edges
        image = _lay_on_background(rng, image, _warp(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]), forward))
    edge = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) if page.paper is None else page.paper
    paper = _warp(edge, forward)
    lines = _warp(page.lines.reshape(-1, 2), forward).reshape(-1, 4, 2)
    if turns % 2:
        # Print that runs down the page has no kernels; there the loss of the kernel map is switched off.
        targets = paint_targets(lines[:0], page.ignore[:0], paper, (side, side), shape.kernel)
        targets = targets._replace(weight=np.zeros_like(targets.weight))
    else:
        if turns == 2:
            lines = lines[:, [2, 3, 0, 1]]
        targets = paint_targets(lines, page.ignore, paper, (side, side), shape.kernel)
    return Sample(degrade(rng, image), targets, turns)


def _lay_on_background(rng: np.random.Generator, image: np.ndarray, paper: np.ndarray) -> np.ndarray:
    mask = np.zeros(image.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(paper * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    ground = background(rng, image.shape)
    if rng.random() < 0.6:  # the paper's shadow
        reach = rng.uniform(2, 12)
        moved = paper + rng.uniform(-reach, reach, 2)
        shadow = np.zeros(image.shape, np.uint8)
        cv2.fillPoly(shadow, [np.round(moved).astype(np.int32)], 255)
        soft = cv2.GaussianBlur(shadow, (0, 0), reach / 2) * rng.uniform(0.2, 0.7)
        ground = (ground * (1 - soft / 255)).astype(np.uint8)
    share = mask.astype(np.float32) / 255
    return (image * share + ground * (1 - share)).astype(np.uint8)


def _warp(points: np.ndarray, homography: np.ndarray) -> np.ndarray:
    if not len(points):
        return np.zeros((0, 2), np.float32)
    return cv2.perspectiveTransform(np.asarray(points, np.float32)[None], homography)[0]


class Samples(IterableDataset):
    """Endless samples: tensors ``image`` (1, s, s) float32 0..255, ``maps`` (5, s/4, s/4) in the order of
    :class:`Targets` and ``turns`` int64.

    Args:
        pages: real pages (may be empty where there are synthetic ones).
        shape: how samples are cut.
        synthesise: draws a synthetic page.
        synthetic_share: share of samples from synthetic pages, 0..1.
        seed: of everything random.
    """

    KEPT = 192
    FRESH = 0.1

    def __init__(
        self,
        pages: list[AnnotatedPage],
        shape: SampleShape,
        synthesise: Callable[[np.random.Generator], AnnotatedPage] | None = None,
        synthetic_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not pages and synthesise is None:
            raise ValueError("a training needs annotated receipts, synthetic pages or both")
        super().__init__()
        # Crops need no more resolution than the largest jitter shows, views far less.
        largest = shape.width * shape.scale[1]
        self.pages = [_for_crops(page, largest) for page in pages]
        self.views = [page.scaled(shape.side * 1.05 / max(page.image.shape)) for page in pages]
        self.shape = shape
        self.synthesise = synthesise
        self.synthetic_share = synthetic_share if pages else 1.0
        self.seed = seed

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        cv2.setNumThreads(1)
        synthetic: list[AnnotatedPage] = []
        seen: deque[np.ndarray] = deque(maxlen=16)
        while True:
            is_view = rng.random() < self.shape.views
            if self.synthesise is not None and rng.random() < self.synthetic_share:
                # Drawing a page costs more than training on it, so each serves about ten times.
                if len(synthetic) < 8 or rng.random() < self.FRESH:
                    synthetic.append(self.synthesise(rng))
                    synthetic = synthetic[-self.KEPT :]
                page = synthetic[rng.integers(len(synthetic))]
            else:
                source = self.views if is_view and rng.random() < 0.5 else self.pages
                page = source[rng.integers(len(source))]
            sample = (sample_view if is_view else sample_crop)(rng, page, self.shape)
            image = sample.image
            if seen and rng.random() < self.shape.show_through:
                image = show_through(rng, image, seen[rng.integers(len(seen))])
            seen.append(sample.image)
            yield {
                "image": torch.from_numpy(image.astype(np.float32))[None],
                "maps": torch.from_numpy(np.stack(sample.targets)),
                "turns": torch.tensor(sample.turns),
            }


def _for_crops(page: AnnotatedPage, largest: float) -> AnnotatedPage:
    """The surroundings of the bill, no larger than needed."""
    x0, y0, x1, y1 = page.bill
    around = 0.3 * (x1 - x0)
    h, w = page.image.shape
    left, upper = int(max(0, x0 - around)), int(max(0, y0 - around))
    right, lower = int(min(w, x1 + around)), int(min(h, y1 + around))
    offset = np.array([left, upper], np.float32)
    cut = AnnotatedPage(
        np.ascontiguousarray(page.image[upper:lower, left:right]),
        page.lines - offset,
        page.ignore,
        (x0 - left, y0 - upper, x1 - left, y1 - upper),
        page.photo,
        None if page.paper is None else page.paper - offset,
    )
    return cut.scaled(largest / (x1 - x0))


def receipt_page(receipt: AnnotatedReceipt) -> AnnotatedPage:
    """The detector's view of an annotated receipt."""
    lines = np.stack([line.polygon for line in receipt.lines]) if receipt.lines else np.zeros((0, 4, 2), np.float32)
    return annotated_page(receipt.image(), lines, np.array([line.ignore for line in receipt.lines], bool))


def read_pages(folder: Path) -> list[AnnotatedPage]:
    """Every receipt of a folder; see :mod:`training.data.receipts`."""
    return [receipt_page(receipt) for receipt in read_pack(folder)]
