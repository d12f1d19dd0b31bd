"""Bills: hand in, list, look at, read again."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, File, Form, Header, Path, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from billocr_assets.store import bills, pictures, trash
from billocr_assets.store.errors import BillNotFound
from billocr_assets.store.idempotency import Answer, once
from billocr_assets.store.overview import overview
from billocr_assets.store.schema import Bill, BillStatus, ReviewState
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import (
    BILL_ID,
    BillId,
    Caller,
    IfNoneMatch,
    Text,
    TheStore,
    disposition,
    entity_tag,
    not_modified,
    tagged,
)

router = APIRouter(tags=["bills"])

# A burst of uploads waits on disk and for its turn to write, and none of the threads that answer readers with it.
_UPLOADS = CapacityLimiter(8)

Total = Annotated[Decimal, Field(max_digits=15, decimal_places=2, description="In the bill's own currency.")]


class BillOut(BaseModel):
    id: str
    name: str = Field(description="The file's name.")
    media_type: str
    bytes: int
    pages: int
    status: BillStatus
    failure: str | None = Field(description="Why the last reading failed.")
    merchant: str | None
    billed_on: date | None
    total: Decimal | None
    currency: str | None = Field(description="ISO 4217.")
    revision: int = Field(description="Number of the newest correction; 0 before the first.")
    review: ReviewState
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, bill: Bill) -> BillOut:
        return cls(
            id=bill.id,
            name=bill.name,
            media_type=bill.media_type,
            bytes=bill.bytes,
            pages=bill.pages,
            status=bill.status,
            failure=bill.failed_why,
            merchant=bill.merchant,
            billed_on=bill.billed_on,
            total=None if bill.total_cents is None else Decimal(bill.total_cents).scaleb(-2),
            currency=bill.currency,
            revision=bill.revision,
            review=bill.review,
            created_at=bill.created_at,
            updated_at=bill.updated_at,
        )


class BillDetail(BillOut):
    access: bills.Level = Field(description="The most that you may do with it: view, edit, or all that its owner may.")


class BillSlice(BaseModel):
    bills: list[BillOut]
    total: int = Field(description="How many match in all.")
    counts: dict[str, int] = Field(description="How many of each status match, whatever status was asked for.")
    next_cursor: str | None = Field(description="`cursor` of the next slice; null at the end.")


class BillState(BaseModel):
    id: str
    status: BillStatus
    stage: str | None = Field(description="The stage that a reading under way has reached.")
    failure: str | None


class BillStates(BaseModel):
    bills: list[BillState]
    missing: list[str] = Field(description="Ids of bills that are not there for you.")


class Wanted(BaseModel):
    """Which bills are wanted. What is left out does not matter."""

    model_config = ConfigDict(extra="forbid")

    search: Annotated[Text, Field(max_length=200)] = Field(
        "", description="Words that must all occur in name, merchant or text."
    )
    status: BillStatus | None = None
    review: ReviewState | None = None
    billed_from: date | None = None
    billed_to: date | None = None
    total_from: Total | None = None
    total_to: Total | None = None
    whose: bills.Whose = "all"
    trash: bool = Field(False, description="The bills in your trash instead of all others.")

    def filter(self) -> bills.BillFilter:
        return bills.BillFilter(**{name: getattr(self, name) for name in Wanted.model_fields})


class ListQuery(Wanted):
    order: bills.Order = Field("-created", description="`-` is downwards; bills without a value come last either way.")
    limit: int = Field(24, ge=1, le=100)
    cursor: Annotated[Text, Field(max_length=1000)] | None = Field(
        None, description="`next_cursor` of the slice before."
    )


@router.post("/bills", status_code=201, response_model=BillOut, responses=responses(409, 413, 415, 429))
async def upload_bill(
    store: TheStore,
    user: Caller,
    file: Annotated[UploadFile, File(description="A photo, scan or PDF of one bill.")],
    keep_duplicate: Annotated[bool, Form(description="Take the file even if the same bytes are here already.")] = False,
    idempotency_key: Annotated[
        Text | None,
        Header(
            min_length=1,
            max_length=255,
            description="Your own name for this request. Sent again within a day, it gets the same answer and does "
            "nothing; with other content it is refused (422), while the first is under way as well (409).",
        ),
    ] = None,
) -> JSONResponse:
    """Hand in a bill. Its text is read within seconds: watch `status`, or have a webhook called."""

    def take() -> Answer:
        data, name = file.file.read(), file.filename or "bill"

        def act() -> Answer:
            bill = bills.register_upload(store, user, name, data, keep_duplicate)
            return 201, BillOut.of(bill).model_dump(mode="json")

        if idempotency_key is None:
            return act()
        request = sha256(json.dumps(["upload_bill", name, keep_duplicate, sha256(data).hexdigest()]).encode())
        return once(store, user, idempotency_key, request.hexdigest(), act)

    status, answer = await to_thread.run_sync(take, limiter=_UPLOADS)
    return JSONResponse(answer, status, {"Location": f"/api/v1/bills/{answer['id']}"})


@router.get("/bills")
def list_bills(store: TheStore, user: Caller, query: Annotated[ListQuery, Query()]) -> BillSlice:
    """The bills that you may see, slice by slice."""
    found = bills.list_bills(store, user, query.filter(), query.order, query.limit, cursor=query.cursor)
    return BillSlice(
        bills=[BillOut.of(bill) for bill in found.bills],
        total=found.total,
        counts=found.counts,
        next_cursor=found.cursor,
    )


@router.get("/bills/status")
def get_bill_states(
    store: TheStore,
    user: Caller,
    id: Annotated[list[Annotated[str, Field(pattern=BILL_ID)]], Query(min_length=1, max_length=100)],
) -> BillStates:
    """How far many bills are, in one request: for those who wait for their text."""
    found = overview(store, user, id)
    states = [
        BillState(id=each.bill.id, status=each.bill.status, stage=each.stage, failure=each.bill.failed_why)
        for each in found
    ]
    there = {state.id for state in states}
    return BillStates(bills=states, missing=[each for each in id if each not in there])


@router.get("/bills/{bill_id}", responses=responses(404))
def get_bill(store: TheStore, user: Caller, bill_id: BillId) -> BillDetail:
    """One bill: what it is and how far its reading has come. Its text is in the document."""
    bill, level = bills.bill_and_level(store, user, bill_id)
    return BillDetail(**BillOut.of(bill).model_dump(), access=level)


@router.delete("/bills/{bill_id}", status_code=204, responses=responses(404))
def delete_bill(store: TheStore, user: Caller, bill_id: BillId) -> None:
    """Move a bill of yours to the trash, where it lies for 30 days."""
    trash.delete_bill(store, user, bill_id)


@router.post("/trash/{bill_id}/restore", responses=responses(404))
def restore_bill(store: TheStore, user: Caller, bill_id: BillId) -> BillOut:
    """Take a bill back out of the trash, shared with the same people as before."""
    trash.restore_bill(store, user, bill_id)
    return BillOut.of(bills.bill_for(store, user, bill_id))


@router.delete("/trash/{bill_id}", status_code=204, responses=responses(404))
def remove_bill(store: TheStore, user: Caller, bill_id: BillId) -> None:
    """Remove a bill in the trash for good, now."""
    trash.remove_bill(store, user, bill_id)


@router.delete("/trash", status_code=204)
def empty_trash(store: TheStore, user: Caller) -> None:
    """Remove all bills in your trash for good, now."""
    trash.empty_trash(store, user)


_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "application/pdf")}
    }
}
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "Not Modified"},
    **responses(404),
}


@router.get("/bills/{bill_id}/pages/{page}/picture", response_class=Response, responses=_JPEG)
def get_picture(
    store: TheStore,
    user: Caller,
    bill_id: BillId,
    page: Annotated[int, Path(ge=1, le=10_000)],
    size: Annotated[int, Query(ge=1, le=10_000, description="Pixels of the longer side, rounded up to a step.")] = 1280,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A page as JPEG, upright: the frame that the document's polygons refer to, scaled."""
    # A page never changes; what may change is who may see it, so the browser asks each time.
    etag = entity_tag(bill_id, page, pictures.rounded(size))
    if not_modified(etag, if_none_match):
        if page > bills.bill_for(store, user, bill_id).pages:
            raise BillNotFound
        return Response(status_code=304, headers=tagged(etag))
    picture = pictures.page_picture(store, user, bill_id, page, size, trash=False)
    return Response(picture, 200, tagged(etag), "image/jpeg")


@router.get("/bills/{bill_id}/thumbnail", response_class=Response, responses=_JPEG)
def get_thumbnail(store: TheStore, user: Caller, bill_id: BillId, if_none_match: IfNoneMatch = None) -> Response:
    """The first page as a small JPEG, 320 pixels on its longer side."""
    return get_picture(store, user, bill_id, 1, 320, if_none_match)


@router.get("/bills/{bill_id}/original", response_class=Response, responses={**_FILE, **responses(404)})
def get_original(store: TheStore, user: Caller, bill_id: BillId) -> Response:
    """The file as it was uploaded."""
    bill = bills.bill_for(store, user, bill_id)
    data = bills.upload_bytes(store, user, bill_id)
    return Response(data, media_type=bill.media_type, headers=disposition(bill.name))


@router.post("/bills/{bill_id}/read-again", status_code=202, responses=responses(404, 429))
def read_bill_again(store: TheStore, user: Caller, bill_id: BillId) -> BillOut:
    """Read the bill once more with today's models. Corrections stay."""
    bills.read_again(store, user, bill_id)
    return BillOut.of(bills.bill_for(store, user, bill_id))
