"""What a list shows of many bills at once, in one query however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from billocr_assets.store.bills import visible_bills
from billocr_assets.store.schema import Attempt, Bill, MachineResult, User
from billocr_assets.store.store import Store


@dataclass(frozen=True, slots=True)
class BillOverview:
    """A bill with the stage its open attempt has reached and the fields of its newest result.

    Attributes:
        stage: None before the first stage has ended, and when nothing is being read.
        fields: None before the first reading has ended.
        confidence: mean over the words, 0..1.
    """

    bill: Bill
    stage: str | None
    fields: dict[str, Any] | None
    confidence: float | None


def overview(store: Store, user: User, bill_ids: Sequence[str]) -> list[BillOverview]:
    """The user's bills among these, in the order given."""
    newest = (
        select(func.max(MachineResult.id)).where(MachineResult.bill_id.in_(bill_ids)).group_by(MachineResult.bill_id)
    )
    found = (
        select(Bill, Attempt.stage, MachineResult.fields, MachineResult.confidence)
        .where(Bill.id.in_(visible_bills(user, trash=None).with_only_columns(Bill.id)), Bill.id.in_(bill_ids))
        .outerjoin(Attempt, (Attempt.bill_id == Bill.id) & (Attempt.state == "open"))
        .outerjoin(MachineResult, (MachineResult.bill_id == Bill.id) & MachineResult.id.in_(newest))
    )
    with store.database.reading() as session:
        rows = {row[0].id: BillOverview(*row) for row in session.execute(found)}
    return [rows[bill_id] for bill_id in bill_ids if bill_id in rows]
