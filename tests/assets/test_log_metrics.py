"""The figures of Google Cloud's dashboard are counted from what runs print: `terraform/platform/log_metrics.yaml`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from billocr_assets.store import Store
from tests.readings import run, spoil, upload

METRICS: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "terraform/platform/log_metrics.yaml").read_text()
)


def matches(name: str, lines: list[str]) -> list[str]:
    return [line for line in lines if re.search(METRICS[name]["pattern"], line)]


def test_a_run_prints_every_figure_of_its_bills(
    installation: Store, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    bills = upload(installation, 3)
    spoil(installation, bills[1])
    run(instance, bills)
    lines = "".join(capfd.readouterr()).splitlines()

    assert len(matches("bills_read", lines)) == 2
    assert len(matches("bills_failed", lines)) == 1
    assert not matches("run_failures", lines)
    poor = METRICS["poor_pictures"]["pattern"].replace("did not pass", "passed")
    assert len([line for line in lines if re.search(poor, line)]) == 2
    failed = METRICS["bills_failed"]
    assert [re.findall(failed["labels"]["stage"], line) for line in matches("bills_failed", lines)] == [["bill_image"]]
    for name, low, high in (("reading_seconds", 0.01, 600), ("confidence", 0.5, 1), ("unsure_words", 0, 20)):
        values = [float(*re.findall(METRICS[name]["value"], line)) for line in matches(name, lines)]
        assert len(values) == 2, name
        assert all(low <= value <= high for value in values), name


def test_a_run_that_breaks_is_counted(
    installation: Store, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    @dg.asset
    def broken() -> None:
        raise OSError("the store cannot be reached")

    dg.materialize([broken], instance=instance, raise_on_error=False)
    assert len(matches("run_failures", "".join(capfd.readouterr()).splitlines())) == 1


def test_patterns_mean_the_same_to_the_logging_query_language() -> None:
    """It takes RE2 in double quotes and unescapes backslashes before."""
    for name, metric in METRICS.items():
        for expression in (metric["pattern"], metric.get("value", "()"), *metric.get("labels", {}).values()):
            assert not set(expression) & set('\\"'), name
        for group in (metric["value"],) if "value" in metric else metric.get("labels", {}).values():
            assert re.compile(group).groups == 1, name
