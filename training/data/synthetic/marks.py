"""What stands on bills and is no text: barcodes, logos, stamps, pen strokes, handwriting. All draw ink in place."""

from __future__ import annotations

import random

import cv2
import numpy as np


def barcode(r: random.Random, ink: np.ndarray, x: int, y: int, width: int, height: int) -> None:
    """Vertical bars one to four modules wide."""
    module = max(1, round(width / r.randint(90, 150)))
    at = x
    while at < x + width:
        bar, gap = r.choice((1, 1, 2, 3)) * module, r.choice((1, 1, 2, 3)) * module
        ink[y : y + height, at : min(at + bar, x + width)] = 255
        at += bar + gap


def qr(r: random.Random, ink: np.ndarray, x: int, y: int, side: int) -> None:
    """Random modules with the three finder squares."""
    n = r.choice((21, 25, 29, 33))
    bits = np.random.default_rng(r.randrange(2**32)).integers(0, 2, (n, n), dtype=np.uint8) * 255
    finder = np.full((7, 7), 255, np.uint8)
    finder[1:6, 1:6] = 0
    finder[2:5, 2:5] = 255
    for a, b in ((0, 0), (0, n - 7), (n - 7, 0)):
        bits[max(0, a - 1) : a + 8, max(0, b - 1) : b + 8] = 0
        bits[a : a + 7, b : b + 7] = finder
    block = cv2.resize(bits, (side, side), interpolation=cv2.INTER_NEAREST)
    target = ink[y : y + side, x : x + side]
    np.maximum(target, block[: target.shape[0], : target.shape[1]], out=target)


