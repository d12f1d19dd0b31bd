"""The review queue: the bill whose correcting is worth most, and whose it is meanwhile."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from billocr_assets.store import review
from billocr_ui.api.bills import BillOut
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import BILL_ID, BillId, Caller, TheStore

router = APIRouter(tags=["review"])


class Queued(BaseModel):
    bill: BillOut
    value: float = Field(description="Wrong words to be expected, each weighted by its field.")
    reviewer: str | None = Field(description="Who has claimed it now.")
    mine: bool


class Queue(BaseModel):
    entries: list[Queued] = Field(description="The most valuable first.")
    counts: dict[str, int] = Field(description="How many bills are in each state.")


class Next(BaseModel):
    bill: BillOut | None = Field(description="Yours for 15 minutes from now and from each edit; null: nothing is left.")


class Skip(BaseModel):
    skip: Annotated[list[Annotated[str, Field(pattern=BILL_ID)]], Field(max_length=500)] = Field(
        [], description="Bills that are not wanted now."
    )


class Mark(BaseModel):
    reviewed: bool = True


@router.get("/review")
def get_review_queue(
    store: TheStore,
    user: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Queue:
    """Bills that you may edit and that wait for a review."""
    found = review.queue(store, user, limit, offset)
    entries = [
        Queued(bill=BillOut.of(each.bill), value=each.bill.review_value, reviewer=each.reviewer, mine=each.mine)
        for each in found.entries
    ]
    return Queue(entries=entries, counts={str(state): count for state, count in found.counts.items()})


@router.post("/review/next")
def claim_next_bill(store: TheStore, user: Caller, body: Skip) -> Next:
    """Claim the most valuable bill that is free, or get the one that you have claimed already."""
    bill = review.claim_next(store, user, body.skip)
    return Next(bill=BillOut.of(bill) if bill else None)


@router.post("/bills/{bill_id}/claim", responses=responses(404, 409))
def claim_bill(store: TheStore, user: Caller, bill_id: BillId) -> BillOut:
    """Take this bill for review."""
    return BillOut.of(review.claim(store, user, bill_id))


@router.delete("/bills/{bill_id}/claim", status_code=204, responses=responses(404))
def release_bill(store: TheStore, user: Caller, bill_id: BillId) -> None:
    """Give a bill that you have claimed back to the queue."""
    review.release(store, user, bill_id)


@router.put("/bills/{bill_id}/review", responses=responses(404, 409))
def mark_bill(store: TheStore, user: Caller, bill_id: BillId, body: Mark) -> BillOut:
    """Say that the bill has been reviewed, or that it is to be reviewed again."""
    return BillOut.of(review.mark(store, user, bill_id, body.reviewed))
