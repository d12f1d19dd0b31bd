"""What the routes share: who asks, which store, checked ids and texts, entity tags, limits on bodies."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import AfterValidator, StringConstraints
from pydantic_core import to_json
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from billocr_assets.store import Store
from billocr_assets.store.schema import User
from billocr_ui.api.problems import RequestRefused
from billocr_ui.identity import request_user, the_store
from billocr_ui.identity.cookies import COOKIE

# No cache but the browser's own may keep an answer, and that one asks again whether it still holds.
PRIVATE = {"Cache-Control": "private, no-cache"}
_OTHER_BODIES = 2**20


# The login is checked by the identity's own functions; these stand for it in the description.
_Token = Annotated[
    Any, Security(HTTPBearer(scheme_name="token", description="An API token, `bo_…`.", auto_error=False))
]
_Session = Annotated[
    Any,
    Security(APIKeyCookie(name=COOKIE, scheme_name="session", description="A browser's login.", auto_error=False)),
]


def caller(request: Request, _token: _Token, _session: _Session) -> User:
    """The user who asks."""
    return request_user(request)


async def _store() -> Store:
    return the_store()  # `async`: what is no coroutine gets a thread


def person(request: Request, _session: _Session) -> User:
    """The user who asks with a browser: tokens manage no tokens, logins, webhooks or other people."""
    return request_user(request, by_browser=True)


Caller = Annotated[User, Depends(caller)]
Person = Annotated[User, Depends(person)]
TheStore = Annotated[Store, Depends(_store)]
BILL_ID = "^[0-9a-f]{32}$"
BillId = Annotated[str, Path(pattern=BILL_ID, examples=["0198f0d5a3c97d3e8b1c2f4a5d6e7f80"])]
IfMatch = Annotated[str | None, Header(description="Change only what still has this entity tag; otherwise 412.")]
IfNoneMatch = Annotated[str | None, Header(description="Send nothing (304) if what is there still has this tag.")]


def _storable(text: str) -> str:
    # PostgreSQL keeps no NUL.
    if "\0" in text:
        raise ValueError("must not hold the character NUL")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255), AfterValidator(_storable)]


def entity_tag(*parts: object) -> str:
    return f'"{"-".join(str(part) for part in parts)}"'


class Json(Response):
    """Plain JSON as it is: the store has checked it once, and a long bill has thousands of numbers."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return to_json(content)


def disposition(name: str) -> dict[str, str]:
    """The header that has an answer saved as a file of this name."""
    # RFC 6266: the name goes percent-encoded, so nothing in it can break out of the header.
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def not_modified(etag: str, if_none_match: str | None) -> bool:
    """Whether the asker has what carries this tag already."""
    return if_none_match is not None and (if_none_match.strip() == "*" or etag in _tags(if_none_match))


def tagged(etag: str) -> dict[str, str]:
    return {**PRIVATE, "ETag": etag}


def refuse_changed(etag: str, if_match: str | None) -> None:
    """
    Raises:
        RequestRefused: the asker names another state than the one that is there.
    """
    if if_match is not None and if_match.strip() != "*" and etag not in _tags(if_match):
        raise RequestRefused(412, "changed_meanwhile", "This has changed since you read it. Please read it again.")


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


class Door:
    """ASGI middleware around the API.

    Refuses a body that is larger than an upload may be, or than 1 MiB where no file is expected. Lets no cache keep an
    answer that does not say otherwise.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        left = limit = _limit(scope)

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"The request is larger than {limit:,} bytes.")
            return message

        async def uncached(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, counted, uncached)


def _limit(scope: MutableMapping[str, Any]) -> int:
    upload = dict(scope["headers"]).get(b"content-type", b"").startswith(b"multipart/form-data")
    return the_store().settings.max_upload_mb * 2**20 + _OTHER_BODIES if upload else _OTHER_BODIES
