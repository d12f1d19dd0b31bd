"""Small pictures of what a stage found, as Markdown that Dagster's pages show without fetching anything."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import ArrayLike

# A thumbnail goes into the event log once a bill and stage and stays there; this many pixels are enough to see whether
# a stage went wrong, in about 8 kB.
SIDE = 360
_QUALITY = 45

FOUND = (200, 90, 0)
GOOD, UNSURE, BAD = (60, 150, 40), (0, 150, 235), (40, 40, 220)
_SUREST, _SURE = 0.9, 0.7

Colour = tuple[int, int, int]


def confidence_colour(confidence: float) -> Colour:
    """Green from .9 on, orange from .7 on, else red; blue-green-red like every colour here."""
    return GOOD if confidence >= _SUREST else UNSURE if confidence >= _SURE else BAD


def thumbnail(
    size: tuple[int, int],
    image: np.ndarray | None = None,
    outlines: Iterable[tuple[ArrayLike, Colour]] = (),
    filled: bool = False,
) -> str:
    """A Markdown picture of a page.

    Args:
        size: (width, height) of the page in pixels.
        image: (height, width) uint8 grey; white paper if None.
        outlines: polygons of (x, y) corners in page pixels, with their colours.
        filled: whether polygons are filled and not only outlined.
    """
    width, height = size
    scale = SIDE / max(width, height, 1)
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    if image is None:
        canvas: np.ndarray = np.full((small[1], small[0], 3), 255, np.uint8)
    else:
        resized = cv2.resize(image, small, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        canvas = cv2.cvtColor(resized, cv2.COLOR_GRAY2BGR)
    for polygon, colour in outlines:
        points = np.rint(np.asarray(polygon, np.float64) * scale).astype(np.int32)
        if filled:
            cv2.fillPoly(canvas, [points], colour)
        else:
            cv2.polylines(canvas, [points], True, colour, 1, cv2.LINE_AA)
    _, jpeg = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"![page](data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()})"
