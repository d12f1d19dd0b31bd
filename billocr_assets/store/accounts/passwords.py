"""Logging in by password, and changing it."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import delete, select, update

from billocr_assets.store.accounts.audit import record
from billocr_assets.store.accounts.hashes import checked_hash, password_is, renewed_hash
from billocr_assets.store.accounts.rates import network, take
from billocr_assets.store.accounts.roles import require_role
from billocr_assets.store.accounts.sessions import Login, end_living, new_session
from billocr_assets.store.accounts.text import clean_email
from billocr_assets.store.accounts.users import someone_else
from billocr_assets.store.errors import LoginTooOld, MissingScope, NotAllowed, WrongCredentials
from billocr_assets.store.schema import RateCount, User, WebSession, now
from billocr_assets.store.store import Store

TRIES, TRIES_WITHIN = 10, timedelta(minutes=15)
# Who has no password proves by so young a login that it is still them at the browser.
FRESH = timedelta(minutes=10)


def log_in(store: Store, email: str, password: str, address: str | None, agent: str | None) -> str:
    """Open a login session; returns the token for the browser's cookie, which is kept nowhere else.

    Raises:
        TooManyTries: for this account or from this address, within ``TRIES_WITHIN``.
        WrongCredentials: no account, wrong password, disabled: one answer after the same work.
    """
    email = clean_email(email)
    keys = (f"login:address:{network(address)}", _account_key(email))
    with store.database.session() as session:
        for key in keys:
            take(session, key, TRIES, TRIES_WITHIN)
        user = session.scalar(select(User).where(User.email == email))
    good = password_is(user.password_hash if user else None, password)
    if user is None or not good or user.status != "active":
        with store.database.session() as session:
            # Not the address that was typed: it may be a password in the wrong place.
            record(session, user, "login_failed", by="password", address=network(address))
        raise WrongCredentials
    assert user.password_hash is not None
    renewed = renewed_hash(user.password_hash, password)
    with store.database.session() as session:
        # The right password clears the account, but of the address only this try: it may be guessing at others too.
        session.execute(update(RateCount).where(RateCount.key == keys[0]).values(count=RateCount.count - 1))
        session.execute(delete(RateCount).where(RateCount.key == keys[1]))
        if renewed:
            unchanged = (User.id == user.id, User.password_hash == user.password_hash)
            session.execute(update(User).where(*unchanged).values(password_hash=renewed))
        record(session, user, "login", by="password", address=network(address))
        return new_session(session, user, address, agent)


def change_password(store: Store, login: Login, current: str, new: str) -> None:
    """Set the user's own password and end all their other login sessions.

    Raises:
        TooManyTries, WrongCredentials: as in :func:`log_in`; a user without a password needs no ``current`` one.
        AccountRefused: ``weak_password``.
    """
    user = login.user
    if login.session_id is None:
        raise MissingScope(None)
    if user.kind != "account":
        raise NotAllowed("This user logs in without a password.", "no_password")
    _check_password(store, user, current)
    hashed = checked_hash(new, user.email)
    with store.database.session() as session:
        session.execute(update(User).where(User.id == user.id).values(password_hash=hashed))
        end_living(session, user.id, but=login.session_id)
        record(session, user, "password_changed")


def confirm(store: Store, login: Login, password: str) -> None:
    """Have whoever is logged in prove that it is them, before something that cannot be taken back.

    Raises:
        MissingScope: this is a program.
        TooManyTries, WrongCredentials: as in :func:`log_in`.
        LoginTooOld: an account without a password whose login is older than ``FRESH``.
    """
    if login.session_id is None:
        raise MissingScope(None)
    if _check_password(store, login.user, password) or login.user.kind != "account":
        return
    with store.database.reading() as session:
        since = session.scalar(select(WebSession.created_at).where(WebSession.id == login.session_id))
    if since is None or since < now() - FRESH:
        raise LoginTooOld


def reset_password(store: Store, by: User, user_id: int, password: str) -> None:
    """Give somebody a new password; all their login sessions end.

    Raises:
        NotAllowed, AccountNotFound: as in :func:`users.set_role`.
        AccountRefused: ``weak_password``.
    """
    require_role(by, "admin")
    hashed = checked_hash(password, None)
    with store.database.session() as session:
        user = someone_else(session, by, user_id)
        if user.kind != "account":
            raise NotAllowed("Only an account has a password.", "no_password")
        user.password_hash = hashed
        end_living(session, user.id)
        session.execute(delete(RateCount).where(RateCount.key == _account_key(user.email or str(user.id))))
        record(session, by, "password_reset", user=user.id)


def _check_password(store: Store, user: User, password: str) -> bool:
    """Whether the user has a password; it must be this one then."""
    with store.database.session() as session:
        take(session, key := _account_key(user.email or str(user.id)), TRIES, TRIES_WITHIN)
        known = session.scalar(select(User.password_hash).where(User.id == user.id))
    if known is not None and not password_is(known, password):
        raise WrongCredentials
    with store.database.session() as session:
        session.execute(delete(RateCount).where(RateCount.key == key))
    return known is not None


def _account_key(email: str) -> str:
    return f"login:account:{hashlib.sha256(email.encode()).hexdigest()}"
