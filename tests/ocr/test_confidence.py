from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from billocr_assets.ocr.confidence import (
    FEATURES,
    calibration_of,
    shipped_calibration,
    word_features,
    word_ranges,
)
from billocr_assets.ocr.perceptron import Perceptron
from billocr_assets.ocr.stages import LineSegment, ReadSegment, TextLine

LINE = TextLine(np.array([[0, 0], [120, 0], [120, 24], [0, 24]], np.float32), 0.95, 0)
SEGMENT = LineSegment(
    0, np.full((32, 160), 240, np.uint8), np.diag([0.75, 0.75, 1.0]), ((2.0, 70.0), (90.0, 150.0)), 26.0
)

NONE = np.zeros(11, np.float32)


def blanks_of(text: str, blank: float) -> np.ndarray:
    return np.where([sign == ":" for sign in text], np.float32(blank), np.float32(0.0))


def confidences(text: str, sure: float | list[float], line: TextLine = LINE, blank: float = 0.0) -> np.ndarray:
    """``blank`` is the probability of a blank behind each colon."""
    values = np.broadcast_to(np.float32(sure), len(text))
    read = ReadSegment(text, np.linspace(4, 156, len(text), dtype=np.float32), values, blanks_of(text, blank))
    return shipped_calibration()(word_features([line], [SEGMENT], [read]))


def test_every_word_has_a_row_and_words_are_parted_by_blanks() -> None:
    assert word_ranges("TOTAL 12.50") == [(0, 5), (6, 11)]
    read = ReadSegment("TOTAL 12.50", np.zeros(11, np.float32), np.ones(11, np.float32), np.zeros(11, np.float32))
    assert word_features([LINE], [SEGMENT, SEGMENT], [read, read]).shape == (4, len(FEATURES))
    assert word_features([], [], []).shape == (0, len(FEATURES))


def test_nothing_read_has_no_confidence() -> None:
    assert confidences("", 1.0).shape == (0,)


def test_a_doubtful_character_makes_its_word_doubtful_and_not_so_much_the_next() -> None:
    sure = [0.999] * 11
    first, second = confidences("TOTAL 12.50", sure)
    sure[2] = 0.4
    doubtful, beside = confidences("TOTAL 12.50", sure)
    assert min(first, second) > 0.9 > 0.75 > doubtful
    assert beside > doubtful


def test_a_line_that_the_detector_doubts_is_read_with_less_confidence() -> None:
    faint = TextLine(LINE.polygon, 0.5, 0)
    assert (confidences("TOTAL 12.50", 0.97, faint) < confidences("TOTAL 12.50", 0.97)).all()


def test_a_word_is_less_certain_on_a_page_that_reads_badly() -> None:
    good, bad = (
        ReadSegment("TOTAL 12.50", *[np.linspace(4, 156, 11, dtype=np.float32), np.full(11, sure, np.float32)], NONE)
        for sure in (0.995, 0.6)
    )
    features = [word_features([LINE], [SEGMENT] * 9, [good, *[rest] * 8]) for rest in (good, bad)]
    among_good, among_bad = (shipped_calibration()(rows)[:2] for rows in features)
    assert (among_bad < among_good).all()


def test_how_often_a_page_says_a_word_is_known_whatever_its_case() -> None:
    reads = [ReadSegment(text, *[np.ones(4, np.float32)] * 2, np.zeros(4, np.float32)) for text in ("CASH", "Cash")]
    once, twice = (word_features([LINE], [SEGMENT] * n, reads[:n])[0, FEATURES.index("repeats")] for n in (1, 2))
    assert (once, twice) == (0.0, pytest.approx(np.log(2)))


def test_a_calibration_for_other_features_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    shipped_calibration().save(path)
    assert Perceptron.load(path, FEATURES) == shipped_calibration()
    path.write_text(path.read_text(encoding="utf-8").replace('"spans"', '"widths"'), encoding="utf-8")
    with pytest.raises(ValueError, match="fitted anew"):
        Perceptron.load(path, FEATURES)


def test_a_word_that_may_be_two_is_less_certain() -> None:
    assert confidences("NO:4711", 0.99, blank=0.45)[0] < confidences("NO:4711", 0.99)[0] - 0.05


def test_weights_bring_their_own_calibration_and_others_take_the_shipped_one(tmp_path: Path) -> None:
    weights = tmp_path / "model.onnx"
    assert calibration_of(weights) == shipped_calibration()
    own = replace(shipped_calibration(), bias=-1.0)
    own.save(tmp_path / "calibration.json")
    assert calibration_of(weights) == own
