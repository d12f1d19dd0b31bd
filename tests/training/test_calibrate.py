from __future__ import annotations

import numpy as np
import pytest

from training.calibrate import figures, fit, right_words
from training.data.receipts import AnnotatedLine


def truth(text: str, y: float) -> AnnotatedLine:
    return AnnotatedLine(np.array([[0, y], [100, y], [100, y + 20], [0, y + 20]], np.float32), text, False)


def test_each_word_of_the_truth_makes_one_word_right_the_one_at_its_place_first() -> None:
    lines = [truth("Total 5.00", 0), truth("Cash", 30)]
    words = [("5.00", np.array([50, 90])), ("total", np.array([20, 10])), ("5.00", np.array([80, 10]))]
    assert right_words(words, lines).tolist() == [False, True, True]


def test_a_word_away_from_its_place_still_counts() -> None:
    assert right_words([("CASH", np.array([50, 200]))], [truth("Cash", 30)]).tolist() == [True]


def test_the_fit_finds_how_often_words_are_right() -> None:
    rng = np.random.default_rng(0)
    doubt = rng.normal(size=(4000, 1))
    right = rng.random(4000) < 1 / (1 + np.exp(-(2 - 1.5 * doubt[:, 0])))
    found = figures(fit(doubt, right, np.ones(4000))(doubt), right)
    assert found["ece"] < 0.02
    assert found["mean_confidence"] == pytest.approx(right.mean(), abs=0.005)


def test_the_fit_finds_doubt_that_lies_between_two_features() -> None:
    rng = np.random.default_rng(1)
    signs = rng.choice([-1.0, 1.0], (2000, 2))
    right = signs[:, 0] * signs[:, 1] > 0
    calibration = fit(signs, right, np.ones(2000))
    assert (calibration(signs)[right] > 0.9).all()
    assert (calibration(signs)[~right] < 0.1).all()


def test_words_caught_are_the_wrong_ones_among_the_least_certain() -> None:
    confidence = np.linspace(0.01, 0.99, 100)
    right = np.ones(100, bool)
    right[[0, 5, 10, 60]] = False
    assert figures(confidence, right)["caught"] == 0.75
