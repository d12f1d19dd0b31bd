"""A network of one hidden layer on a few figures, for which NumPy is enough."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

_FAR = 6.0


@dataclass(frozen=True, slots=True)
class Perceptron:
    """The probability of something, from standardised features.

    Attributes:
        features: their names.
        mean: of each feature, ``scale`` its standard deviation.
        hidden: weights of the standardised features, a row a hidden unit, each with its bias behind them.
        weights: of the hidden units, ``bias`` what is added.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    hidden: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    bias: float

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """(n,) natural log-odds for rows (n, len(features))."""
        hidden = np.asarray(self.hidden)
        units = np.tanh(standardised(features, self.mean, self.scale) @ hidden[:, :-1].T + hidden[:, -1])
        return units @ np.asarray(self.weights) + self.bias

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(n,) probabilities for rows (n, len(features))."""
        return 1.0 / (1.0 + np.exp(-self.log_odds(features)))

    def save(self, path: Path) -> None:
        data = {key: value if key == "features" else np.round(value, 4).tolist() for key, value in asdict(self).items()}
        path.write_text(json.dumps(data) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path, features: Sequence[str]) -> Perceptron:
        """Raises:
        ValueError: the file was fitted to other features than these.
        """
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["features"] != list(features):
            raise ValueError(f"{path} was fitted to other features and must be fitted anew")
        hidden = tuple(tuple(row) for row in data["hidden"])
        return cls(
            tuple(features), tuple(data["mean"]), tuple(data["scale"]), hidden, tuple(data["weights"]), data["bias"]
        )


def standardised(features: np.ndarray, mean: Sequence[float], scale: Sequence[float]) -> np.ndarray:
    """Features in standard deviations, at most 6: what lies farther out than anything that was fitted tells no more."""
    return np.clip((features - np.asarray(mean)) / np.asarray(scale), -_FAR, _FAR)
