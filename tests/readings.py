"""Bills that are easy to read, and runs over them in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import dagster as dg
import numpy as np

from billocr_assets import definitions
from billocr_assets.assets.stage import STAGES
from billocr_assets.store import Store
from billocr_assets.store.bills import local_user, register_upload


def bill_picture(number: int = 0, lines: Sequence[str] | None = None) -> bytes:
    """A PNG of a clean bill; another number is another bill."""
    page = np.full((900, 520), 246, np.uint8)
    lines = lines or ("ACME MARKET", "12/03/2024 10:15", "Bread 2.50", "Milk 1.20", "TOTAL 3.70", f"Bill {number:04}")
    for row, text in enumerate(lines):
        cv2.putText(page, text, (60, 110 + 70 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 20, 2, cv2.LINE_AA)
    return cv2.imencode(".png", page)[1].tobytes()


def upload(store: Store, count: int, first: int = 0) -> list[str]:
    """Register so many bills; their ids."""
    user = local_user(store)
    numbers = range(first, first + count)
    return [register_upload(store, user, f"bill-{number}.png", bill_picture(number)).id for number in numbers]


def spoil(store: Store, bill: str) -> None:
    """Cut an upload off behind the intake's back, as a failing disk would."""
    store.objects.write(f"uploads/{bill}", bill_picture()[:200])


def run(
    instance: dg.DagsterInstance,
    bills: Sequence[str],
    stages: Sequence[str] = STAGES,
    tags: dict[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run stages for bills that are neighbours among the partitions; bills that are none yet become so."""
    known = set(instance.get_dynamic_partitions("bills"))
    instance.add_dynamic_partitions("bills", [bill for bill in bills if bill not in known])
    ends = {"dagster/asset_partition_range_start": bills[0], "dagster/asset_partition_range_end": bills[-1]}
    return dg.materialize(
        list(definitions.ASSETS),
        selection=list(stages),
        instance=instance,
        resources=definitions.resources(),
        tags={**ends, **(tags or {})},
    )


def metadata(result: dg.ExecuteInProcessResult, stage: str, bill: str) -> dict[str, Any]:
    """What Dagster shows of a stage and a bill."""
    for event in result.asset_materializations_for_node(stage):
        if event.partition == bill:
            return {name: entry.value for name, entry in event.metadata.items()}
    raise KeyError(bill)


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], tuple[bool, str | None]]:
    """(check, bill) to whether it passed and why."""
    return {
        (each.check_name, each.partition): (each.passed, each.description)
        for each in result.get_asset_check_evaluations()
    }
