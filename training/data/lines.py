"""Line crops to learn to read from: annotated receipts and rendered lines, jittered, spoilt and bucketed by width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset

from billocr_assets.ocr.segmentation import HEIGHT, MARGIN, pad_crops
from training.data.alphabet import ALPHABET, normalise
from training.data.fonts import Split
from training.data.receipts import AnnotatedReceipt

CLASS = {c: i + 1 for i, c in enumerate(ALPHABET)}
STRIDE = 4
# Surroundings of a line that are kept, in line heights: beside it and above.
_CONTEXT = (0.7, 0.4)
_KEPT = 48
# How far a box that the detector drew is moved, as a share of how far true ones are.
_FOUND = 0.4


@dataclass(frozen=True, slots=True)
class Line:
    """A line to read.

    Attributes:
        image: (h, w) uint8; the line's box is ``box`` (x0, y0, x1, y1) in its pixels, the rest is surroundings.
        text: the truth in the alphabet.
        folded: the truth does not tell upper from lower case.
        rendered: boxed and spoilt already, by the generator.
        found: boxed already, by the line detector.
    """

    image: np.ndarray
    box: tuple[float, float, float, float]
    text: str
    folded: bool
    rendered: bool = False
    found: bool = False


def frames_needed(text: str) -> int:
    """Frames that CTC needs at least: one a character and a blank between equal neighbours."""
    return len(text) + sum(a == b for a, b in pairwise(text))


def lines_of(receipts: Sequence[AnnotatedReceipt]) -> list[Line]:
    """Every readable line of ``receipts`` with its surroundings, at most 48 px high.

    A collection whose truth has no lower-case letter at all does not tell case: its lines are marked as folded.
    """
    folded = not any(c.islower() for receipt in receipts for line in receipt.lines for c in line.text)
    lines = []
    for receipt in receipts:
        image = receipt.image()
        for line in receipt.lines:
            text = None if line.ignore else readable(line.text, line.polygon)
            if text:
                lines.append(Line(*with_surroundings(image, line.polygon), text, folded))
    return lines


def readable(text: str, polygon: np.ndarray) -> str | None:
    """``text`` in the alphabet; None where it has other characters, or the line is too small or short for its text."""
    w, h = _size(polygon)
    known = normalise(text)
    return known if known and h >= 6 and w / h * HEIGHT / STRIDE >= frames_needed(known) else None


def with_surroundings(image: np.ndarray, polygon: np.ndarray) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """A line cut out with what is around it, at most 48 px high: an (h, w) uint8 picture and the line's box in it."""
    w, h = _size(polygon)
    mx, my = _CONTEXT[0] * h, _CONTEXT[1] * h
    target = np.array([[mx, my], [mx + w, my], [mx + w, my + h], [mx, my + h]], np.float32)
    size = (round(w + 2 * mx), round(h + 2 * my))
    to_line = cv2.getPerspectiveTransform(np.asarray(polygon, np.float32), target)
    crop = cv2.warpPerspective(image, to_line, size, borderMode=cv2.BORDER_REPLICATE)
    scale = min(1.0, _KEPT / h)
    if scale < 1:
        crop = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return crop, (mx * scale, my * scale, (mx + w) * scale, (my + h) * scale)


def _size(polygon: np.ndarray) -> tuple[float, float]:
    """Width and height of a (4, 2) polygon, its opposite sides averaged."""
    a, b, c, d = polygon
    sides = np.linalg.norm([b - a, c - d, d - a, c - b], axis=1)
    return float(sides[:2].mean()), float(sides[2:].mean())


