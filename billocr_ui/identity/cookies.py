"""The cookie that holds the token of a login session, and the address that a browser knows us by."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Scope

from billocr_assets.store.accounts.sessions import SESSION_LIFE
from billocr_ui.identity.store import the_store

COOKIE = "bill_session"


def origin(scope: Scope) -> str:
    """Scheme and host as the browser has them: the setting, else what was asked for."""
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return the_store().settings.public_url or f"{scheme}://{host}"


def session_cookie(scope: Scope) -> str | None:
    """The token that a browser sends along."""
    return HTTPConnection({**scope, "type": "http"}).cookies.get(_name(scope))


def set_session_cookie(response: Response, scope: Scope, token: str) -> None:
    # Lax: with none, a link from a mail would lead to the login page.
    response.set_cookie(
        _name(scope),
        token,
        max_age=int(SESSION_LIFE.total_seconds()),
        secure=is_secure(scope),
        httponly=True,
        samesite="lax",
    )


def delete_session_cookie(response: Response, scope: Scope) -> None:
    response.delete_cookie(_name(scope), secure=is_secure(scope), httponly=True, samesite="lax")


def _name(scope: Scope) -> str:
    # With this prefix a browser takes the cookie only from this very host and over HTTPS.
    return f"__Host-{COOKIE}" if is_secure(scope) else COOKIE


def is_secure(scope: Scope) -> bool:
    return origin(scope).startswith("https://")
