"""Login sessions of browsers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, or_, select, update
from sqlalchemy.orm import Session

from billocr_assets.store.accounts.audit import record
from billocr_assets.store.accounts.hashes import digest
from billocr_assets.store.accounts.text import clean
from billocr_assets.store.errors import AccountNotFound
from billocr_assets.store.schema import User, WebSession, now
from billocr_assets.store.store import Store

SESSION_IDLE, SESSION_LIFE = timedelta(days=7), timedelta(days=30)
# When a session or token was used last is written this seldom: reading a page must not wait for a writer.
SEEN_EVERY = timedelta(minutes=5)

_NOW: BindParameter[datetime] = bindparam("now", callable_=now)
MAY_ENTER = User.status == "active", or_(User.expires_at.is_(None), User.expires_at > _NOW)
_LIVES = (
    WebSession.revoked_at.is_(None),
    WebSession.expires_at > _NOW,
    WebSession.seen_at > bindparam("idle_since", callable_=lambda: now() - SESSION_IDLE),
)
# What every request asks, put together once: that takes longer than the answer.
_BY_COOKIE, _BY_ID = (
    select(WebSession, User)
    .join(User, User.id == WebSession.user_id)
    .where(column == bindparam("value"), *_LIVES, *MAY_ENTER)
    for column in (WebSession.token_hash, WebSession.id)
)


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who is logged in.

    Attributes:
        session_id: of the browser's login session; none for an API token.
        scopes: of the API token; none for a browser, which may do whatever its user may.
    """

    user: User
    session_id: str | None = None
    scopes: frozenset[str] | None = None


def open_session(store: Store, user: User, address: str | None, agent: str | None) -> str:
    """A login session for somebody whom a provider vouches for, or who has just signed up; returns its token."""
    with store.database.session() as session:
        return new_session(session, user, address, agent)


def login_by_cookie(store: Store, token: str) -> Login | None:
    """Whose cookie this is, while the session lives."""
    return _living(store, _BY_COOKIE, digest(token))


def login_by_session(store: Store, session_id: str) -> Login | None:
    """Whose session this is, while it lives. The id comes from our own middleware, never from a client."""
    return _living(store, _BY_ID, session_id)


def sessions_of(store: Store, user: User) -> Sequence[WebSession]:
    """The user's living login sessions, the last used first."""
    with store.database.reading() as session:
        query = select(WebSession).where(WebSession.user_id == user.id, *_LIVES)
        return session.scalars(query.order_by(WebSession.seen_at.desc())).all()


def end_session(store: Store, user: User, session_id: str) -> None:
    """Log out one of the user's own sessions.

    Raises:
        AccountNotFound: it does not live, or is somebody else's.
    """
    with store.database.session() as session:
        if not end_living(session, user.id, WebSession.id == session_id):
            raise AccountNotFound("login session")


def end_sessions(store: Store, user: User, but: str | None = None) -> int:
    """Log out everywhere, except in the session ``but``; returns from how many places."""
    with store.database.session() as session:
        ended = end_living(session, user.id, but=but)
        record(session, user, "logged_out_everywhere", logins=ended)
        return ended


def new_session(session: Session, user: User, address: str | None, agent: str | None) -> str:
    token = secrets.token_urlsafe(32)
    expires = now() + SESSION_LIFE
    session.add(
        WebSession(
            token_hash=digest(token),
            user_id=user.id,
            address=clean(address or "", 64) or None,
            agent=clean(agent or "", 255) or None,
            expires_at=min(expires, user.expires_at) if user.expires_at else expires,
        )
    )
    return token


def end_living(session: Session, user_id: int, *which: ColumnElement[bool], but: str | None = None) -> int:
    where = [WebSession.user_id == user_id, *which, *_LIVES]
    if but:
        where.append(WebSession.id != but)
    ended = session.execute(update(WebSession).where(*where).values(revoked_at=now()).returning(WebSession.id))
    return len(ended.all())


def _living(store: Store, query: Select[tuple[WebSession, User]], value: str) -> Login | None:
    with store.database.reading() as session:
        found = session.execute(query, {"value": value}).one_or_none()
    if found is None:
        return None
    row, user = found
    moment = now()
    if row.seen_at < moment - SEEN_EVERY:
        with store.database.session() as session:
            session.execute(update(WebSession).where(WebSession.id == row.id).values(seen_at=moment))
    return Login(user, session_id=row.id)