def jitter(line: Line, rng: np.random.Generator, amount: float = 1.0) -> tuple[np.ndarray, tuple[int, int]]:
    """How a detector would box ``line``: edges off by a few hundredths of the height, ends by more, a little slope.

    Returns:
        The (2, 3) matrix from the line's pixels to a crop's, and the crop's (width, 32).
    """
    x0, y0, x1, y1 = line.box
    h, w = y1 - y0, x1 - x0
    top, bottom = np.clip(rng.normal(0, 0.05, 2) * amount, -0.1, 0.14) * h
    left, right = np.clip(rng.normal(0.02, 0.15, 2) * amount, -0.28, 0.35) * h
    y0, y1 = y0 - top - MARGIN[1] * h, y1 + bottom + MARGIN[1] * h
    x0, x1 = x0 - left - MARGIN[0] * h, x1 + right + MARGIN[0] * h
    sy = HEIGHT / (y1 - y0)
    sx = sy * np.exp(rng.normal(0, 0.06) * amount)
    sx = max(sx, (frames_needed(line.text) + 1) * STRIDE / (x1 - x0))
    shear = rng.normal(0, 0.08) * amount
    # A slope of up to two pixels over the line's length, as boxes of curled lines have.
    slope = np.clip(rng.normal(0, 0.8) * amount, -2, 2) / max(w * sx, HEIGHT)
    matrix = np.array(
        [
            [sx, shear * sx, -sx * x0 - shear * sx * (y0 + y1) / 2],
            [slope * sx, sy, -sy * y0 - slope * sx * (x0 + x1) / 2],
        ]
    )
    return matrix, (max(8, round((x1 - x0) * sx)), HEIGHT)


