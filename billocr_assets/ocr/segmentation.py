"""Lines of a page as straightened crops, with the words' spans and the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from math import dist
from pathlib import Path

import cv2
import numpy as np

from billocr_assets.ocr.engine import Engine, Runtime, Workers
from billocr_assets.ocr.stages import LineSegment, PreparedPage, TextLine

HEIGHT = 32
"""Height of every crop in pixels."""

MARGIN = (0.3, 0.06)
"""What a crop takes of a line's surroundings, left and right, above and below, in line heights."""

STRAIGHTEN = 1.5
"""Pixels by which a baseline must leave its straight line before the crop is straightened."""

STRIDE = 4


def crop_line(image: np.ndarray, polygon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line inside ``polygon``, upright, with :data:`MARGIN` around it. Training crops with this function as well.

    Args:
        image: (H, W) uint8 grey.
        polygon: (4, 2) corners, clockwise from the text's top left, in pixels.

    Returns:
        The crop (32, w) uint8, w >= 8, and the (3, 3) float64 homography from its pixels to the image's.
    """
    a, b, c, d = np.asarray(polygon, np.float64).tolist()
    height = max(1.0, (dist(d, a) + dist(c, b)) / 2)
    width = max(1.0, (dist(b, a) + dist(c, d)) / 2)
    mx, my = MARGIN[0] * height, MARGIN[1] * height
    # The line at its own scale first: shrinking by area afterwards keeps thin strokes of large print.
    own = np.array([[mx, my], [mx + width, my], [mx + width, my + height], [mx, my + height]], np.float32)
    to_own = cv2.getPerspectiveTransform(np.asarray(polygon, np.float32), own).astype(np.float64)
    full_width, full_height = width + 2 * mx, height + 2 * my
    scale = HEIGHT / full_height
    w = max(8, round(full_width * scale))
    across = w / full_width
    # Pixel centres lie at half a pixel: resize keeps that, so does warping with this shift.
    to_crop = np.array([[across, 0, (across - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1.0]]) @ to_own
    if scale >= 0.8:
        size, to_size = (w, HEIGHT), to_crop
    else:
        size, to_size = (max(1, round(full_width)), max(1, round(full_height))), to_own
    crop = cv2.warpPerspective(image, to_size, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if scale < 0.8:
        crop = cv2.resize(crop, (w, HEIGHT), interpolation=cv2.INTER_AREA)
    return crop, np.linalg.inv(to_crop)


def pad_crops(crops: Sequence[np.ndarray], multiple: int = 8) -> np.ndarray:
    """(B, 1, 32, W) uint8 of crops (32, w), each continued by its last column's median; ``multiple`` divides W."""
    width = -(-max(crop.shape[1] for crop in crops) // multiple) * multiple
    out = np.empty((len(crops), 1, HEIGHT, width), np.uint8)
    edges = np.sort([crop[:, -1] for crop in crops], 1).astype(np.int64)
    medians = (edges[:, HEIGHT // 2 - 1] + edges[:, HEIGHT // 2]) // 2
    for row, crop, median in zip(out, crops, medians.tolist(), strict=True):
        row[0, :, : crop.shape[1]] = crop
        row[0, :, crop.shape[1] :] = median
    return out


def padded_width(width: int) -> int:
    """The width to which a crop of that many columns is padded: four to an octave, at least a multiple of 16.

    It depends on the crop's own width alone, so what is read from it does not depend on its neighbours. On the lines of
    a single bill fewer widths make fewer, larger batches, which gains more than the padding (.1 of the columns) costs.
    """
    step = max(16, 1 << max(0, (width - 1).bit_length() - 3))
    return -(-width // step) * step


def batches_by_width(crops: Sequence[np.ndarray], columns: int = 4096) -> list[list[int]]:
    """Indices of ``crops`` in batches of one :func:`padded_width` and at most so many ``columns`` in all.

    A batch that fits the processor's cache is as fast as a larger one. The largest come first: threads that share the
    batches then end together.
    """
    alike: dict[int, list[int]] = {}
    for i, crop in enumerate(crops):
        alike.setdefault(padded_width(crop.shape[1]), []).append(i)
    batches: list[tuple[int, list[int]]] = []
    for width, found in alike.items():
        most = max(1, columns // width)
        batches += [(width, found[start : start + most]) for start in range(0, len(found), most)]
    return [batch for _, batch in sorted(batches, key=lambda one: -one[0] * len(one[1]))]


def padded_batch(crops: Sequence[np.ndarray], batch: Sequence[int]) -> np.ndarray:
    """(B, 1, 32, W) uint8 of one of the batches of :func:`batches_by_width`."""
    return pad_crops([crops[i] for i in batch], padded_width(crops[batch[0]].shape[1]))


class LineSegmenter:
    """The segmentation network.

    Args:
        path: its ``model.onnx``.
        threads: threads that share the batches.
        runtime: what runs it.
    """

    def __init__(self, path: Path, threads: int = 1, runtime: Runtime = "onnxruntime") -> None:
        self._engine = Engine(path, callers=threads, runtime=runtime)
        self._workers = Workers(threads)
        self.version = self._engine.metadata["version"]

    def __call__(self, crops: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each crop (32, w) uint8 its columns, float32 (4, ceil(w/4)).

        Rows: probability of a gap, probability of a glyph's centre, y of the capitals' top, y of the baseline (pixels).
        """

        def look(batch: list[int]) -> np.ndarray:
            return self._engine(padded_batch(crops, batch))[0]

        batches = batches_by_width(crops)
        seen: list[np.ndarray] = [np.zeros((4, 0), np.float32)] * len(crops)
        for batch, maps in zip(batches, self._workers.map(look, batches), strict=True):
            for i, columns in zip(batch, maps, strict=True):
                seen[i] = columns[:, : -(-crops[i].shape[1] // STRIDE)]
        return seen


def word_spans(gaps: Sequence[np.ndarray], widths: Sequence[int]) -> list[tuple[tuple[float, float], ...]]:
    """For each crop the spans (x0, x1) in pixels between its gaps.

    An edge lies where the probability crosses one half, interpolated between the columns' centres.

    Args:
        gaps: (columns,) float32 gap probabilities of each crop.
        widths: of the crops, in pixels.
    """
    # All in a row, with a sure gap around each.
    padded = np.concatenate([[1.0], *(part for gap in gaps for part in (gap, [1.0]))])
    first = np.cumsum([1, *(len(gap) + 1 for gap in gaps)])
    inside = padded < 0.5
    starts = np.flatnonzero(inside[1:] & ~inside[:-1])
    ends = np.flatnonzero(inside[:-1] & ~inside[1:])
    crop = np.searchsorted(first, starts + 1, "right") - 1
    # Column i of a crop has its centre at 4 i + 2.
    left = starts + (padded[starts] - 0.5) / np.maximum(padded[starts] - padded[starts + 1], 1e-6)
    right = ends + (0.5 - padded[ends]) / np.maximum(padded[ends + 1] - padded[ends], 1e-6)
    edges = (np.stack([left, right], 1) - first[crop, None]) * STRIDE + STRIDE / 2
    edges = np.clip(edges, 0, np.asarray(widths)[crop, None])
    spans: list[list[tuple[float, float]]] = [[] for _ in gaps]
    for i, (x0, x1) in zip(crop.tolist(), edges.tolist(), strict=True):
        if x1 - x0 >= 2:
            spans[i].append((x0, x1))
    return [tuple(found) for found in spans]


def segment_lines(prepared: PreparedPage, lines: Sequence[TextLine], segmenter: LineSegmenter) -> list[LineSegment]:
    """The lines of a page as straightened crops, in their order."""
    if not lines:
        return []
    cut = [crop_line(prepared.image, line.polygon) for line in lines]
    seen = segmenter([crop for crop, _ in cut])
    words = word_spans([columns[0] for columns in seen], [crop.shape[1] for crop, _ in cut])
    return [
        LineSegment(i, _straightened(crop, gap, base), to_page, spans, _mean_where_text(base, gap))
        for i, ((crop, to_page), (gap, _, _, base), spans) in enumerate(zip(cut, seen, words, strict=True))
    ]


def _mean_where_text(values: np.ndarray, gap: np.ndarray) -> float:
    ink = 1.0 - gap
    return float((values * ink).sum() / ink.sum()) if ink.sum() > 0.5 else 0.8 * HEIGHT


def _straightened(crop: np.ndarray, gap: np.ndarray, base: np.ndarray) -> np.ndarray:
    """``crop`` with its baseline made level where it is bent or sloped, else the crop itself."""
    ink = gap < 0.5
    if ink.sum() < 8 or np.ptp(base[ink]) <= STRAIGHTEN:
        return crop
    x = np.flatnonzero(ink) * STRIDE + STRIDE / 2
    # A parabola: what a curled or badly boxed line leaves within one crop; descenders and commas average out.
    powers = np.vander((x - x[0]) / (x[-1] - x[0]), 3)
    curve = np.linalg.lstsq(powers, base[ink].astype(np.float64), rcond=None)[0]
    columns = np.arange(crop.shape[1], dtype=np.float32)
    level = np.polyval(curve, (np.clip(columns, x[0], x[-1]) - x[0]) / (x[-1] - x[0]))
    shift = (level - np.mean(level)).astype(np.float32)
    if np.abs(shift).max() <= STRAIGHTEN:
        return crop
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None] + shift[None]
    return cv2.remap(
        crop, np.broadcast_to(columns, rows.shape).copy(), rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
