"""What is on a bill: its current text and fields, edits, and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from billocr_assets.store import Store, corrections
from billocr_assets.store.corrections import Current
from billocr_assets.store.schema import User
from billocr_ui.api.problems import RequestRefused, responses
from billocr_ui.api.requests import (
    BillId,
    Caller,
    IfMatch,
    IfNoneMatch,
    Json,
    TheStore,
    entity_tag,
    not_modified,
    refuse_changed,
    tagged,
)

router = APIRouter(prefix="/bills/{bill_id}", tags=["documents"])

# Edits wait for one another, and none of the threads that answer readers waits with them.
_EDITS = CapacityLimiter(4)

Point = Annotated[list[float], Field(min_length=2, max_length=2)]
Polygon = Annotated[
    list[Point],
    Field(
        min_length=4,
        max_length=4,
        description="Corners, clockwise from the text's top left, in pixels of the upload's page.",
        examples=[[[10, 20], [90, 20], [90, 32], [10, 32]]],
    ),
]
LineId = Annotated[str, Field(min_length=1, max_length=64, examples=["p1l7", "n-b1c2"])]
NewLineId = Annotated[str, Field(pattern="^n-[A-Za-z0-9_-]{1,60}$", examples=["n-b1c2"])]
LineText = Annotated[str, Field(max_length=500)]
Number = Annotated[int, Field(ge=0, lt=2**31)]
Amount = Annotated[str | int | float, Field(description="A number, or a text like `1,234.56` or `1.234,56`.")]


class Place(BaseModel):
    """Where on the bill something stands."""

    page: int
    polygon: Polygon


class Word(BaseModel):
    text: str
    polygon: Polygon
    confidence: float


class Segment(BaseModel):
    text: str
    polygon: Polygon
    confidence: float
    words: list[Word]


class Line(BaseModel):
    id: LineId
    text: str
    polygon: Polygon
    confidence: float
    row: int = Field(description="Lines side by side share a row, from 0 down the page.")
    segments: list[Segment]
    checked: bool = Field(description="A person has written or accepted it.")


class PlacedLine(Line):
    page: int
    after: str | None = Field(description="The line before it on its page; null for the first.")


class Page(BaseModel):
    number: int
    width: int
    height: int
    quality: dict[str, Any]
    lines: list[Line]


class Warning(BaseModel):
    """What does not add up. It never stops anything."""

    code: str
    field: str
    text: str


class Document(BaseModel):
    """A bill as it is now: what the machine read with all corrections applied."""

    revision: int = Field(description="Number of the newest correction; 0 before the first.")
    result: int = Field(description="The reading that the corrections stand on.")
    pages: list[Page]
    fields: dict[str, Any]
    warnings: list[Warning]
    machine_newer: dict[str, Any] | None = Field(description="Where a later reading differs, to be chosen from.")


class SetText(BaseModel):
    kind: Literal["set_text"]
    line: LineId
    text: LineText


class Accept(BaseModel):
    kind: Literal["accept"]
    line: LineId


class Split(BaseModel):
    kind: Literal["split"]
    line: LineId
    at: Number = Field(description="Index of the character that the new line begins with.")
    new: NewLineId


class Join(BaseModel):
    kind: Literal["join"]
    line: LineId
    with_: LineId = Field(alias="with")


class Add(BaseModel):
    kind: Literal["add"]
    line: NewLineId
    page: Number
    polygon: Polygon
    text: LineText
    after: LineId | None = None


class Shape(BaseModel):
    kind: Literal["shape"]
    line: LineId
    polygon: Polygon


class Delete(BaseModel):
    kind: Literal["delete"]
    line: LineId


class SetField(BaseModel):
    kind: Literal["set_field"]
    name: Annotated[str, Field(max_length=64, examples=["company", "total", "date"])]
    value: Any = Field(None, description="Null clears the field. A text, an amount, or a list of taxes.")
    sources: list[Place] | None = None


class Item(BaseModel):
    name: LineText
    quantity: Amount | None = None
    unit_price: Amount | None = None
    amount: Amount
    sources: list[Place] | None = None


class SetItems(BaseModel):
    kind: Literal["set_items"]
    items: Annotated[list[Item], Field(max_length=500)]


class Undo(BaseModel):
    kind: Literal["undo"]
    revision: Number


class Revert(BaseModel):
    kind: Literal["revert"]
    to: Number


Operation = Annotated[
    SetText | Accept | Split | Join | Add | Shape | Delete | SetField | SetItems | Undo | Revert,
    Field(discriminator="kind"),
]


class NumberedOperation(BaseModel):
    seq: Number = Field(description="The client's own number: rising, never used for another edit.")
    op: Operation


class Operations(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "client_id": "6f1c1f0e-8a53-4f5e-9d0f-5d2f3c1b7a90",
                    "base": 11,
                    "operations": [
                        {"seq": 1, "op": {"kind": "set_text", "line": "p1l7", "text": "Espresso 2,40"}},
                        {"seq": 2, "op": {"kind": "set_field", "name": "total", "value": "2,40"}},
                    ],
                }
            ]
        }
    )

    client_id: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="Of this editor; a UUID.")]
    base: Number = Field(description="The last revision that this editor has seen.")
    result: Number | None = Field(None, description="The reading that this editor shows; the newest if left out.")
    operations: Annotated[list[NumberedOperation], Field(max_length=corrections.MAX_OPERATIONS)]


class Conflict(BaseModel):
    """An edit that was not applied, for somebody else changed the same thing after `base`."""

    seq: int
    line: str | None = None
    field: str | None = None
    theirs: Any = Field(description="The line or the field's value as it is now; null where it is gone.")
    author: str | None
    revision: int


class Outcome(BaseModel):
    revision: int
    acknowledged: int = Field(description="All edits up to this `seq` need no sending again.")
    revisions: dict[int, int] = Field(description="The revision that each `seq` became, to be undone by.")
    conflicts: list[Conflict]
    lines: list[PlacedLine] = Field(description="Lines that were changed or added, as they are now.")
    removed: list[str]
    fields: dict[str, Any] | None = Field(description="Null where they stayed as they were.")
    warnings: list[Warning]


class Difference(BaseModel):
    """How a line or a field differs between two revisions; null: there was none."""

    model_config = ConfigDict(from_attributes=True)

    line: str | None
    field: str | None
    before: str | None
    after: str | None
    moved: bool
    revision: int = Field(description="The last that changed it.")
    author: str | None
    at: datetime


class FieldValue(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"value": "12,50"}, {"value": None}]})

    value: Any = Field(None, description="Null clears the field. For `items` and `taxes`, a list.")
    sources: list[Place] | None = None


class Fields(BaseModel):
    revision: int
    fields: dict[str, Any]
    warnings: list[Warning]


class Change(BaseModel):
    """What a line or a field said; null where there was none, or the machine had found it."""

    line: str | None = None
    field: str | None = None
    before: str | None
    after: str | None


class Entry(BaseModel):
    number: int
    author: str | None = Field(description="Null for somebody who has left.")
    at: datetime
    operation: dict[str, Any]
    lines: list[str]
    fields: list[str]
    changes: list[Change]


class History(BaseModel):
    revisions: list[Entry] = Field(description="Newest first.")
    next_before: int | None = Field(description="`before` of the next slice; null at the end.")


_STATE: dict[int | str, dict[str, Any]] = {304: {"description": "Not Modified"}, **responses(404, 409)}


@router.get("/document", response_model=Document, responses=_STATE)
def get_document(store: TheStore, user: Caller, bill_id: BillId, if_none_match: IfNoneMatch = None) -> Response:
    """Text, boxes and fields as they are now, with an entity tag."""
    now = corrections.current(store, user, bill_id)
    if not_modified(_tag(now), if_none_match):
        return Response(status_code=304, headers=tagged(_tag(now)))
    return Json(now.to_dict(), headers=tagged(_tag(now)))


@router.post("/operations", response_model=Outcome, responses=responses(404, 409, 413))
async def apply_operations(store: TheStore, user: Caller, bill_id: BillId, body: Operations) -> Response:
    """Edit the bill by numbered operations, which may be sent again: each is applied once.

    An operation conflicts when another client changed the same line or field after `base`; all others are applied.
    One that makes no sense refuses them all.
    """

    def act() -> Response:
        plain = body.model_dump(by_alias=True)
        outcome = corrections.apply_operations(
            store, user, bill_id, plain["client_id"], plain["base"], plain["operations"], plain["result"]
        )
        return Json(outcome.to_dict())

    return await to_thread.run_sync(act, limiter=_EDITS)


@router.get("/fields", response_model=Fields, responses=_STATE)
def get_fields(store: TheStore, user: Caller, bill_id: BillId, if_none_match: IfNoneMatch = None) -> Response:
    """Merchant, date, total and so on as they are now, with the document's entity tag."""
    now = corrections.current(store, user, bill_id)
    if not_modified(_tag(now), if_none_match):
        return Response(status_code=304, headers=tagged(_tag(now)))
    return _fields(now)


