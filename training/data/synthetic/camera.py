"""From ink on a flat bill to a picture: what lies around it, light, shadow, blur, noise, compression."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from training.data.synthetic import effects
from training.data.synthetic.geometry import Warp
from training.data.synthetic.typeset import PrintedLine

LARGEST = 2.4e6
"""Pixels of a picture, at most."""
SMALLEST_CAP = 8.0
"""Height of the capitals in the picture, px, below which people could not read the text either."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of the world that the picture shows.

    Attributes:
        shift: (3, 3) translation from the warp's plane to the frame.
        size: width, height before scaling.
        shrink: factor on the scale, below 1 where a small bill lies on a large scan.
        plain: around the bill there is scanner white, not a table.
    """

    shift: np.ndarray
    size: tuple[float, float]
    shrink: float
    plain: bool


def frame(r: random.Random, warp: Warp, lines: list[PrintedLine], paper: tuple[int, int], mode: str) -> Frame:
    """Chooses what is in the picture: always every line, usually the whole bill, sometimes much around it."""
    width, height = paper
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, height / 2], [width, height / 2]])
    low, high = (f(warp.points(edge), 0) for f in (np.min, np.max))
    quads = np.concatenate([warp.quadrilateral(*line.rectangle) for line in lines])
    text_low, text_high = quads.min(0), quads.max(0)
    shrink, plain = 1.0, mode == "scan"
    extent = high - low
    need = max(float(extent[0]), float(extent[1]) / 1.414)  # width of the smallest sheet
    cap = float(np.median([line.cap for line in lines]))
    largest = (LARGEST / 1.414) ** 0.5 * cap / SMALLEST_CAP
    if mode == "scan" and need < largest and r.random() < 0.14:  # a small bill on a large sheet
        sheet = min(need * r.uniform(1.1, 2.4), largest)
        size = np.array([sheet, sheet * 1.414])
        corner = low - np.array([r.uniform(0, 1), r.uniform(0, 1)]) * np.maximum(size - extent, 0)
        low, high = corner, corner + size
        shrink = r.uniform(0.6, 1.0)
    elif r.random() < 0.2:  # tight around the text
        pad = r.uniform(0.005, 0.04) * width
        low, high = text_low - pad, text_high + pad
    else:
        room = r.uniform(0, 0.04) if mode == "scan" else r.uniform(0.02, 0.16)
        low, high = low - room * width * r.uniform(0.3, 1), high + room * width * r.uniform(0.3, 1)
    low, high = np.minimum(low, text_low - 3), np.maximum(high, text_high + 3)
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]])
    return Frame(shift, (float(high[0] - low[0]), float(high[1] - low[1])), shrink, plain)


def expose(
    r: random.Random,
    rng: np.random.Generator,
    warp: Warp,
    size: tuple[int, int],
    ink: np.ndarray,
    pen: np.ndarray | None,
    mode: str,
    around: Frame,
    colour: bool,
) -> np.ndarray:
    """The picture, (H, W) or in colour (H, W, 3) uint8."""
    photo = mode == "photo"
    print_alpha = warp.image(ink, size)
    pen_alpha = None if pen is None else warp.image(pen, size)
    mask = _paper_mask(warp, ink.shape, size)
    paper = _paper_tone(r, rng, size, photo)
    background = _table(r, rng, size) if not around.plain else _scanner(r, rng, size, paper)
    light = _light(r, rng, size) if photo else None
    style = r.random()
    depth = r.uniform(0.85, 1.0) if style < 0.55 else r.uniform(0.6, 0.9) if style < 0.85 else r.uniform(0.42, 0.65)
    if not photo and style < 0.3:
        depth = 1.0
    blur = _blur(r, photo)
    grain = r.choice((0.0, 2.0, 4.0, 7.0)) if photo else r.choice((0.0, 0.0, 1.5, 3.0, 6.0))
    quality = r.randint(35, 92) if r.random() < 0.45 else None
    curve = _tone_curve(r, photo)
    tints = _tints(r, around.plain) if colour else [(1.0, 1.0, 0.0, 0.0)]
    if r.random() < 0.15 and not photo:
        _dust(r, print_alpha)

    channels = []
    for paper_tint, table_tint, ink_tint, pen_tint in tints:
        sheet = cv2.convertScaleAbs(paper, alpha=paper_tint) if paper_tint != 1 else paper
        sheet = cv2.multiply(sheet, _shade(print_alpha, depth * (1 - ink_tint)), scale=1 / 255)
        if pen_alpha is not None:
            sheet = cv2.multiply(sheet, _shade(pen_alpha, 0.8 * (1 - pen_tint)), scale=1 / 255)
        table = cv2.convertScaleAbs(background, alpha=table_tint) if table_tint != 1 else background
        channel = table.copy()
        cv2.copyTo(sheet, mask, channel)
        if light is not None:
            channel = cv2.multiply(channel, light, scale=1 / 255)
        channel = blur(channel)
        if grain:
            channel = _grain(r, channel, grain)
        if curve is not None:
            channel = cv2.LUT(channel, curve)
        channels.append(channel)
    picture = cv2.merge(channels) if colour else channels[0]
    return picture if quality is None else effects.jpeg(picture, quality)


def _tone_curve(r: random.Random, photo: bool) -> np.ndarray | None:
    """(256,) uint8: gamma, or the steep contrast with which office scanners clean up paper; None for neither."""
    grey = np.arange(256) / 255
    chance = r.random()
    if chance < 0.25:
        return (255 * grey ** r.uniform(0.75, 1.3)).astype(np.uint8)
    if not photo and chance < 0.55:
        steep, middle = r.uniform(5, 14), r.uniform(0.5, 0.75)
        curve = 1 / (1 + np.exp(-steep * (grey - middle)))
        return (255 * (curve - curve[0]) / (curve[-1] - curve[0])).astype(np.uint8)
    return None


def _shade(alpha: np.ndarray, depth: float) -> np.ndarray:
    """Ink coverage 0..255 as what it lets through, 255..255 * (1 - depth)."""
    return cv2.LUT(alpha, (255 - np.arange(256) * depth).clip(0, 255).astype(np.uint8))


def _paper_mask(warp: Warp, shape: tuple[int, ...], size: tuple[int, int]) -> np.ndarray:
    height, width = shape
    t = np.linspace(0, 1, 24, endpoint=False)
    zeros, ones = np.zeros_like(t), np.ones_like(t)
    sides = (
        (t * width, zeros),
        (ones * width, t * height),
        ((1 - t) * width, ones * height),
        (zeros, (1 - t) * height),
    )
    outline = warp.points(np.concatenate([np.stack(side, 1) for side in sides]))
    mask: np.ndarray = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 255)
    return mask


def _field(
    rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int], low: float, high: float
) -> np.ndarray:
    """Smooth uint8 field of ``size`` (width, height)."""
    return effects.field(rng, size[1], size[0], cells, low, high).astype(np.uint8)


def _paper_tone(r: random.Random, rng: np.random.Generator, size: tuple[int, int], photo: bool) -> np.ndarray:
    white = r.uniform(195, 250) if photo else r.choice((255, 252, 245, r.uniform(185, 250)))
    unevenness = r.uniform(4, 30) if photo else r.choice((0, 0, 4, 12, 30))
    small = max(2, size[0] // 8), max(2, size[1] // 8)
    tone = effects.field(rng, small[1], small[0], (r.randint(2, 6), r.randint(2, 4)), white - unevenness, white)
    for _ in range(r.choice((0, 0, 1, 2, 3)) if photo else r.choice((0, 0, 0, 1))):  # folds: lit on one side
        a, c = r.uniform(-0.25, 0.25), r.uniform(0.1, 0.9)
        y, x = np.mgrid[0 : small[1], 0 : small[0]].astype(np.float32)
        distance = (y / small[1] - c) - a * (x / small[0] - 0.5)
        if r.random() < 0.3:
            distance = (x / small[0] - c) - a * (y / small[1] - 0.5)
        edge = np.tanh(distance * r.uniform(20, 120))
        tone += r.uniform(4, 20) * edge * np.exp(-np.abs(distance) * r.uniform(8, 30))
    return cv2.resize(np.clip(tone, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)


def _scanner(r: random.Random, rng: np.random.Generator, size: tuple[int, int], paper: np.ndarray) -> np.ndarray:
    """Around a scanned bill: white, its own tone, or a dark lid."""
    kind = r.random()
    if kind < 0.6:
        return np.full(size[::-1], r.choice((255, 255, 250, 240)), np.uint8)
    if kind < 0.85:
        return paper.copy()
    return _field(rng, size, (2, 2), r.choice((10, 60, 150)), r.choice((160, 200, 225)))


def _table(r: random.Random, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A table top: plain, wood, woven or speckled, perhaps with other things on it."""
    width, height = size
    base = r.uniform(25, 190)
    top: np.ndarray = _field(rng, size, (3, 3), base * 0.8, min(255, base * 1.15))
    kind = r.randrange(4)
    contrast = r.uniform(0.1, 0.7)
    if kind == 1:  # wood: noise drawn out along the grain
        grain = cv2.resize(
            _noise_tile()[: max(8, height // 3), : max(4, width // 60)], size, interpolation=cv2.INTER_CUBIC
        )
        if r.random() < 0.5:
            grain = cv2.resize(
                _noise_tile()[: max(4, height // 60), : max(8, width // 3)], size, interpolation=cv2.INTER_CUBIC
            )
        top = cv2.addWeighted(top, 1.0, grain, contrast, -128 * contrast)
    elif kind == 2:  # cloth
        pitch = r.randint(4, 12)
        weave = (np.arange(width) // pitch + (np.arange(height) // pitch)[:, None]) % 2 * 255
        top = cv2.addWeighted(top, 1.0, weave.astype(np.uint8), 0.12 * contrast, -15 * contrast)
    elif kind == 3:  # stone
        step = r.randint(2, 6)
        stone = cv2.resize(
            _noise_tile()[: height // step + 1, : width // step + 1], size, interpolation=cv2.INTER_LINEAR
        )
        top = cv2.addWeighted(top, 1.0, stone, contrast, -128 * contrast)
    for _ in range(r.choice((0, 0, 1, 2, 4))):
        x, y, w, h = (
            r.uniform(0, width),
            r.uniform(0, height),
            r.uniform(0.05, 0.5) * width,
            r.uniform(0.02, 0.3) * height,
        )
        corners = cv2.boxPoints(((x, y), (w, h), r.uniform(0, 90)))
        cv2.fillPoly(top, [corners.astype(np.int32)], r.uniform(5, 250), cv2.LINE_AA)
    return top


def _light(r: random.Random, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Uneven lamp light and the shadows of a hand or a phone; 255 is full light."""
    small = max(2, size[0] // 8), max(2, size[1] // 8)
    light = effects.field(
        rng, small[1], small[0], (2, 2), r.choice((r.uniform(120, 180), r.uniform(170, 250), r.uniform(200, 250))), 255
    )
    if r.random() < 0.45:
        shadow: np.ndarray = np.zeros(small[::-1], np.uint8)
        x, y = r.choice((0.0, 1.0, r.random())) * small[0], r.random() * small[1]
        n = r.randint(3, 7)
        reach = r.uniform(0.3, 0.9) * max(small)
        angles = sorted(r.uniform(0, 6.283) for _ in range(n))
        points = [
            (x + reach * np.cos(a) * r.uniform(0.4, 1), y + reach * np.sin(a) * r.uniform(0.4, 1)) for a in angles
        ]
        cv2.fillPoly(shadow, [np.array(points, np.int32)], 255)
        soft = cv2.GaussianBlur(shadow, (0, 0), r.choice((1.5, 3, 6, 12)))
        light *= 1 - soft / 255 * r.uniform(0.1, 0.45)
    return cv2.resize(light.clip(0, 255).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)


def _blur(r: random.Random, photo: bool) -> Callable[[np.ndarray], np.ndarray]:
    chance = r.random()
    if chance < (0.55 if photo else 0.4):
        sigma = min(2.5, 0.4 + r.expovariate(1 / (0.7 if photo else 0.3)))
        return lambda image: cv2.GaussianBlur(image, (0, 0), sigma)
    if photo and chance < 0.65:
        kernel = effects.motion_kernel(r.choice((3, 5, 7)), r.uniform(0, 180))
        return lambda image: cv2.filter2D(image, -1, kernel)
    return lambda image: image


@cache
def _noise_tile() -> np.ndarray:
    """(3072, 3072) uint8 normal noise of mean 128 and deviation 32."""
    noise = np.random.default_rng(11).standard_normal((1536, 1536), dtype=np.float32) * 32 + 128
    return np.tile(noise.clip(0, 255).astype(np.uint8), (2, 2))


def _grain(r: random.Random, image: np.ndarray, sigma: float) -> np.ndarray:
    height, width = image.shape
    tile = _noise_tile()
    y, x = r.randrange(max(1, 3072 - height)), r.randrange(max(1, 3072 - width))
    window = tile[y : y + height, x : x + width]
    if window.shape != image.shape:
        window = np.resize(window, image.shape)
    return cv2.addWeighted(image, 1.0, window, sigma / 32, -128 * sigma / 32)


def _dust(r: random.Random, alpha: np.ndarray) -> None:
    """Specks, and sometimes a punched hole."""
    height, width = alpha.shape
    for _ in range(r.randint(3, 40)):
        cv2.circle(alpha, (r.randrange(width), r.randrange(height)), r.choice((0, 1, 1, 2)), r.randint(80, 255), -1)
    if r.random() < 0.15:
        at = (r.choice((r.uniform(0.01, 0.06), r.uniform(0.94, 0.99))) * width, r.uniform(0.1, 0.9) * height)
        cv2.circle(alpha, (round(at[0]), round(at[1])), round(0.025 * width), 255, -1)


def _tints(r: random.Random, plain: bool) -> list[tuple[float, float, float, float]]:
    """Per channel (blue, green, red): factors on paper and table, and how much of it ink and pen let through."""
    paper = r.choice(
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.97, 0.99, 1.0), (0.93, 0.97, 1.0), (1.0, 0.98, 0.96), (0.98, 0.97, 1.0))
    )
    table = (
        (1.0, 1.0, 1.0)
        if plain
        else r.choice(((0.45, 0.72, 1.0), (0.6, 0.8, 1.0), (1.0, 0.85, 0.75), (0.75, 0.95, 0.8), (0.95, 1.0, 1.0)))
    )
    ink = r.choice(((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.08, 0.04, 0.03), (0.35, 0.12, 0.15), (0.3, 0.08, 0.25)))
    pen = r.choice(((0.8, 0.25, 0.1), (0.1, 0.1, 0.8), (0.0, 0.0, 0.0), (0.6, 0.2, 0.5)))
    return list(zip(paper, table, ink, pen, strict=True))
