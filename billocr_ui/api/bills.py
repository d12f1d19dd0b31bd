"""Bills: hand in, list, look at, read again."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, Query, Response, UploadFile
from pydantic import BaseModel, Field

from billocr_assets.store import bills, pictures
from billocr_assets.store.errors import BillNotFound
from billocr_assets.store.schema import Bill, BillStatus, ReviewState
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import BillId, Caller, IfNoneMatch, TheStore, attachment, entity_tag, not_modified, tagged

router = APIRouter(tags=["bills"])


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


@router.post("/bills", status_code=201, responses=responses(400, 409, 413, 415, 429))
def upload_bill(
    store: TheStore,
    user: Caller,
    response: Response,
    file: Annotated[UploadFile, File(description="A photo, scan or PDF of one bill.")],
    keep_duplicate: Annotated[bool, Form(description="Take the file even if the same bytes are here already.")] = False,
) -> BillOut:
    """Hand in a bill. Its text is read within seconds: watch `status`, or have a webhook called."""
    bill = bills.register_upload(store, user, file.filename or "bill", file.file.read(), keep_duplicate)
    response.headers["Location"] = f"/api/v1/bills/{bill.id}"
    return BillOut.of(bill)


@router.get("/bills/{bill_id}", responses=responses(404))
def get_bill(store: TheStore, user: Caller, bill_id: BillId) -> BillOut:
    """One bill: what it is and how far its reading has come. Its text is in the document."""
    return BillOut.of(bills.bill_for(store, user, bill_id))


_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
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
    if page > bills.bill_for(store, user, bill_id).pages:
        raise BillNotFound
    # A page never changes; what may change is who may see it, so the browser asks each time.
    etag = entity_tag(bill_id, page, pictures.rounded(size))
    if not_modified(etag, if_none_match):
        return Response(status_code=304, headers=tagged(etag))
    return Response(pictures.page_picture(store, user, bill_id, page, size), 200, tagged(etag), "image/jpeg")


@router.get("/bills/{bill_id}/thumbnail", response_class=Response, responses=_JPEG)
def get_thumbnail(store: TheStore, user: Caller, bill_id: BillId, if_none_match: IfNoneMatch = None) -> Response:
    """The first page as a small JPEG, 320 pixels on its longer side."""
    return get_picture(store, user, bill_id, 1, 320, if_none_match)


@router.get("/bills/{bill_id}/original", response_class=Response, responses={**_FILE, **responses(404)})
def get_original(store: TheStore, user: Caller, bill_id: BillId) -> Response:
    """The file as it was uploaded."""
    bill = bills.bill_for(store, user, bill_id)
    return attachment(bills.upload_bytes(store, user, bill_id), bill.media_type, bill.name)


@router.post("/bills/{bill_id}/read-again", status_code=202, responses=responses(404, 429))
def read_bill_again(store: TheStore, user: Caller, bill_id: BillId) -> BillOut:
    """Read the bill once more with today's models. Corrections stay."""
    bills.read_again(store, user, bill_id)
    return BillOut.of(bills.bill_for(store, user, bill_id))
