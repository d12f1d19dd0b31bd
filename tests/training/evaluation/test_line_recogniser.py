from __future__ import annotations

import math

import pytest

from training.evaluation.line_recogniser import character_recall, error_rate, recall


def test_the_error_rate_counts_edits_over_the_truths_characters() -> None:
    pairs = [("TOTAL", "TOTA1"), ("12.50", "12.50"), ("", "x")]
    assert error_rate(pairs) == pytest.approx(2 / 10)
    assert error_rate([("Total", "TOTAL")], str.upper) == 0


def test_recall_counts_each_letter_of_the_truth_once_wherever_it_slipped() -> None:
    recall = character_recall([("čaj 3€", "caj 3€"), ("č€", "č"), ("kč", "xkč")], "č€ß")
    assert recall == {"€": pytest.approx(1 / 2), "č": pytest.approx(2 / 3)}


def test_recall_of_several_letters_counts_occurrences_not_letters() -> None:
    assert recall([("čaj 3€", "caj 3€"), ("č€", "č")], "č€") == pytest.approx(2 / 4)
    assert math.isnan(recall([("caj", "caj")], "č"))
