"""The measures, held to figures that an independent scorer gave for three bills written by hand."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from billocr_assets import evaluation

FIXTURE = Path(__file__).parent / "evaluation"
TRUTH, PREDICTIONS = FIXTURE / "truth", FIXTURE / "predictions"


def assert_same(found: Any, expected: Any, where: str = "") -> None:
    if isinstance(expected, dict):
        assert set(found) == set(expected), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}/{key}")
    else:
        assert found == pytest.approx(expected, abs=1e-12), where


@pytest.mark.parametrize(("expected", "where"), [("all", []), ("unknown", [("known", "False")])])
def test_every_measure_equals_the_independent_scorers(expected: str, where: list[tuple[str, str]]):
    measures = evaluation.evaluate(TRUTH, PREDICTIONS, where)
    assert_same(measures, json.loads((FIXTURE / f"expected-{expected}.json").read_text(encoding="utf-8")))


def test_the_truth_itself_scores_full_marks():
    truths = evaluation.read_folder(TRUTH)
    measures = evaluation.measure(truths, truths)
    for key in ("words_cs", "det_iou50", "cover", "area"):
        assert measures[key]["f"] == 1
    assert measures["e2e_cer_cs"] == 0
    assert measures["fields"]["micro_exact"]["f"] == 1


def test_text_in_a_region_to_ignore_costs_nothing_and_elsewhere_costs_precision():
    truths = evaluation.read_folder(TRUTH)
    scribble = {"polygon": [[155, 405], [295, 405], [295, 445], [155, 445]], "text": "anything"}
    noisy = {name: {**bill, "lines": [*bill["lines"], scribble]} for name, bill in copy.deepcopy(truths).items()}
    shop = {"corner-shop": truths["corner-shop"]}
    assert evaluation.measure(shop, noisy)["words_ci"]["f"] == 1
    tilted = {"tilted": truths["tilted"]}
    assert evaluation.measure(tilted, noisy)["words_ci"]["p"] < 1


def test_a_bill_without_a_prediction_counts_as_unread():
    measures = evaluation.evaluate(TRUTH, {})
    assert measures["missing_predictions"] == measures["images"] == 3
    assert measures["words_ci"]["r"] == 0
    assert measures["e2e_cer_ci"] == 1


@pytest.mark.parametrize("text", ["3/12/2018", "03-12-2018", "2018-12-03", "3 DEC 2018", "03.12.18 10:22", "20181203"])
def test_dates_in_any_spelling_are_the_same_day(text: str):
    assert evaluation.normal_date(text) == "2018-12-03"


@pytest.mark.parametrize(
    ("text", "value"),
    [("RM 1,234.50", "1234.50"), ("1.234,50 EUR", "1234.50"), ("12,5", "12.50"), ("9", "9.00"), ("-5,55", "-5.55")],
)
def test_amounts_in_any_spelling_are_the_same_value(text: str, value: str):
    assert evaluation.normal_amount(text) == value


def test_a_pack_without_a_matching_bill_is_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        evaluation.evaluate(tmp_path, PREDICTIONS)
    with pytest.raises(FileNotFoundError):
        evaluation.evaluate(TRUTH, PREDICTIONS, [("known", "maybe")])


def test_the_table_shows_the_figures():
    table = evaluation.table(evaluation.evaluate(TRUTH, PREDICTIONS))
    assert "words_ci" in table
    assert "company" in table
    f1 = evaluation.evaluate(TRUTH, PREDICTIONS)["words_ci"]["f"]
    assert f"{f1:.4f}" in table
