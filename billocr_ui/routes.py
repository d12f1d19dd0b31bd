"""Our own routes: pictures and downloads, which only their owner may see, and the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePath
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from billocr_assets.store import Store
from billocr_assets.store.bills import bill_for, latest_result, upload_bytes
from billocr_assets.store.errors import BillError, BillNotFound
from billocr_assets.store.pictures import page_picture
from billocr_assets.store.schema import User
from billocr_ui.api import create_api
from billocr_ui.identity import request_user, the_store

# A page's picture never changes, but it is nobody else's business: no shared cache may keep it.
_PRIVATE = {"Cache-Control": "private, max-age=86400, immutable"}
_UNCACHED = {"Cache-Control": "no-store"}


def routes() -> list[BaseRoute]:
    return [
        Mount("/api/v1", create_api()),
        Route("/pictures/{bill_id}/{page:int}", picture),
        Route("/downloads/{bill_id}/{what}", download),
    ]


async def picture(request: Request) -> Response:
    """``/pictures/{bill_id}/{page}?size=``: the page as JPEG, its longer side about ``size`` pixels."""
    try:
        size = int(request.query_params.get("size", "1280"))
    except ValueError:
        return PlainTextResponse("size is a number of pixels", 400)
    bill_id, page = request.path_params["bill_id"], request.path_params["page"]

    def answer(store: Store, user: User) -> Response:
        return Response(page_picture(store, user, bill_id, page, size), media_type="image/jpeg", headers=_PRIVATE)

    return await _for_owner(request, answer)


async def download(request: Request) -> Response:
    """``/downloads/{bill_id}/{text|json|original}``: what was read, or the upload itself, as a file."""
    bill_id, what = request.path_params["bill_id"], request.path_params["what"]

    def answer(store: Store, user: User) -> Response:
        bill = bill_for(store, user, bill_id)
        if what == "original":
            return _file(upload_bytes(store, user, bill_id), bill.media_type, bill.name)
        result = latest_result(store, user, bill_id)
        if result is None or what not in ("text", "json"):
            raise BillNotFound
        stem = PurePath(bill.name).stem or "bill"
        if what == "text":
            return _file(f"{result.text}\n".encode(), "text/plain; charset=utf-8", f"{stem}.txt")
        data = {"name": bill.name, "document": result.document, "fields": result.fields}
        return _file(json.dumps(data, ensure_ascii=False, indent=2).encode(), "application/json", f"{stem}.json")

    return await _for_owner(request, answer)


async def _for_owner(request: Request, answer: Callable[[Store, User], Response]) -> Response:
    """What ``answer`` says, in a thread; 404 for a bill that the user may not see or that is not there."""

    def run() -> Response:
        try:
            return answer(the_store(), request_user(request))
        except (BillNotFound, FileNotFoundError):
            return PlainTextResponse("There is no such bill.", 404, headers=_UNCACHED)
        except BillError as error:
            return PlainTextResponse(str(error), 409, headers=_UNCACHED)

    return await run_in_threadpool(run)


def _file(data: bytes, media_type: str, name: str) -> Response:
    # RFC 6266: the name goes percent-encoded, so nothing in it can break out of the header.
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(data, media_type=media_type, headers={"Content-Disposition": disposition, **_UNCACHED})