def logo(r: random.Random, ink: np.ndarray, x: int, y: int, width: int, height: int) -> None:
    """One to three plain shapes beside each other or nested, no letters."""
    shade = r.choice((255, 255, 200, 150))
    centre = (x + width // 2, y + height // 2)
    half_w, half_h = width // 2, height // 2
    for _ in range(r.randint(1, 3)):
        thickness = r.choice((-1, 2, 3, 5))
        shape = r.randrange(4)
        if shape == 0:
            cv2.ellipse(ink, centre, (half_w, half_h), 0, 0, 360, shade, thickness, cv2.LINE_AA)
        elif shape == 1:
            a, b = (centre[0] - half_w, centre[1] - half_h), (centre[0] + half_w, centre[1] + half_h)
            cv2.rectangle(ink, a, b, shade, thickness)
        elif shape == 2:
            n = r.randint(3, 8)
            turn = r.uniform(0, 6.3)
            radii = [r.choice((0.5, 1.0)) for _ in range(n)]
            points = [
                (
                    centre[0] + half_w * q * np.cos(turn + 6.283 * i / n),
                    centre[1] + half_h * q * np.sin(turn + 6.283 * i / n),
                )
                for i, q in enumerate(radii)
            ]
            cv2.fillPoly(ink, [np.array(points, np.int32)], shade, cv2.LINE_AA)
        else:
            for i in range(r.randint(2, 5)):
                level = centre[1] - half_h + round((i + 0.5) * height / 5)
                xs = np.arange(centre[0] - half_w, centre[0] + half_w, 6)
                wave = np.stack([xs, level + half_h * 0.15 * np.sin(xs / r.uniform(8, 20))], 1)
                cv2.polylines(ink, [wave.astype(np.int32)], False, shade, 3, cv2.LINE_AA)
        half_w, half_h = round(half_w * r.uniform(0.4, 0.7)), round(half_h * r.uniform(0.4, 0.7))
        shade = 255 - shade if thickness < 0 else shade


def pen(r: random.Random, ink: np.ndarray, x: float, y: float, size: float) -> None:
    """A tick, a circle, an underline or a squiggle of about ``size`` px."""
    shade, width = r.randint(110, 255), r.choice((1, 2, 2, 3))
    kind = r.randrange(4)
    t = np.linspace(0, 1, 40)
    if kind == 0:  # tick
        points = np.array([[0, 0.6], [0.3, 1.0], [1.2, -0.3]]) * size
    elif kind == 1:  # circle around something
        turn = np.linspace(0, 6.283 * r.uniform(0.9, 1.15), 40)
        points = np.stack([np.cos(turn) * (1 + 0.1 * t), np.sin(turn) * r.uniform(0.4, 0.8)], 1) * size
    elif kind == 2:  # underline or strike
        points = np.stack([t * 3, 0.1 * np.sin(t * r.uniform(2, 9))], 1) * size
    else:
        points = _scrawl(r, 60) * size
    points = (points + np.array([x, y])).astype(np.int32)
    cv2.polylines(ink, [points], False, shade, width, cv2.LINE_AA)


def handwriting(r: random.Random, ink: np.ndarray, x: float, y: float, size: float, letters: int) -> None:
    """Joined loops like a signature or a scribbled word."""
    shade, width = r.randint(120, 255), r.choice((1, 2, 2, 3))
    slope = r.uniform(-0.15, 0.15)
    for i in range(letters):
        points = _scrawl(r, 24) * size * 0.6
        points += [x + i * size * r.uniform(0.5, 0.8), y + slope * i * size]
        cv2.polylines(ink, [points.astype(np.int32)], False, shade, width, cv2.LINE_AA)


def _scrawl(r: random.Random, n: int) -> np.ndarray:
    t = np.linspace(0, 6.283, n)
    a, b, c = r.uniform(0.3, 1), r.uniform(0.3, 1), r.uniform(0, 6.3)
    k, m = r.choice((1, 2, 3)), r.choice((1, 2, 3))
    return np.stack([a * np.sin(k * t + c) + 0.25 * t, b * np.cos(m * t)], 1)


def ideographs(r: random.Random, ink: np.ndarray, x: float, y: float, size: float, count: int) -> None:
    """Signs built from straight strokes in square cells, as East Asian print looks to one who cannot read it."""
    width = max(1, round(size / r.choice((9, 12, 16))))
    shade = r.randint(150, 255)
    for i in range(count):
        left, top = x + i * size * 1.1, y
        for _ in range(r.randint(4, 9)):
            u, v, length = r.uniform(0.05, 0.9), r.uniform(0.05, 0.9), r.uniform(0.2, 0.9)
            du, dv = r.choice(((1, 0), (1, 0), (0, 1), (0, 1), (0.5, 0.8), (-0.5, 0.8)))
            a = (round(left + size * u), round(top + size * v))
            b = (
                round(left + size * min(0.95, max(0, u + du * length))),
                round(top + size * min(0.95, v + dv * length)),
            )
            cv2.line(ink, a, b, shade, width, cv2.LINE_AA)


def stamp(r: random.Random, ink: np.ndarray, x: float, y: float, size: float) -> None:
    """A ring or box with signs inside, turned, unevenly inked."""
    side = round(size * 2.2)
    patch: np.ndarray = np.zeros((side, side), np.uint8)
    middle, radius = side // 2, round(size)
    if r.random() < 0.5:
        cv2.circle(patch, (middle, middle), radius, 200, r.choice((2, 4)), cv2.LINE_AA)
        cv2.circle(patch, (middle, middle), round(radius * 0.7), 200, 1, cv2.LINE_AA)
    else:
        half = round(radius * r.uniform(0.3, 0.8))
        cv2.rectangle(patch, (middle - radius, middle - half), (middle + radius, middle + half), 200, r.choice((2, 4)))
    ideographs(r, patch, middle - size * 0.5, middle - size * 0.18, size * 0.3, 3)
    turn = cv2.getRotationMatrix2D((middle, middle), r.uniform(-40, 40), 1)
    patch = cv2.warpAffine(patch, turn, (side, side))
    blotches = np.random.default_rng(r.randrange(2**32)).integers(90, 256, (6, 6), dtype=np.uint8)
    patch = cv2.multiply(patch, cv2.resize(blotches, (side, side)), scale=r.uniform(0.5, 1) / 255)
    top, left = round(y - middle), round(x - middle)
    a, b, c, d = max(top, 0), min(top + side, ink.shape[0]), max(left, 0), min(left + side, ink.shape[1])
    if a < b and c < d:
        target = ink[a:b, c:d]
        np.maximum(target, patch[a - top : b - top, c - left : d - left], out=target)
