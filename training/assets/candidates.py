"""A candidate of each network: trained, exported, measured and entered into the registry, not yet promoted.

Annotations are evaluated here: Dagster resolves the config class of a nested function only then.
"""

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from billocr_assets.settings import Settings, get_settings
from billocr_assets.store import open_store
from billocr_assets.store.registry import register_candidate
from training import train
from training.data.corrections import known_lines, write_pack

# The line segmenter needs the place of every letter, which no correction tells.
LEARNS_FROM_CORRECTIONS = ("line_detector", "line_recogniser")
# Corrected lines that are worth as much of the training as receipts have by default; fewer would be learned by heart.
ENOUGH = 10_000


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

    Corrections of people who have agreed take part beside the receipts, and the registry knows which.

    Returns:
        ``metrics.json`` of the candidate: version, sha256, parameters, minutes and the figures measured.
    """
    run = settings.home / "training" / network / version
    folder = settings.home / "models" / network / version
    store = open_store(settings)
    packs, uses, share = [Path(pack) for pack in config.packs], [], None
    corrected = run / "corrections"
    if network in LEARNS_FROM_CORRECTIONS:
        # What is missing on a page would teach the detector to see nothing there.
        uses = write_pack(store, corrected, reviewed=network == "line_detector")
        if corrected.exists():
            if not packs:
                share = max(train.synthetic_share(network), 1 - known_lines(corrected) / ENOUGH)
            packs.append(corrected)
    try:
        train.train(network, packs, run, minutes=config.minutes, seed=config.seed, synthetic_share=share)
    finally:  # people's bills are kept in one place only
        shutil.rmtree(corrected, ignore_errors=True)
    metrics = train.export(network, run, folder, version) | {"corrected_bills": len(uses)}
    if config.test_packs:
        metrics["figures"] = train.evaluate(network, folder, [Path(pack) for pack in config.test_packs])
    register_candidate(store, network, version, folder / "model.onnx", metrics, uses)
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
            metadata={
                **{name: metrics[name] for name in ("version", "minutes", "steps", "corrected_bills")},
                **numbers,
            },
            data_version=dg.DataVersion(str(metrics["sha256"])),
        )

    return candidate
