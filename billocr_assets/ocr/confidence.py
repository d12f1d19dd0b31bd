"""From what is known of a word to the probability that it is read right."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

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
)
"""What :func:`word_features` gives, in its order."""


def word_ranges(text: str) -> list[tuple[int, int]]:
    """Where the words of ``text`` begin and end."""
    blanks = [-1, *(i for i, c in enumerate(text) if c == " "), len(text)]
    return [(a + 1, b) for a, b in pairwise(blanks) if b > a + 1]


def word_features(line: TextLine, segment: LineSegment, read: ReadSegment) -> np.ndarray:
    """(words, len(FEATURES)) float64: how sure the characters, the blanks around, their absence within and the whole
    segment are, what the word is made of, how sure the detector is of the line, whether the segmenter counts as many
    words, and the height of the print in pixels."""
    ranges = word_ranges(read.text)
    doubt = -np.log(np.clip(read.confidences.astype(np.float64), 1e-6, 1.0))
    parted = -np.log(np.clip(1.0 - read.blanks.astype(np.float64), 1e-6, 1.0))
    around = np.concatenate([[0.0], np.where([c == " " for c in read.text], doubt, 0.0), [0.0]])
    scale = np.sqrt(abs(np.linalg.det(segment.to_page[:2, :2])))
    spans = abs(len(ranges) - len(segment.words)) / max(1, len(ranges))
    rows = []
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
    return np.array(rows, np.float64).reshape(-1, len(FEATURES))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic regression on standardised features.

    Attributes:
        mean: of each feature, ``scale`` its standard deviation.
        weights: of the standardised features, ``bias`` what is added.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(n,) probabilities of rows (n, len(FEATURES))."""
        logits = ((features - self.mean) / self.scale) @ np.asarray(self.weights) + self.bias
        return 1.0 / (1.0 + np.exp(-logits))

    def save(self, path: Path) -> None:
        data = {key: np.round(value, 5).tolist() for key, value in asdict(self).items()}
        path.write_text(json.dumps({"features": FEATURES, **data}, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Raises:
        ValueError: the file was fitted to other features.
        """
        data = json.loads(path.read_text(encoding="utf-8"))
        if tuple(data.pop("features")) != FEATURES:
            raise ValueError(f"{path} was fitted to other features; run python -m training.calibrate")
        return cls(tuple(data["mean"]), tuple(data["scale"]), tuple(data["weights"]), data["bias"])


@functools.lru_cache(maxsize=1)
def shipped_calibration() -> Calibration:
    """The calibration of the line recogniser that comes with the product."""
    return Calibration.load(Path(__file__).parent.parent / "models" / "line_recogniser" / "calibration.json")


def calibration_of(recogniser: Path) -> Calibration:
    """The calibration beside a recogniser's weights; the shipped one where there is none, or one for other features."""
    try:
        return Calibration.load(recogniser.with_name("calibration.json"))
    except (FileNotFoundError, ValueError):
        return shipped_calibration()
