"""A candidate of each network: trained, exported, measured and entered into the registry, not yet promoted.

Annotations are evaluated here: Dagster resolves the config class of a nested function only then.
"""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from billocr_assets.settings import Settings, get_settings
from billocr_assets.store import open_store
from billocr_assets.store.registry import register_candidate
from training import train


class TrainingConfig(dg.Config):
    """What one training may use."""

    packs: list[str] = Field(
        default_factory=list,
        description="Folders of annotated receipts to train on; rendered bills always take part.",
    )
    test_packs: list[str] = Field(default_factory=list, description="Folders of annotated receipts to measure on.")
    minutes: float = Field(default=40, gt=0, description="Wall minutes of training.")
    seed: int = 0


def make_candidate(network: str, config: TrainingConfig, settings: Settings, version: str) -> dict[str, Any]:
    """Trains ``network`` in ``home/training``; a run that was killed goes on where its last checkpoint lies.

    Returns:
        ``metrics.json`` of the candidate: version, sha256, parameters, minutes and the figures measured.
    """
    run = settings.home / "training" / network / version
    folder = settings.home / "models" / network / version
    train.train(network, [Path(pack) for pack in config.packs], run, minutes=config.minutes, seed=config.seed)
    metrics = train.export(network, run, folder, version)
    if config.test_packs:
        metrics["figures"] = train.evaluate(network, folder, [Path(pack) for pack in config.test_packs])
    register_candidate(open_store(settings), network, version, folder / "model.onnx", metrics)
    return metrics


def candidate_asset(network: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{network}_candidate",
        group_name="training",
        kinds={"pytorch", "onnx"},
        owners=["team:ocr"],
        code_version="1",
        description=f"A {network.replace('_', ' ')} trained here, measured, and waiting to be promoted.",
    )
    def candidate(context: dg.AssetExecutionContext, config: TrainingConfig) -> dg.MaterializeResult:
        # A retry of this run has the same root, so it goes on from the same checkpoint.
        version = f"trained-{(context.run.root_run_id or context.run.run_id)[:8]}"
        metrics = make_candidate(network, config, get_settings(), version)
        figures = metrics.get("figures") or {}
        numbers = {key: float(value) for key, value in figures.items() if isinstance(value, int | float)}
        return dg.MaterializeResult(
            metadata={"version": version, "minutes": metrics["minutes"], "steps": metrics["steps"], **numbers},
            data_version=dg.DataVersion(str(metrics["sha256"])),
        )

    return candidate
