"""Our own routes: pictures and downloads, which only their owner may see, the API, and its client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from billocr_assets.store import Store
from billocr_assets.store.bills import bill_for, upload_bytes
from billocr_assets.store.errors import BillError, BillNotFound
from billocr_assets.store.exports import export_bills
from billocr_assets.store.pictures import page_picture
from billocr_assets.store.schema import User
from billocr_ui.api import create_api
from billocr_ui.api.requests import disposition
from billocr_ui.identity import request_user, the_store

# A page's picture never changes, but it is nobody else's business: no shared cache may keep it.
_PRIVATE = {"Cache-Control": "private, max-age=86400, immutable"}
_UNCACHED = {"Cache-Control": "no-store"}


def routes() -> list[BaseRoute]:
    api = Mount("/api/v1", create_api())
    # Streamlit answers every path that nobody else takes: one with a line break in it must not get by the API.
    api.path_regex = re.compile(api.path_regex.pattern, re.DOTALL)
    return [
        api,
        Mount("/client", StaticFiles(directory=Path(__file__).parent / "client")),
        Route("/pictures/{bill_id}/{page:int}", picture),
        Route("/downloads/bills", download_bills),
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
    """``/downloads/{bill_id}/{original or a format}``: the upload itself, or the bill as it is now, as a file."""
    bill_id, what = request.path_params["bill_id"], request.path_params["what"]

    def answer(store: Store, user: User) -> Response:
        if what == "original":
            bill = bill_for(store, user, bill_id)
            return _as_download((bill.name, bill.media_type, iter([upload_bytes(store, user, bill_id)])))
        return _as_download(export_bills(store, user, [bill_id], what))

    return await _for_owner(request, answer)


async def download_bills(request: Request) -> Response:
    """``/downloads/bills?format=&bill=&bill=``: several bills as one file."""
    bill_ids, format = request.query_params.getlist("bill"), request.query_params.get("format", "")
    return await _for_owner(request, lambda store, user: _as_download(export_bills(store, user, bill_ids, format)))


async def _for_owner(request: Request, answer: Callable[[Store, User], Response]) -> Response:
    """What ``answer`` says, in a thread; 404 for a bill that the user may not see or that is not there."""

    def run() -> Response:
        try:
            return answer(the_store(), request_user(request))
        except (BillNotFound, FileNotFoundError):
            return PlainTextResponse("There is no such bill.", 404, headers=_UNCACHED)
        except BillError as error:
            status = {"not_logged_in": 401, "missing_scope": 403}.get(error.code, 409)
            return PlainTextResponse(str(error), status, headers=_UNCACHED)

    return await run_in_threadpool(run)


def _as_download(export: tuple[str, str, Iterator[bytes]]) -> StreamingResponse:
    """The answer for an export of :mod:`billocr_assets.store.exports`, a file that flows while it is made."""
    name, media_type, content = export
    return StreamingResponse(content, media_type=media_type, headers={**disposition(name), **_UNCACHED})
