"""Bills as files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import StreamingResponse

from billocr_assets.exports import FORMATS
from billocr_assets.store import exports
from billocr_ui.api.bills import Wanted
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import BILL_ID, BillId, Caller, TheStore, disposition

router = APIRouter(tags=["exports"])

FormatName = Annotated[
    str,
    Query(
        json_schema_extra={"enum": [*FORMATS]},
        description="; ".join(f"`{name}`: {format.label}" for name, format in FORMATS.items()),
    ),
]
_MEDIA = sorted({format.media_type.partition(";")[0] for format in FORMATS.values()} | {"application/zip"})
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            media: {"schema": {} if media == "application/json" else {"type": "string", "format": "binary"}}
            for media in _MEDIA
        },
    }
}


class ExportQuery(Wanted):
    format: FormatName
    id: Annotated[list[Annotated[str, Field(pattern=BILL_ID)]], Field(max_length=100)] = Field(
        [], description="These bills, whatever the filter says. Without any, all that match it."
    )


@router.get("/bills/{bill_id}/export", response_class=StreamingResponse, responses={**_FILE, **responses(404, 409)})
def export_bill(store: TheStore, user: Caller, bill_id: BillId, format: FormatName) -> StreamingResponse:
    """The bill as it is now, corrections included, as a file; as a ZIP where the format wants a file a page."""
    return _file(*exports.export_bills(store, user, [bill_id], format))


@router.get("/exports", response_class=StreamingResponse, responses={**_FILE, **responses(404, 409)})
def export_bills(store: TheStore, user: Caller, query: Annotated[ExportQuery, Query()]) -> StreamingResponse:
    """Many bills as one file: a table of all, or a ZIP with the files of each."""
    ids = query.id or exports.matching_ids(store, user, query.filter())
    return _file(*exports.export_bills(store, user, ids, query.format))


def _file(name: str, media_type: str, content: Iterator[bytes]) -> StreamingResponse:
    return StreamingResponse(content, media_type=media_type, headers=disposition(name))
