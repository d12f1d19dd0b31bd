"""What stands before everything else: foreign requests end here, and Streamlit learns who has connected."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from billocr_assets.settings import is_loopback
from billocr_assets.store.accounts import sessions
from billocr_assets.store.accounts.sessions import Login
from billocr_assets.store.errors import NotLoggedIn
from billocr_ui.api.problems import problem
from billocr_ui.identity import request_login, the_store
from billocr_ui.identity.cookies import origin, session_cookie

# Header to key of ``st.user``, as `server.trustedUserHeaders` has it. No client gets to send one of them.
TRUSTED_HEADERS = {"X-Bill-Sub": "sub", "X-Bill-Sid": "sid"}
_PREFIX = b"x-bill-"
_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
# Streamlit would take files from everybody who may see the login page, and hand everybody what pages offer to download.
_FOR_USERS = ("/_stcore/upload_file", "/media")
_LOGO = ".png"


class IdentityMiddleware:
    """ASGI middleware for requests and WebSockets.

    * Our own ``X-Bill-…`` headers are taken off whatever comes in.
    * What a browser sends for another site is refused: unsafe requests, and WebSockets.
    * Without accounts, only this machine is answered, whatever address the server was started on.
    * With accounts, a WebSocket learns its user and login session; once that has ended, nothing it says is done.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope["headers"] = [pair for pair in scope["headers"] if not pair[0].lower().startswith(_PREFIX)]
        has_accounts = the_store().settings.accounts
        for_this_machine = not has_accounts or scope["path"].startswith("/dev-idp")
        if for_this_machine and not _is_local(scope):
            await _refuse(scope, receive, send, "This is answered only to the machine it runs on.")
        elif _is_foreign(scope):
            await _refuse(scope, receive, send, "This request comes from another site.")
        elif not has_accounts:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif _is_for_users(scope["path"]) and await run_in_threadpool(_login, scope) is None:
            await PlainTextResponse(str(NotLoggedIn()), 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        login = await run_in_threadpool(_login, scope)
        if login is None or login.session_id is None:
            await self.app(scope, receive, send)
            return
        session_id = login.session_id
        scope["headers"] += [(b"x-bill-sub", str(login.user.id).encode()), (b"x-bill-sid", session_id.encode())]

        async def receive_while_logged_in() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not await run_in_threadpool(_lives, session_id):
                return {"type": "websocket.receive", "bytes": _look_again(message.get("bytes") or b"")}
            return message

        await self.app(scope, receive_while_logged_in, send)


def _is_for_users(path: str) -> bool:
    return path.startswith(_FOR_USERS) and not (path.startswith("/media/") and path.endswith(_LOGO))


def _login(scope: Scope) -> Login | None:
    try:
        return request_login(HTTPConnection(scope))
    except NotLoggedIn:
        return None


def _look_again(message: bytes) -> bytes:
    """A wish for the same page and nothing else, in place of whatever a page wanted whose login has ended.

    A run of the whole page asks who is there; a run of a part of it, or a button's callback, would not.
    """
    asked, instead = BackMsg(), BackMsg()
    with suppress(DecodeError):
        asked.ParseFromString(message)
    for name in ("query_string", "page_script_hash"):
        setattr(instead.rerun_script, name, getattr(asked.rerun_script, name))
    instead.rerun_script.context_info.CopyFrom(asked.rerun_script.context_info)
    return instead.SerializeToString()


def _lives(session_id: str) -> bool:
    return sessions.login_by_session(the_store(), session_id) is not None


def _is_local(scope: Scope) -> bool:
    # The host's name too: a foreign page whose name has just been made to mean this machine asks for that name.
    named = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
    server = (scope.get("server") or ("",))[0]
    return is_loopback(named) and is_loopback(server)


def _is_foreign(scope: Scope) -> bool:
    """Whether a browser sends this for another site, or hides for which one."""
    headers = Headers(scope=scope)
    if scope["type"] == "http" and (scope["method"] in _SAFE or _has_token(headers)):
        return False
    if headers.get("sec-fetch-site") == "same-origin":  # no page can forge it
        return False
    if (sent := headers.get("origin")) is not None:
        return sent != origin(scope)
    return "sec-fetch-site" in headers or session_cookie(scope) is not None


def _has_token(headers: Headers) -> bool:
    # The cookie does nothing then, and no foreign page can send this header.
    return headers.get("authorization", "").lower().startswith("bearer ")


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": why})
    elif scope["path"].startswith("/api/"):
        await problem(403, "refused", why)(scope, receive, send)
    else:
        await PlainTextResponse(why, 403)(scope, receive, send)
