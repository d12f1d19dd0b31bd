"""What each stage of reading hands to the next. All coordinates here are pixels of the *prepared* page unless said.

pages (uint8 grey (H, W), upright) -> PreparedPage -> TextLine -> LineSegment -> ReadSegment -> document.Document
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from billocr_assets.ocr.document import PageQuality


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A rectified page.

    Attributes:
        image: (h, w) uint8 grey, text upright.
        to_upload: (3, 3) float64 homography from this image's pixels to the upload's.
        upload_size: (width, height) of the upload's page.
        quality: figures about the upload.
    """

    image: np.ndarray
    to_upload: np.ndarray
    upload_size: tuple[int, int]
    quality: PageQuality


@dataclass(frozen=True, slots=True)
class TextLine:
    """A detected line.

    Attributes:
        polygon: (4, 2) float32, clockwise from the top left.
        score: mean of the kernel map, 0..1.
        row: lines side by side share it; 0-based, down the page. Lists of lines stand in reading order.
    """

    polygon: np.ndarray
    score: float
    row: int


@dataclass(frozen=True, slots=True)
class LineSegment:
    """A straightened piece of a line.

    Attributes:
        line: index of its line in the page's list.
        crop: (32, w) uint8 grey.
        to_page: (3, 3) float64 homography from the crop's pixels to the prepared page's.
        words: spans (x0, x1) in crop pixels of the words that the segmenter sees.
        baseline: mean y of the baseline in crop pixels.
    """

    line: int
    crop: np.ndarray
    to_page: np.ndarray
    words: tuple[tuple[float, float], ...]
    baseline: float


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """A recognised segment.

    Attributes:
        text: blanks between words are single.
        positions: (len(text),) float32 centre x of each character in crop pixels.
        confidences: (len(text),) float32, 0..1, each character's probability.
        blanks: (len(text),) float32, 0..1, the highest probability of a blank between each character and the next.
    """

    text: str
    positions: np.ndarray
    confidences: np.ndarray
    blanks: np.ndarray
