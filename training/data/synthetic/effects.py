"""What printers, paper and cameras do to ink, as cheap array operations.

Ink is uint8, 255 is full; grey pictures are float32 0..255.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np


@cache
def _noise_bank() -> np.ndarray:
    """(1024, 1024) float32 standard normal; drawing a window of it costs a hundredth of drawing new numbers."""
    return np.random.default_rng(7).standard_normal((1024, 1024), dtype=np.float32)


def noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(height, width) float32, about standard normal."""
    bank = _noise_bank()
    y, x = int(rng.integers(1024)), int(rng.integers(1024))
    if y + height > 1024 or x + width > 1024:
        bank = np.take(np.take(bank, np.arange(y, y + height) % 1024, 0), np.arange(x, x + width) % 1024, 1)
        return bank if rng.random() < 0.5 else -bank
    window = bank[y : y + height, x : x + width]
    return window if rng.random() < 0.5 else -window


def field(
    rng: np.random.Generator, height: int, width: int, cells: tuple[int, int], low: float, high: float
) -> np.ndarray:
    """(height, width) float32 wandering smoothly between ``low`` and ``high``; ``cells`` is rows, columns of knots."""
    knots = rng.uniform(low, high, cells).astype(np.float32)
    return cv2.resize(knots, (width, height), interpolation=cv2.INTER_LINEAR)


def dots(ink: np.ndarray, pitch: int, radius: float) -> np.ndarray:
    """Every pixel of ``ink`` as a round dot, ``pitch`` px apart: (h * pitch, w * pitch) uint8."""
    axis = np.arange(pitch) - (pitch - 1) / 2
    disc = np.clip((radius * pitch - np.hypot(axis[:, None], axis)) + 0.5, 0, 1)
    return np.kron(ink, (disc * 255).astype(np.uint8) // 255) if pitch == 1 else _tile(ink, disc)


def _tile(ink: np.ndarray, disc: np.ndarray) -> np.ndarray:
    pitch = len(disc)
    big = ink.repeat(pitch, 0).repeat(pitch, 1)
    grid = np.tile((disc * 255).astype(np.uint8), ink.shape)
    return cv2.multiply(big, grid, scale=1 / 255)


def bleed(ink: np.ndarray, pixels: int) -> np.ndarray:
    """Ink run into the paper (positive) or worn off (negative) by ``pixels`` of width."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(pixels) + 1, abs(pixels) + 1))
    return cv2.dilate(ink, kernel) if pixels > 0 else cv2.erode(ink, kernel)


def head_wear(rng: np.random.Generator, ink: np.ndarray, columns: int) -> None:
    """Dead dots of a thermal head: faint vertical stripes, in place."""
    width = ink.shape[1]
    for _ in range(columns):
        x, w = int(rng.integers(width)), int(rng.integers(1, 3))
        ink[:, x : x + w] = (ink[:, x : x + w] * rng.uniform(0, 0.5)).astype(np.uint8)


def speckle(rng: np.random.Generator, ink: np.ndarray, amount: float) -> np.ndarray:
    """Uneven print: dots vary in density, some are missing. ``amount`` 0..1."""
    grain = noise(rng, *ink.shape) * (90 * amount) + 255 * (1 - 0.3 * amount)
    return cv2.multiply(ink, np.clip(grain, 0, 255).astype(np.uint8), scale=1 / 255)


def motion_kernel(length: int, angle: float) -> np.ndarray:
    """(length, length) float32 kernel of a straight shake, summing to 1; ``angle`` in degrees."""
    kernel: np.ndarray = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), angle, 1)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return kernel / max(kernel.sum(), 1e-6)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """``image`` (uint8, grey or BGR) after compression at ``quality``."""
    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
