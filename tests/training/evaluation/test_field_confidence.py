from __future__ import annotations

import numpy as np
import pytest

from billocr_assets.fields.confidence import probability
from training.evaluation.field_confidence import expected_calibration_error, fit, mapped


def scores(slope: float, intercept: float, count: int = 4000) -> np.ndarray:
    """Scores whose chance of being right is the logistic map with these constants."""
    rng = np.random.default_rng(3)
    drawn = rng.uniform(0.02, 0.98, count)
    chances = np.array([probability(score, slope, intercept) for score in drawn])
    return np.stack([drawn, rng.random(count) < chances], 1)


def test_the_fit_finds_the_map_from_score_to_accuracy():
    assert fit(scores(1.5, -0.7)) == pytest.approx((1.5, -0.7), abs=0.15)


def test_a_field_that_is_always_right_has_a_finite_map_and_a_high_confidence():
    constants = fit(np.stack([np.linspace(0.3, 0.99, 60), np.ones(60)], 1))
    assert np.isfinite(constants).all()
    assert 0.9 < probability(0.9, *constants) < 1


def test_calibration_error_is_the_distance_of_confidence_from_accuracy():
    assert expected_calibration_error(np.array([(0.95, 1.0), (0.95, 0.0)])) == pytest.approx(0.45)
    overconfident = scores(1.0, -1.5)
    after = mapped(overconfident, fit(overconfident))
    assert expected_calibration_error(after) < 0.03 < expected_calibration_error(overconfident)
