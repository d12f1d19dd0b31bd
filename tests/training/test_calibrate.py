from __future__ import annotations

import numpy as np

from training.calibrate import figures, right_words
from training.data.receipts import AnnotatedLine


def truth(text: str, y: float) -> AnnotatedLine:
    return AnnotatedLine(np.array([[0, y], [100, y], [100, y + 20], [0, y + 20]], np.float32), text, False)


def test_each_word_of_the_truth_makes_one_word_right_the_one_at_its_place_first() -> None:
    lines = [truth("Total 5.00", 0), truth("Cash", 30)]
    words = [("5.00", np.array([50, 90])), ("total", np.array([20, 10])), ("5.00", np.array([80, 10]))]
    assert right_words(words, lines).tolist() == [False, True, True]


def test_a_word_away_from_its_place_still_counts() -> None:
    assert right_words([("CASH", np.array([50, 200]))], [truth("Cash", 30)]).tolist() == [True]


def test_words_caught_are_the_wrong_ones_among_the_least_certain() -> None:
    confidence = np.linspace(0.01, 0.99, 100)
    right = np.ones(100, bool)
    right[[0, 5, 10, 60]] = False
    assert figures(confidence, right)["caught"] == 0.75
