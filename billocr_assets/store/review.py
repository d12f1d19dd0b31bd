"""The review queue: which bill is worth a person's minutes most, and whose it is meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from billocr_assets.store.bills import editable_bills, find_bill
from billocr_assets.store.editing import Plain
from billocr_assets.store.errors import BeingReviewed, NotReadYet
from billocr_assets.store.schema import AuditEvent, Bill, MachineResult, ReviewState, User, now
from billocr_assets.store.store import Store

# How long a bill stays with its reviewer after their last edit.
CLAIM = timedelta(minutes=15)

# What a wrong word costs, in wrong words of no field. A wrong total is paid, booked and reported, and nobody sees it in
# the text; date and merchant decide under which bill it is found at all; what a tax or a currency is, is checked by the
# sums more often than not; a wrong item spoils one row. An estimate: nobody has measured what a mistake costs people.
WEIGHTS = {
    "total": 8.0,
    "date": 5.0,
    "company": 4.0,
    "currency": 3.0,
    "subtotal": 2.0,
    "taxes": 2.0,
    "items": 1.5,
}
# A field that every bill has and that was not found counts as one lost word of it.
_EXPECTED = ("total", "date", "company")


def review_value(document: Plain, fields: Plain) -> float:
    """What correcting a bill is worth: the wrong words to be expected, each weighted by the field that it belongs to.

    Args:
        document, fields: as ``Document.to_dict()`` and ``Fields.to_dict()``, corrected or not. What a person has set as
            a field no longer hangs on its words.
    """
    settled = fields.get("corrected", ())
    weights: dict[_Place, float] = {}
    for name, weight in WEIGHTS.items():
        if name not in settled:
            for place in _places(fields.get(name)):
                weights[place] = max(weight, weights.get(place, 1.0))
    value = sum(WEIGHTS[name] for name in _EXPECTED if not fields.get(name) and name not in settled)
    for page in document["pages"]:
        for line in page["lines"]:
            # Where words could not be told apart, a field stands on its whole line.
            whole = weights.get(_place(page["number"], line["polygon"]), 1.0)
            for segment in line["segments"]:
                for word in segment["words"]:
                    weight = max(whole, weights.get(_place(page["number"], word["polygon"]), 1.0))
                    value += (1.0 - word["confidence"]) * weight
    return round(value, 4)


# A polygon's page and two opposite corners, which tell it from all others of a bill.
_Place = tuple[int, float, float, float, float]


def _places(field: object) -> list[_Place]:
    if isinstance(field, list):
        return [place for part in field for place in _places(part)]
    if not isinstance(field, dict):
        return []
    if "sources" not in field:  # a tax has its amount
        return _places(field.get("amount"))
    return [_place(source["page"], source["polygon"]) for source in field["sources"]]


def _place(page: int, polygon: list[list[float]]) -> _Place:
    return page, polygon[0][0], polygon[0][1], polygon[2][0], polygon[2][1]


@dataclass(frozen=True, slots=True)
class Queued:
    """A bill of the queue; ``reviewer`` is who has claimed it now, None where it is free."""

    bill: Bill
    reviewer: str | None
    mine: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """A slice of the queue, the most valuable first, and how many bills there are in each state."""

    entries: list[Queued]
    counts: dict[ReviewState, int]


def queue(store: Store, user: User, limit: int = 24, offset: int = 0) -> Queue:
    """The bills that the user may edit and that wait for a review, those under review included."""
    waiting = _readable(user).where(Bill.review != "reviewed")
    with store.database.reading() as session:
        rows = session.execute(
            waiting.add_columns(User.id, User.name)
            .outerjoin(User, and_(User.id == Bill.reviewer_id, _claimed()))
            .order_by(Bill.review_value.desc(), Bill.number)
            .limit(limit)
            .offset(offset)
        ).all()
        # A claim that has run out is none any more.
        state = case((and_(Bill.review == "in_review", ~_claimed()), "unreviewed"), else_=Bill.review)
        by_state = session.execute(_readable(user).with_only_columns(state, func.count()).group_by(state))
        counts: dict[ReviewState, int] = dict.fromkeys(get_args(ReviewState), 0)
        counts.update((name, count) for name, count in by_state)
    entries = [Queued(bill, name, reviewer == user.id) for bill, reviewer, name in rows]
    return Queue(entries, counts)


def claim_next(store: Store, user: User, skip: Collection[str] = ()) -> Bill | None:
    """The most valuable bill that is free, or the one that the user has claimed already; it is theirs for a while.

    Args:
        skip: bills that are not wanted now.

    Returns:
        None when nothing is left.
    """
    free = _readable(user).where(_free_for(user), Bill.id.not_in(skip))
    first = case((and_(Bill.review == "in_review", Bill.reviewer_id == user.id), 0), else_=1)
    best = free.with_only_columns(Bill.id).order_by(first, Bill.review_value.desc(), Bill.number).limit(1)
    with store.database.session() as session:
        # Two who ask at once pick the same bill; one of them gets it, and the other picks again.
        while (bill_id := session.scalar(best)) is not None:
            if bill := _claim(session, user, bill_id):
                return bill
    return None


def claim(store: Store, user: User, bill_id: str) -> Bill:
    """Take this bill for review.

    Raises:
        BeingReviewed: somebody else has it.
        NotReadYet: there is nothing to review yet.
    """
    with store.database.session() as session:
        bill = _found(session, user, bill_id)
        if session.scalar(_readable(user).where(Bill.id == bill.id)) is None:
            raise NotReadYet
        bill.review, bill.reviewer_id, bill.claimed_until = "in_review", user.id, now() + CLAIM
        return bill


def release(store: Store, user: User, bill_id: str) -> None:
    """Give a claimed bill back to the queue; a bill that the user has not claimed stays as it is."""
    with store.database.session() as session:
        bill = find_bill(session, user, bill_id, "edit", lock=True)
        if bill.review == "in_review" and bill.reviewer_id == user.id:
            bill.review, bill.reviewer_id, bill.claimed_until = "unreviewed", None, None


def mark(store: Store, user: User, bill_id: str, reviewed: bool) -> Bill:
    """Say that a bill has been reviewed, or that it is to be reviewed again.

    Raises:
        BeingReviewed: somebody else has it.
    """
    with store.database.session() as session:
        bill = _found(session, user, bill_id)
        bill.review = "reviewed" if reviewed else "unreviewed"
        bill.reviewer_id, bill.claimed_until = user.id if reviewed else None, None
        session.add(AuditEvent(who=user.id, what=bill.review, bill=bill.id, detail={"revision": bill.revision}))
        return bill


def renew_claim(bill: Bill, user: User) -> None:
    """An edit by the reviewer keeps the bill with them."""
    if bill.review == "in_review" and bill.reviewer_id == user.id:
        bill.claimed_until = now() + CLAIM


def _claim(session: Session, user: User, bill_id: str) -> Bill | None:
    """Compare and set: of any number of callers, one gets the bill."""
    query = update(Bill).where(Bill.id == bill_id, _free_for(user))
    values = {"review": "in_review", "reviewer_id": user.id, "claimed_until": now() + CLAIM}
    return session.scalar(query.values(**values).returning(Bill), execution_options={"synchronize_session": False})


def _found(session: Session, user: User, bill_id: str) -> Bill:
    """A bill that nobody else is reviewing, locked."""
    bill = find_bill(session, user, bill_id, "edit", lock=True)
    if bill.review == "in_review" and bill.reviewer_id not in (None, user.id):
        query = select(User.name).join(Bill, Bill.reviewer_id == User.id).where(Bill.id == bill.id, _claimed())
        reviewer = session.scalar(query)
        if reviewer:
            raise BeingReviewed(reviewer)
    return bill


def _readable(user: User) -> Select[tuple[Bill]]:
    """Bills that the user may edit and that have been read."""
    return editable_bills(user).where(exists().where(MachineResult.bill_id == Bill.id))


def _claimed() -> ColumnElement[bool]:
    return and_(Bill.review == "in_review", Bill.claimed_until.is_not(None), Bill.claimed_until > now())


def _free_for(user: User) -> ColumnElement[bool]:
    mine = and_(Bill.review == "in_review", Bill.reviewer_id == user.id)
    return and_(Bill.review != "reviewed", or_(~_claimed(), mine))
