"""Who is asking. Pages and routes take the user from here and hand it to every service they call.

Without accounts that is always the one local user.
"""

from __future__ import annotations

import streamlit as st
from starlette.requests import HTTPConnection, Request

from billocr_assets.store.accounts import sessions, tokens
from billocr_assets.store.accounts.sessions import Login
from billocr_assets.store.bills import local_user
from billocr_assets.store.errors import MissingScope, NotLoggedIn
from billocr_assets.store.schema import User
from billocr_ui.identity.cookies import session_cookie
from billocr_ui.identity.store import the_store

__all__ = ["page_login", "page_user", "request_login", "request_user", "the_store"]

_READING = ("GET", "HEAD", "OPTIONS")


def page_login() -> Login | None:
    """Who looks at the page that runs now; None where nobody is logged in (any more).

    The connection knows its login session from its beginning; that it still lives is asked at each run.
    """
    store = the_store()
    if not store.settings.accounts:
        return Login(local_user(store))
    session_id = st.user.get("sid")
    return sessions.login_by_session(store, str(session_id)) if session_id else None


def page_user() -> User:
    """The user of the page that runs now. If the login has just ended, the run ends and the login page comes."""
    login = page_login()
    if login is None:
        st.rerun()
    return login.user


def request_login(request: HTTPConnection) -> Login:
    """Who sends this request. A request with a token is not helped by its cookie.

    Raises:
        NotLoggedIn: nobody, or their login or token has ended.
    """
    store, state = the_store(), request.state
    if not hasattr(state, "login"):
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if not store.settings.accounts:
            state.login = Login(local_user(store))
        elif kind.lower() == "bearer":
            state.login = tokens.login_by_token(store, secret.strip())
        else:
            cookie = session_cookie(request.scope)
            state.login = sessions.login_by_cookie(store, cookie) if cookie else None
    if state.login is None:
        raise NotLoggedIn
    login: Login = state.login
    return login


def request_user(request: Request, by_browser: bool = False) -> User:
    """The user behind a request to one of our own routes.

    Args:
        by_browser: whether this is for people alone: no API token does it, whatever its scopes.

    Raises:
        NotLoggedIn: as in :func:`request_login`.
        MissingScope: the token has no ``bills:read`` for reading or ``bills:write`` for the rest.
    """
    login = request_login(request)
    if login.scopes is not None:
        needed = None if by_browser else "bills:read" if request.method in _READING else "bills:write"
        if needed is None or needed not in login.scopes:
            raise MissingScope(needed)
    return login.user
