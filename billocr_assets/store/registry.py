"""The registry of networks: what training adds to it, and what people see of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select

from billocr_assets.store.bills import visible_bills
from billocr_assets.store.reading import NETWORKS
from billocr_assets.store.schema import Bill, MachineResult, ModelVersion, TrainingUse, User
from billocr_assets.store.store import Store


@dataclass(frozen=True)
class Use:
    """A bill's corrections that a version has learned from, and whose consent that rested on."""

    bill_id: str
    revision: int
    consent_by: int


def register_candidate(
    store: Store, network: str, version: str, weights: Path, figures: dict[str, Any], uses: Sequence[Use] = ()
) -> ModelVersion:
    """Enter a trained version as a candidate; the same call again renews its figures.

    Args:
        weights: the ``.onnx`` file; it stays where it lies.
        uses: the corrections that it has learned from; those of bills that are gone meanwhile are passed over.
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
        session.flush()
        session.execute(delete(TrainingUse).where(TrainingUse.model_id == model.id))
        kept = set(session.scalars(select(Bill.id).where(Bill.id.in_([use.bill_id for use in uses]))))
        users = set(session.scalars(select(User.id).where(User.id.in_([use.consent_by for use in uses]))))
        session.add_all(
            TrainingUse(
                model_id=model.id,
                bill_id=use.bill_id,
                revision=use.revision,
                consent_by=use.consent_by if use.consent_by in users else None,
            )
            for use in uses
            if use.bill_id in kept
        )
        return model


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a network.

    Attributes:
        bills: how many of the user's bills it has read last.
        corrections: how many corrected bills it has learned from.
        learned: those of them that the user may see, each with the revision that it has seen.
    """

    model: ModelVersion
    bills: int
    corrections: int
    learned: tuple[tuple[Bill, int], ...]


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
        seen: dict[int, list[tuple[Bill, int]]] = {}
        known = visible_bills(user).join(TrainingUse, TrainingUse.bill_id == Bill.id).order_by(Bill.number)
        for bill, model_id, revision in session.execute(known.add_columns(TrainingUse.model_id, TrainingUse.revision)):
            seen.setdefault(model_id, []).append((bill, revision))
        models = session.scalars(select(ModelVersion).order_by(ModelVersion.network, ModelVersion.id.desc())).all()
    return [
        Version(each, read.get((each.network, each.version), 0), uses.get(each.id, 0), tuple(seen.get(each.id, ())))
        for each in models
    ]
