"""What a list shows of many bills at once, in a few queries however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_
from sqlalchemy.orm import Session, aliased

from billocr_assets.store.bills import find_bill, fold, visible_bills
from billocr_assets.store.schema import Attempt, Bill, User
from billocr_assets.store.store import Store


@dataclass(frozen=True, slots=True)
class BillOverview:
    """A bill with the stage that its open attempt has reached.

    Attributes:
        stage: None before the first stage has ended, and when nothing is being read.
        owner: name of the owner where that is somebody else.
        duplicates: ids of bills that seem to be the same, see :func:`likely_duplicates`.
    """

    bill: Bill
    stage: str | None
    owner: str | None
    duplicates: tuple[str, ...]


def overview(store: Store, user: User, bill_ids: Sequence[str]) -> list[BillOverview]:
    """Those of the bills that the user may see, in the order given, and those in their trash."""
    found = (
        visible_bills(user, trash=None)
        .where(Bill.id.in_(bill_ids))
        .add_columns(Attempt.stage, User)
        .join(User, User.id == Bill.owner_id)
        .outerjoin(Attempt, (Attempt.bill_id == Bill.id) & (Attempt.state == "open"))
    )
    with store.database.reading() as session:
        twins = _duplicates(session, user, bill_ids)
        rows = {
            bill.id: BillOverview(
                bill,
                stage,
                None if owner.id == user.id else owner.name,
                tuple(twin.id for twin in twins.get(bill.id, ())),
            )
            for bill, stage, owner in session.execute(found)
        }
    return [rows[bill_id] for bill_id in bill_ids if bill_id in rows]


def likely_duplicates(store: Store, user: User, bill_id: str) -> list[Bill]:
    """Other bills of the same owner from the same merchant, of the same day and total: perhaps the same once more.

    Those that the user may see, newest first; none while merchant, day or total is not known.
    """
    with store.database.reading() as session:
        find_bill(session, user, bill_id)
        return _duplicates(session, user, [bill_id]).get(bill_id, [])


def _duplicates(session: Session, user: User, bill_ids: Sequence[str]) -> dict[str, list[Bill]]:
    this = aliased(Bill)
    pairs = (
        visible_bills(user)
        .join(
            this,
            and_(
                this.owner_id == Bill.owner_id,
                this.billed_on == Bill.billed_on,
                this.total_cents == Bill.total_cents,
                this.id != Bill.id,
            ),
        )
        .where(this.id.in_(bill_ids), this.trashed_at.is_(None))
        .add_columns(this)
        .order_by(Bill.number.desc())
    )
    found: dict[str, list[Bill]] = {}
    for other, bill in session.execute(pairs).tuples():
        # A scanner's blanks and stops are no other merchant. Where one of them shows no currency, it may be the same.
        same_money = not (bill.currency and other.currency) or bill.currency == other.currency
        if same_money and _letters(bill.merchant) == _letters(other.merchant) != "":
            found.setdefault(bill.id, []).append(other)
    return found


def _letters(merchant: str | None) -> str:
    return "".join(c for c in fold(merchant or "") if c.isalnum())
