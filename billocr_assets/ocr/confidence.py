"""From what is known of a word to the probability that it is read right."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from billocr_assets.ocr.perceptron import Perceptron
from billocr_assets.ocr.stages import LineSegment, ReadSegment, TextLine

FEATURES = (
    "product",
    "least",
    "mean",
    "blanks",
    "blank_within",
    "segment",
    "log_length",
    "digits",
    "signs",
    "only_signs",
    "sign_at_an_end",
    "accents",
    "line_score",
    "spans",
    "log_height",
    "first",
    "last",
    "page_product",
    "page_doubtful",
    "repeats",
)
"""What :func:`word_features` gives, in its order."""


# Words whose characters are all right with less than 91 % count as doubtful.
_DOUBTFUL = 0.3


def word_ranges(text: str) -> list[tuple[int, int]]:
    """Where the words of ``text`` begin and end."""
    blanks = [-1, *(i for i, c in enumerate(text) if c == " "), len(text)]
    return [(a + 1, b) for a, b in pairwise(blanks) if b > a + 1]


def word_features(
    lines: Sequence[TextLine], segments: Sequence[LineSegment], reads: Sequence[ReadSegment]
) -> np.ndarray:
    """What is known of the words of a page, (words, len(FEATURES)) float64.

    How sure the characters, the blanks around, their absence within and the whole segment are, what it is made of,
    how sure the detector is of the line, whether the segmenter counts as many words, the height of the print in pixels;
    and of the page how sure its words are, how many are in doubt, and how often it says this word.

    Args:
        segments: of ``lines``, in their order.
        reads: one for each of ``segments``.
    """
    rows = [
        row
        for segment, read in zip(segments, reads, strict=True)
        for row in _of_segment(lines[segment.line], segment, read)
    ]
    if not rows:
        return np.zeros((0, len(FEATURES)))
    words = [read.text[a:b].upper() for read in reads for a, b in word_ranges(read.text)]
    times = Counter(words)
    own = np.array(rows)
    product = own[:, 0]
    page = np.broadcast_to([product.mean(), (product > _DOUBTFUL).mean()], (len(rows), 2))
    return np.concatenate([own, page, np.log([[times[word]] for word in words])], 1)


def _of_segment(line: TextLine, segment: LineSegment, read: ReadSegment) -> list[tuple[float, ...]]:
    ranges = word_ranges(read.text)
    doubt = -np.log(np.clip(read.confidences.astype(np.float64), 1e-6, 1.0))
    parted = -np.log(np.clip(1.0 - read.blanks.astype(np.float64), 1e-6, 1.0))
    around = np.concatenate([[0.0], np.where([c == " " for c in read.text], doubt, 0.0), [0.0]])
    scale = np.sqrt(abs(np.linalg.det(segment.to_page[:2, :2])))
    spans = abs(len(ranges) - len(segment.words)) / max(1, len(ranges))
    rows: list[tuple[float, ...]] = []
    for k, (a, b) in enumerate(ranges):
        word, own = read.text[a:b], doubt[a:b]
        signs = [not c.isalnum() for c in word]
        rows.append(
            (
                np.sqrt(own.sum()),
                np.sqrt(own.max()),
                np.sqrt(own.mean()),
                np.sqrt(max(around[a], around[b + 1])),
                np.sqrt(parted[a : b - 1].max(initial=0.0)),
                np.sqrt(doubt.mean()),
                np.log(b - a),
                sum(c.isdigit() for c in word) / (b - a),
                sum(signs) / (b - a),
                float(all(signs)),
                float(signs[0] or signs[-1]),
                float(any(ord(c) > 126 and c.isalpha() for c in word)),
                1.0 - line.score,
                min(2.0, spans),
                np.log(max(1.0, 32 * scale)),
                float(k == 0),
                float(k == len(ranges) - 1),
            )
        )
    return rows


@functools.lru_cache(maxsize=1)
def shipped_calibration() -> Perceptron:
    """The calibration of the line recogniser that comes with the product."""
    return Perceptron.load(Path(__file__).parent.parent / "models" / "line_recogniser" / "calibration.json", FEATURES)


def calibration_of(recogniser: Path) -> Perceptron:
    """The calibration beside a recogniser's weights; the shipped one where there is none, or one for other features."""
    try:
        return Perceptron.load(recogniser.with_name("calibration.json"), FEATURES)
    except (FileNotFoundError, ValueError):
        return shipped_calibration()