@router.put("/fields/{name}", response_model=Fields, responses=responses(404, 409, 412))
def put_field(
    store: TheStore,
    user: Caller,
    bill_id: BillId,
    name: Annotated[str, Path(max_length=64, examples=["company", "total", "date", "items"])],
    body: FieldValue,
    if_match: IfMatch = None,
) -> Response:
    """Set one field as a whole; with `If-Match`, only while the document is as you know it."""
    before = corrections.current(store, user, bill_id)
    refuse_changed(_tag(before), if_match)
    plain = body.model_dump()
    op = {"kind": "set_field", "name": name, **plain}
    if name == "items":
        op = {"kind": "set_items", "items": plain["value"]}
    _edit(store, user, bill_id, before, op)
    return _fields(corrections.current(store, user, bill_id))


@router.get("/revisions", responses=responses(404))
def list_revisions(
    store: TheStore,
    user: Caller,
    bill_id: BillId,
    before: Annotated[int | None, Query(ge=1, lt=2**31, description="Only revisions with a lower number.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> History:
    """The bill's history of corrections, newest first."""
    found = corrections.revisions(store, user, bill_id, before, limit + 1)
    entries = [Entry.model_validate(entry, from_attributes=True) for entry in found[:limit]]
    return History(revisions=entries, next_before=entries[-1].number if len(found) > limit else None)


@router.get("/revisions/difference", responses=responses(404, 409))
def compare_revisions(
    store: TheStore,
    user: Caller,
    bill_id: BillId,
    a: Annotated[int, Query(ge=0, lt=2**31, description="The earlier; 0 is what the machine read.")],
    b: Annotated[int, Query(ge=0, lt=2**31, description="The later.")],
) -> list[Difference]:
    """What changed from one revision to a later one, down the pages, fields at the end."""
    return [Difference.model_validate(each) for each in corrections.difference(store, user, bill_id, a, b)]


@router.post("/revisions/{number}/restore", response_model=Document, responses=responses(404, 409))
def restore_revision(
    store: TheStore, user: Caller, bill_id: BillId, number: Annotated[int, Path(ge=0, lt=2**31)]
) -> Response:
    """Go back to how the bill was after this revision, as a new revision; 0 is what the machine read."""
    _edit(store, user, bill_id, corrections.current(store, user, bill_id), {"kind": "revert", "to": number})
    return get_document(store, user, bill_id)


class Choice(BaseModel):
    take: list[LineId] | Literal["all"] = Field(description="Lines as `machine_newer` names them.")


@router.post("/machine-newer", response_model=Document, responses=responses(404, 409))
def choose_from_newer_reading(store: TheStore, user: Caller, bill_id: BillId, body: Choice) -> Response:
    """Take the newer reading's side for some lines. All others stay as they are and are not asked about again."""
    if body.take:
        corrections.adopt_machine(store, user, bill_id, body.take)
    corrections.keep_corrections(store, user, bill_id)
    return get_document(store, user, bill_id)


def _edit(store: Store, user: User, bill_id: str, before: Current, op: dict[str, Any]) -> None:
    """One edit by a program that keeps no numbers: it stands for a client of its own."""
    numbered = {"seq": 1, "op": op}
    outcome = corrections.apply_operations(
        store, user, bill_id, f"api-{uuid4().hex}", before.revision, [numbered], before.result
    )
    if outcome.conflicts:
        raise RequestRefused(412, "changed_meanwhile", "This has changed since you read it. Please read it again.")


def _fields(now: Current) -> Response:
    content = {"revision": now.revision, "fields": now.fields, "warnings": list(now.warnings)}
    return Json(content, headers=tagged(_tag(now)))


def _tag(now: Current) -> str:
    return entity_tag(now.result, now.revision, (now.machine_newer or {}).get("result", ""))