def jittered(line: Line, rng: np.random.Generator, amount: float = 1.0) -> np.ndarray:
    """The crop (32, w) uint8 of ``line`` through :func:`jitter`."""
    matrix, size = jitter(line, rng, amount)
    return cv2.warpAffine(line.image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def spoilt(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``image`` (32, w) uint8 as scanners, thermal heads and cameras leave it; many lines stay as they are."""
    out = image
    if rng.random() < 0.05:
        out = _banded(out, rng)
    if rng.random() < 0.3:
        small = rng.uniform(0.32, 0.9)
        out = cv2.resize(out, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        out = cv2.resize(out, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.25:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.9))
    if rng.random() < 0.1:
        kernel = np.ones((2, 2) if rng.random() < 0.5 else (1, 2), np.uint8)
        worn = cv2.dilate(out, kernel) if rng.random() < 0.5 else cv2.erode(out, kernel)
        # By half: a stroke of one pixel must not vanish.
        out = cv2.addWeighted(out, 0.5, worn, 0.5, 0)
    if rng.random() < 0.04:  # scanned in black and white
        edge = float(np.percentile(out, 10)) * 0.5 + float(np.percentile(out, 90)) * 0.5 + rng.uniform(-25, 25)
        out = cv2.GaussianBlur(cv2.threshold(out, edge, 255, cv2.THRESH_BINARY)[1], (0, 0), rng.uniform(0.3, 0.7))
    real = None
    if rng.random() < 0.5:
        real = out.astype(np.float32)
        paper = float(np.percentile(real, 95))
        real = paper + (real - paper) * rng.uniform(0.3, 1.3) + rng.uniform(-60, min(25, 265 - paper))
        if rng.random() < 0.3:
            ramp = np.linspace(rng.uniform(-40, 40), rng.uniform(-40, 40), real.shape[1], dtype=np.float32)
            real += ramp
    if rng.random() < 0.3:
        real = out.astype(np.float32) if real is None else real
        real += rng.normal(0, rng.uniform(2, 18), real.shape).astype(np.float32)
    if real is not None:
        out = np.clip(real, 0, 255).astype(np.uint8)
    if rng.random() < 0.1:
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 80))])
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
    if rng.random() < 0.03:
        out = 255 - out
    return out


def _banded(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``image`` as a worn thermal head prints it: pale bands that run along the paper."""
    pale = np.ones(image.shape[1], np.float32)
    for _ in range(rng.integers(1, 4)):
        x, w = rng.integers(image.shape[1]), rng.integers(2, 48)
        pale[x : x + w] *= rng.uniform(0.15, 0.7)
    paper = float(np.percentile(image, 95))
    return np.clip(paper - (paper - image) * cv2.blur(pale[None], (3, 1)), 0, 255).astype(np.uint8)


class Batch(NamedTuple):
    """Lines of about one width.

    Attributes:
        images: (B, 1, 32, W) uint8, W a multiple of 32.
        targets: (sum of lengths,) int64 classes.
        lengths: (B,) int64 characters of each line.
        folded: (B,) bool.
    """

    images: torch.Tensor
    targets: torch.Tensor
    lengths: torch.Tensor
    folded: torch.Tensor


def batch_of(samples: Sequence[tuple[np.ndarray, str, bool]]) -> Batch:
    """Crops (32, w), truths and whether the truth is folded, as one :class:`Batch`."""
    return Batch(
        images=torch.from_numpy(pad_crops([image for image, _, _ in samples], 32)),
        targets=torch.tensor([CLASS[c] for _, text, _ in samples for c in text], dtype=torch.long),
        lengths=torch.tensor([len(text) for _, text, _ in samples]),
        folded=torch.tensor([folded for _, _, folded in samples]),
    )


def of_one_width(batches: Iterable[torch.Tensor], count: int = 40, width: int = 320) -> list[np.ndarray]:
    """``count`` arrays (8, 1, 32, width) float32 from batches (B, 1, 32, W) uint8, continued by their last column."""
    found: list[np.ndarray] = []
    for batch in batches:
        images = batch[:8].numpy()
        if len(images) == 8 and images.shape[-1] <= width:
            padding = ((0, 0), (0, 0), (0, 0), (0, width - images.shape[-1]))
            found.append(np.pad(images, padding, mode="edge").astype(np.float32))
        if len(found) == count:
            break
    return found


def by_pixels(widths: Sequence[int], pixels: int) -> list[slice]:
    """Rising ``widths`` cut into batches: the widest of a batch decides its padded width, their product the cost."""
    batches, start = [], 0
    for end in range(1, len(widths) + 1):
        if end == len(widths) or (end + 1 - start) * -(-widths[end] // 32) * 32 > pixels:
            batches.append(slice(start, end))
            start = end
    return batches


class LineBatches(IterableDataset):
    """Endless :class:`Batch` es of real and rendered lines.

    Lines are drawn ``pool`` at a time, sorted by width and cut into batches of about ``pixels`` columns, so that little
    padding is computed. The first ``short`` lines have at most six characters: from long ones CTC first learns to say
    nothing at all.

    Args:
        real: annotated lines, may be empty.
        render: gives a rendered line for a generator.
        rendered_share: share of rendered lines, 0..1.
        seed: of all randomness; worker processes add their number.
        joined_share: share of samples made of two lines side by side, for long lines and wide blanks.
        blank_share: share of bare paper, which says nothing.
        reverse_share: share of samples with another line shining through from the paper's other side.
    """

    def __init__(
        self,
        real: Sequence[Line],
        render: Callable[[np.random.Generator], Line] | None,
        *,
        rendered_share: float = 0.5,
        seed: int = 0,
        short: int = 8000,
        pixels: int = 8192,
        pool: int = 1024,
        longest: int = 1024,
        joined_share: float = 0.08,
        blank_share: float = 0.01,
        reverse_share: float = 0.07,
    ) -> None:
        self.real, self.render = real, render
        self.rendered_share = 0.0 if render is None else rendered_share if real else 1.0
        self.seed, self.short, self.pixels, self.pool = seed, short, pixels, pool
        self.longest, self.joined_share, self.blank_share = longest, joined_share, blank_share
        self.reverse_share = reverse_share

    def __iter__(self) -> Iterator[Batch]:
        if not self.real and self.render is None:
            raise ValueError("there is no line to learn from")
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        short_left = self.short
        brief = [line for line in self.real if len(line.text) <= 6]
        while True:
            short = short_left > 0
            samples: list[tuple[np.ndarray, str, bool]] = []
            while len(samples) < self.pool:
                sample = self._sample(rng, brief if short else self.real, short)
                if sample[0].shape[1] <= self.longest:
                    samples.append(sample)
            short_left -= len(samples)
            samples.sort(key=lambda sample: sample[0].shape[1])
            batches = by_pixels([sample[0].shape[1] for sample in samples], self.pixels)
            for i in rng.permutation(len(batches)):
                yield batch_of(samples[batches[i]])

    def _draw(self, rng: np.random.Generator, real: Sequence[Line], short: bool) -> Line:
        if real and rng.random() >= self.rendered_share:
            return real[int(rng.integers(len(real)))]
        if self.render is None:
            return real[int(rng.integers(len(real)))]
        line = self.render(rng)
        while short and len(line.text) > 8:
            line = self.render(rng)
        return line

    def _sample(self, rng: np.random.Generator, real: Sequence[Line], short: bool) -> tuple[np.ndarray, str, bool]:
        if not short and rng.random() < self.blank_share:
            image = blank_paper(rng)
            return self._with_reverse(rng, image, real) if rng.random() < 0.3 else image, "", False
        line = self._draw(rng, real, short)
        image, text = crop_of(line, rng), line.text
        if not short and rng.random() < self.reverse_share:
            image = self._with_reverse(rng, image, real)
        if not short and rng.random() < self.joined_share:
            other = self._draw(rng, real, short)
            second = crop_of(other, rng)
            if other.folded == line.folded and image.shape[1] + second.shape[1] < self.longest:
                # The second line's paper takes the first one's grey, or the seam would be the cue.
                shift = float(np.percentile(image, 90) - np.percentile(second, 90))
                second = np.clip(second.astype(np.float32) + shift, 0, 255).astype(np.uint8)
                image, text = np.hstack([image, second]), f"{text} {other.text}"
        return image, text, line.folded

    def _with_reverse(self, rng: np.random.Generator, image: np.ndarray, real: Sequence[Line]) -> np.ndarray:
        """``image`` with the mirrored, pale print of another line, which is not to be read."""
        other = crop_of(self._draw(rng, real, False), rng)[:, ::-1]
        ink = np.clip(float(np.percentile(other, 90)) - other.astype(np.float32), 0, 255)
        ink = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.4, 1.5)) * rng.uniform(0.08, 0.4)
        height, width = image.shape
        start = int(rng.integers(max(1, ink.shape[1])))
        pale = np.roll(np.resize(ink.T, (width + start, height))[start:].T, rng.integers(-16, 17), 0)
        return np.clip(image - pale, 0, 255).astype(np.uint8)


def blank_paper(rng: np.random.Generator) -> np.ndarray:
    """A crop (32, w) uint8 without print: what is left of a ruled line or an edge at most."""
    image = np.full((HEIGHT, int(rng.integers(16, 320))), rng.uniform(120, 255), np.uint8)
    return spoilt(image, rng) if rng.random() < 0.7 else image


def crop_of(line: Line, rng: np.random.Generator) -> np.ndarray:
    """The crop (32, w) uint8 of ``line``, jittered and spoilt as far as it is not already."""
    crop = jittered(line, rng, 0.25 if line.rendered else _FOUND if line.found else 1.0)
    return crop if line.rendered else spoilt(crop, rng)


def rendered_line(rng: np.random.Generator, fonts: Split = "train") -> Line:
    """A synthetic line, see :func:`training.data.synthetic.lines.synthesise_line`."""
    # Imported here: training on receipts alone needs no fonts.
    from training.data.synthetic.lines import synthesise_line

    sample = synthesise_line(rng, fonts)
    return Line(sample.image, inner_box(sample.image), sample.text, False, rendered=True)


def inner_box(image: np.ndarray) -> tuple[float, float, float, float]:
    """The box whose crop is all of ``image``, for a crop that has its margins."""
    h, w = image.shape
    own = h / (1 + 2 * MARGIN[1])
    mx, my = min(MARGIN[0] * own, 0.4 * w), MARGIN[1] * own
    return mx, my, w - mx, h - my
