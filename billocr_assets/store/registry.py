"""The registry of networks: what training adds to it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import select

from billocr_assets.store.schema import ModelVersion
from billocr_assets.store.store import Store


def register_candidate(
    store: Store, network: str, version: str, weights: Path, figures: dict[str, Any]
) -> ModelVersion:
    """Enter a trained version as a candidate; the same call again renews its figures.

    Args:
        weights: the ``.onnx`` file; it stays where it lies.
    """
    with store.database.session() as session:
        store.database.in_order(session)
        model = session.scalar(
            select(ModelVersion).where(ModelVersion.network == network, ModelVersion.version == version)
        )
        if model is None:
            model = ModelVersion(network=network, version=version, origin="trained", state="candidate")
            session.add(model)
        model.path = str(weights.resolve())
        model.sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        model.figures = figures
        return model
