from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from billocr_assets.ocr.perceptron import Perceptron
from training.calibrate import figures
from training.perceptron import fit


def test_the_fit_finds_how_often_words_are_right() -> None:
    rng = np.random.default_rng(0)
    doubt = rng.normal(size=(4000, 1))
    right = rng.random(4000) < 1 / (1 + np.exp(-(2 - 1.5 * doubt[:, 0])))
    found = figures(fit(["doubt"], doubt, right, np.ones(4000))(doubt), right)
    assert found["ece"] < 0.02
    assert found["mean_confidence"] == pytest.approx(right.mean(), abs=0.005)


def test_the_fit_finds_what_lies_between_two_features() -> None:
    rng = np.random.default_rng(1)
    signs = rng.choice([-1.0, 1.0], (2000, 2))
    alike = signs[:, 0] * signs[:, 1] > 0
    network = fit(["a", "b"], signs, alike, np.ones(2000))
    assert (network(signs)[alike] > 0.9).all()
    assert (network(signs)[~alike] < 0.1).all()


def test_what_is_saved_says_the_same_and_only_of_its_own_features(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(200, 2))
    network = fit(["a", "b"], values, values[:, 0] > 0, np.ones(200), steps=20)
    network.save(tmp_path / "weights.json")
    loaded = Perceptron.load(tmp_path / "weights.json", ["a", "b"])
    assert np.abs(loaded(values) - network(values)).max() < 1e-3
    with pytest.raises(ValueError, match="other features"):
        Perceptron.load(tmp_path / "weights.json", ["b", "a"])
