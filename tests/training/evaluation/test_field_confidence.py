from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from billocr_assets.fields.confidence import probability
from billocr_assets.fields.model import Clock, Fields, Item, Money, Tax, Text
from training.data.synthetic.pack import scenes
from training.evaluation.field_confidence import expected_calibration_error, fit, mapped, outcomes


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


def test_items_taxes_times_and_tax_numbers_are_right_where_the_invented_bill_has_them():
    scene = next(scene for scene in scenes(20, 5) if any(line.field == "tax_id" for line in scene.lines))
    bill, cent = scene.bill, Decimal("0.01")
    printed = next(line.text for line in scene.lines if line.field == "tax_id")
    item, tax = bill.items[0], bill.taxes[0].tax

    def found(wrong: bool) -> Fields:
        off = cent if wrong else 0
        return Fields(
            vat_id=Text("", printed.split()[-1] + "9" * wrong, (), 0.9),
            time=Clock("", bill.when.time().replace(hour=(bill.when.hour + wrong) % 24), (), 0.8),
            taxes=(Tax(None, Money("", tax + 1000 * off, (), 0.7)),),
            items=(Item(item.name, None, None, item.amount + off, "", (), 0.6),),
        )

    for name, score in (("vat_id", 0.9), ("time", 0.8), ("taxes", 0.7), ("items", 0.6)):
        assert outcomes(found(wrong=False), scene)[name] == [(score, 1.0)]
        assert outcomes(found(wrong=True), scene)[name] == [(score, 0.0)]
    twice = Fields(items=found(wrong=False).items * (1 + len([each for each in bill.items if each == item])))
    assert (0.6, 0.0) in outcomes(twice, scene)["items"]
