"""Rendered lines with the truth of every column, for the line segmenter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset

from billocr_assets.ocr.segmentation import HEIGHT, pad_crops
from training.data.lines import STRIDE, Line, by_pixels, inner_box, jitter
from training.data.synthetic.lines import LineSample


class ColumnBatch(NamedTuple):
    """Lines of about one width.

    Attributes:
        images: (B, 1, 32, W) uint8.
        targets: (B, 4, W/4) float32: gap 0..1, glyph centre 0..1, y of the capitals' top and of the baseline in pixels.
    """

    images: torch.Tensor
    targets: torch.Tensor


class Marked(NamedTuple):
    """A crop (32, w) uint8 and what lies where: in pixels, (n, 2) spans of the characters that are not blanks,
    (n,) whether a character begins a word, and (w,) y of the capitals' top and of the baseline."""

    image: np.ndarray
    spans: np.ndarray
    begins: np.ndarray
    top: np.ndarray
    base: np.ndarray


def marked(sample: LineSample, rng: np.random.Generator) -> Marked:
    """A rendered line as a detector would box it, sometimes bent."""
    matrix, (width, _) = jitter(Line(sample.image, inner_box(sample.image), sample.text, False), rng, 0.5)
    image = cv2.warpAffine(
        sample.image, matrix, (width, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    inked = np.array([c != " " for c in sample.text])
    begins = inked & ~np.concatenate([[False], inked[:-1]])
    centres, middle = sample.glyphs.mean(1), (sample.top + sample.baseline) / 2
    spans = sample.glyphs[inked] * matrix[0, 0] + matrix[0, 1] * middle + matrix[0, 2]
    x = np.arange(width)
    at = centres * matrix[0, 0] + matrix[0, 1] * middle + matrix[0, 2]
    top, base = (
        np.interp(x, at, matrix[1, 0] * centres + matrix[1, 1] * y + matrix[1, 2])
        for y in (sample.tops, sample.baselines)
    )
    if rng.random() < 0.4:
        bend = rng.uniform(-4, 4) * ((x - rng.uniform(0.3, 0.7) * width) / max(width, 4 * HEIGHT) * 2) ** 2
        rows = np.arange(HEIGHT, dtype=np.float32)[:, None] - bend[None].astype(np.float32)
        columns = np.broadcast_to(x.astype(np.float32), rows.shape).copy()
        image = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        top, base = top + bend, base + bend
    return Marked(image, spans, begins[inked], top, base)


def beside(a: Marked, b: Marked, blank: int, rng: np.random.Generator) -> Marked:
    """Two lines with ``blank`` columns of the first one's paper between them, as a row of a bill has."""
    shift = float(np.percentile(a.image, 90) - np.percentile(b.image, 90))
    second = np.clip(b.image.astype(np.float32) + shift, 0, 255).astype(np.uint8)
    paper = np.percentile(a.image, 90) + rng.normal(0, 2, (HEIGHT, blank))
    start = a.image.shape[1] + blank
    return Marked(
        np.hstack([a.image, np.clip(paper, 0, 255).astype(np.uint8), second]),
        np.concatenate([a.spans, b.spans + start]),
        np.concatenate([a.begins, b.begins]),
        np.concatenate([a.top, np.full(blank, a.top[-1]), b.top]),
        np.concatenate([a.base, np.full(blank, a.base[-1]), b.base]),
    )


def columns_of(line: Marked, columns: int) -> np.ndarray:
    """(4, columns) float32 targets; columns beyond the line are gaps."""
    centre = np.arange(columns) * STRIDE + STRIDE / 2
    words = np.flatnonzero(line.begins)
    starts = line.spans[words, 0] if len(words) else np.zeros(0)
    ends = np.maximum.reduceat(line.spans[:, 1], words) if len(words) else np.zeros(0)
    # The share of a column that a word covers: soft edges tell a finer place than 4 px.
    covered = np.clip(
        np.minimum(ends[:, None], centre + STRIDE / 2) - np.maximum(starts[:, None], centre - STRIDE / 2), 0, STRIDE
    )
    gap = 1 - np.clip(covered.sum(0) / STRIDE, 0, 1)
    glyphs = line.spans.mean(1)
    near = np.exp(-0.5 * ((centre[None] - glyphs[:, None]) / STRIDE) ** 2).max(0, initial=0.0)
    at = np.clip(centre.astype(int), 0, len(line.top) - 1)
    return np.stack([gap, near, line.top[at], line.base[at]]).astype(np.float32)


class ColumnBatches(IterableDataset):
    """Endless :class:`ColumnBatch` es.

    Args:
        render: gives a rendered line for a generator.
        seed: of all randomness; worker processes add their number.
        joined_share: share of samples made of two lines with a wide blank between.
        pixels: columns of a batch.
        pool: lines that are drawn and sorted by width at a time.
    """

    def __init__(
        self,
        render: Callable[[np.random.Generator], LineSample],
        *,
        seed: int = 0,
        joined_share: float = 0.2,
        pixels: int = 12288,
        pool: int = 512,
        longest: int = 1024,
    ) -> None:
        self.render, self.seed, self.joined_share = render, seed, joined_share
        self.pixels, self.pool, self.longest = pixels, pool, longest

    def __iter__(self) -> Iterator[ColumnBatch]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        while True:
            lines = sorted((self.line(rng) for _ in range(self.pool)), key=lambda line: line.image.shape[1])
            lines = [line for line in lines if line.image.shape[1] <= self.longest]
            batches = by_pixels([line.image.shape[1] for line in lines], self.pixels)
            for i in rng.permutation(len(batches)):
                chosen = lines[batches[i]]
                images = pad_crops([line.image for line in chosen], 32)
                columns = images.shape[-1] // STRIDE
                targets = np.stack([columns_of(line, columns) for line in chosen])
                yield ColumnBatch(torch.from_numpy(images), torch.from_numpy(targets))

    def line(self, rng: np.random.Generator) -> Marked:
        """One line, or two in a row."""
        line = marked(self.render(rng), rng)
        if rng.random() < self.joined_share:
            other = marked(self.render(rng), rng)
            blank = int(rng.uniform(0, 5 * HEIGHT))
            if line.image.shape[1] + blank + other.image.shape[1] <= self.longest:
                line = beside(line, other, blank, rng)
        return line
