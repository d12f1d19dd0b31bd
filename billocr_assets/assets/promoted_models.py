import hashlib
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster import AssetCheckEvaluation, AssetCheckSeverity, AssetKey, AssetMaterialization

from billocr_assets.resources import StoreResource
from billocr_assets.store.reading import bills_read_with
from billocr_assets.store.reading import promoted_models as promoted_versions
from billocr_assets.store.store import Store

KEY = AssetKey("promoted_models")
CHECK = "bills_read_with_current_models"
_DATA_VERSION_TAG = "dagster/data_version"
_SAMPLE = 20


@dg.asset(
    group_name="models",
    owners=["team:ocr"],
    kinds={"onnx"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            CHECK, asset=KEY, description="Whether every bill was last read by the models that are promoted now."
        )
    ],
)
def promoted_models(store: StoreResource) -> dg.MaterializeResult:
    """The version of each network that reads bills now, as the registry of models says.

    A new version rereads no bill by itself: where bills should be read again, start a backfill from `text_lines` on.
    """
    versions = current_versions(store.open())
    passed, description, metadata = bills_behind(store.open(), versions)
    return dg.MaterializeResult(
        metadata=versions,
        data_version=dg.DataVersion(data_version(versions)),
        check_results=[
            dg.AssetCheckResult(
                passed=passed, severity=AssetCheckSeverity.WARN, description=description, metadata=metadata
            )
        ],
    )


def current_versions(store: Store) -> dict[str, str]:
    """Network to promoted version."""
    return {network: model.version for network, model in sorted(promoted_versions(store).items())}


def data_version(versions: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(versions.items())).encode()).hexdigest()[:16]


def bills_behind(store: Store, versions: Mapping[str, str]) -> tuple[bool, str, dict[str, Any]]:
    """Whether no bill is behind, a sentence, and figures: counts by versions and some of the bills."""
    current, behind, sample = bills_read_with(store, versions, _SAMPLE)
    sentence = f"{behind} of {current + behind} bills were read by older models."
    return behind == 0, sentence, {"current": current, "behind": behind, "some_behind": sample}


def report(instance: dg.DagsterInstance, store: Store) -> list[AssetMaterialization]:
    """What Dagster must be told before the next bill is read: nothing, or the versions that it does not know yet."""
    versions = current_versions(store)
    version = data_version(versions)
    known = instance.get_latest_materialization_event(KEY)
    if (
        known
        and known.asset_materialization
        and (known.asset_materialization.tags or {}).get(_DATA_VERSION_TAG) == version
    ):
        return []
    return [
        AssetMaterialization(
            KEY, metadata=versions, tags={_DATA_VERSION_TAG: version, "dagster/data_version_is_user_provided": "true"}
        )
    ]


def evaluate(store: Store) -> AssetCheckEvaluation:
    passed, description, metadata = bills_behind(store, current_versions(store))
    return AssetCheckEvaluation(
        asset_key=KEY,
        check_name=CHECK,
        passed=passed,
        severity=AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )
