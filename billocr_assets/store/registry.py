"""The registry of networks: what training adds to it, and what people see of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from billocr_assets.store.bills import visible_bills
from billocr_assets.store.reading import NETWORKS
from billocr_assets.store.schema import Bill, MachineResult, ModelVersion, TrainingUse, User
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


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a network.

    Attributes:
        bills: how many of the user's bills it has read last.
        corrections: how many corrected bills it has learned from.
    """

    model: ModelVersion
    bills: int
    corrections: int


def versions(store: Store, user: User) -> list[Version]:
    """All versions, by network, the newest first."""
    mine = visible_bills(user).with_only_columns(Bill.id)
    newest = select(func.max(MachineResult.id)).where(MachineResult.bill_id.in_(mine)).group_by(MachineResult.bill_id)
    read: dict[tuple[str, str], int] = {}
    with store.database.reading() as session:
        for network in NETWORKS:
            column = getattr(MachineResult, network)
            counts = select(column, func.count()).where(MachineResult.id.in_(newest)).group_by(column)
            read |= {(network, version): count for version, count in session.execute(counts)}
        learned = select(TrainingUse.model_id, func.count()).group_by(TrainingUse.model_id)
        uses = dict(session.execute(learned).tuples().all())
        models = session.scalars(select(ModelVersion).order_by(ModelVersion.network, ModelVersion.id.desc())).all()
    return [Version(each, read.get((each.network, each.version), 0), uses.get(each.id, 0)) for each in models]
