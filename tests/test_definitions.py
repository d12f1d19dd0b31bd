"""What the code location offers."""

import subprocess
import sys

import dagster as dg
import pytest

from billocr_assets.assets.stage import STAGES
from billocr_assets.definitions import ASSETS, defs
from billocr_assets.settings import get_settings

EDGES = {
    "bill_image": set(),
    "preprocessed_page": {"bill_image", "promoted_models"},
    "text_lines": {"preprocessed_page", "promoted_models"},
    "line_segments": {"preprocessed_page", "text_lines", "promoted_models"},
    "recognised_text": {"preprocessed_page", "text_lines", "line_segments", "promoted_models"},
    "bill_fields": {"recognised_text"},
    "bill_result": {"recognised_text", "bill_fields"},
}


def test_the_code_location_loads() -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_stage_is_described_owned_versioned_and_depends_on_what_it_reads() -> None:
    graph = defs.resolve_asset_graph()
    for stage in STAGES:
        node = graph.get(dg.AssetKey(stage))
        assert node.description
        assert node.owners == ["team:ocr"]
        assert node.code_version
        assert node.kinds
        assert node.group_name == "bills"
        assert {key.path[-1] for key in node.parent_keys} == EDGES[stage]


def test_a_backfill_of_all_stages_is_one_run_a_batch() -> None:
    policies = {id(asset.backfill_policy) for asset in ASSETS[1:]}
    partitions = {asset.partitions_def.name for asset in ASSETS[1:]}
    assert len(policies) == 1
    assert partitions == {"bills"}
    assert ASSETS[1].backfill_policy.max_partitions_per_run == get_settings().batch_size


def test_sensors_run_without_being_switched_on() -> None:
    assert {sensor.name for sensor in defs.sensors or ()} == {"bill_inbox", "sweeper", "model_watch", "housekeeper"}
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in defs.sensors or ())


@pytest.mark.parametrize(
    ("setting", "executor"), [("in_process", "in_process"), ("multiprocess", "multiprocess"), ("k8s", "k8s")]
)
def test_the_executor_is_a_setting(setting: str, executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLOCR_EXECUTOR", setting)
    program = "from billocr_assets.definitions import defs; print(defs.executor.name)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == executor


def test_serving_never_imports_torch() -> None:
    program = "import billocr_assets.definitions, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
