"""Where points of a flat bill land in the picture: a gentle curl of the paper, then a homography."""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np

_KNOT = 16  # px between the knots of the dense map


@dataclass(frozen=True, slots=True)
class Curl:
    """Smooth displacement of the paper, px: sines of amplitude, turns per px and phase, along and across."""

    sag: tuple[float, float, float]
    sway: tuple[float, float, float]
    roll: tuple[float, float, float]

    def shift(self, points: np.ndarray) -> np.ndarray:
        """Displacement at ``points`` (..., 2)."""
        x, y = points[..., 0], points[..., 1]
        (a, k, p), (b, m, q), (c, n, s) = self.sag, self.sway, self.roll
        return np.stack([b * np.sin(m * y + q), a * np.sin(k * x + p) + c * np.sin(n * y + s)], -1)


@dataclass(frozen=True, slots=True)
class Warp:
    """Flat paper px to picture px; ``matrix`` is (3, 3) float64, applied after ``curl``."""

    matrix: np.ndarray
    curl: Curl | None = None

    def points(self, flat: np.ndarray) -> np.ndarray:
        """(n, 2) points of the paper as (n, 2) float32 points of the picture."""
        flat = np.asarray(flat, np.float64)
        bent = flat if self.curl is None else flat + self.curl.shift(flat)
        return cv2.perspectiveTransform(bent[None], self.matrix)[0].astype(np.float32)

    def image(self, flat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """``flat`` (uint8) as seen in a picture of ``size`` (width, height); outside of the paper 0."""
        if self.curl is None:
            return cv2.warpPerspective(flat, self.matrix, size, flags=cv2.INTER_LINEAR)
        width, height = size
        # The inverse map is smooth: worked out at knots, a few steps of fixed-point iteration, then enlarged.
        columns, rows = width // _KNOT + 3, height // _KNOT + 3
        knots = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1)
        pixels = (knots - 0.5) * _KNOT - 0.5  # the first knot lies half a step outside
        bent = cv2.perspectiveTransform(pixels.reshape(1, -1, 2), np.linalg.inv(self.matrix)).reshape(pixels.shape)
        source = bent
        for _ in range(4):
            source = bent - self.curl.shift(source)
        big = cv2.resize(source.astype(np.float32), (columns * _KNOT, rows * _KNOT), interpolation=cv2.INTER_LINEAR)
        dense = big[_KNOT : _KNOT + height, _KNOT : _KNOT + width]
        return cv2.remap(flat, dense[..., 0].copy(), dense[..., 1].copy(), cv2.INTER_LINEAR)

    def quadrilateral(self, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        """A rectangle of the paper as (4, 2) float32, clockwise from the top left, grown to hold its bent edges."""
        corners = self.points(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
        if self.curl is None:
            return corners
        along = np.linspace(0, 1, 9)
        xs = x0 + (x1 - x0) * along
        for y, (a, b), outward in ((y0, (0, 1), -1.0), (y1, (3, 2), 1.0)):
            edge = self.points(np.stack([xs, np.full(9, y)], 1))
            chord = corners[a] + (corners[b] - corners[a]) * along[:, None]
            down = corners[b] - corners[a]
            normal = np.array([-down[1], down[0]]) / max(float(np.hypot(*down)), 1e-6) * outward
            grow = max(0.0, float(((edge - chord) @ normal).max()))
            corners[[a, b]] += normal * grow
        return corners.astype(np.float32)


def random_curl(r: random.Random, width: int, height: int, strength: float) -> Curl:
    """A curl whose displacements stay below about ``strength`` px."""

    def wave(share: float, low: float, high: float, length: int) -> tuple[float, float, float]:
        return strength * share * r.uniform(-1, 1), 6.283 * r.uniform(low, high) / length, r.uniform(0, 6.283)

    return Curl(wave(1.0, 0.3, 0.9, width), wave(1.0, 0.3, 1.2, height), wave(2.0, 0.2, 0.8, height))


def view(r: random.Random, width: int, height: int, scale: float, turn: float, tilt: float) -> np.ndarray:
    """(3, 3) homography of a flat (width, height) paper seen at ``scale``, turned by up to ``turn`` and tilted by up to
    ``tilt`` degrees about both axes; the paper's bounding box starts at the origin."""
    rx, ry = (np.radians(r.uniform(-tilt, tilt)) for _ in range(2))
    rz = np.radians(r.gauss(0, turn / 2))
    rotation = (
        cv2.Rodrigues(np.array([rx, 0, 0]))[0]
        @ cv2.Rodrigues(np.array([0, ry, 0]))[0]
        @ cv2.Rodrigues(np.array([0, 0, rz]))[0]
    )
    focal = 1.6 * max(width, height)
    to_plane = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    project = np.diag([focal, focal, 1.0]) @ np.column_stack([rotation[:, 0], rotation[:, 1], [0, 0, focal]])
    matrix = project @ to_plane
    matrix = np.diag([scale, scale, 1.0]) @ (matrix / matrix[2, 2])
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    low = cv2.perspectiveTransform(corners, matrix)[0].min(0)
    return np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ matrix
