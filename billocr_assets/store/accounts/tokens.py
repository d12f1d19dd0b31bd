"""Keys for programs."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, get_args

from sqlalchemy import or_, select, update

from billocr_assets.store.accounts.audit import record
from billocr_assets.store.accounts.hashes import digest
from billocr_assets.store.accounts.sessions import MAY_ENTER, SEEN_EVERY, Login
from billocr_assets.store.accounts.text import clean
from billocr_assets.store.errors import AccountNotFound, AccountRefused, NotAllowed
from billocr_assets.store.schema import ApiToken, User, new_id, now
from billocr_assets.store.store import Store

Scope = Literal["bills:read", "bills:write"]

TOKEN_DAYS = 366


def create_token(store: Store, user: User, name: str, scopes: Sequence[str], days: int) -> tuple[ApiToken, str]:
    """A key for programs and its secret, ``bo_<prefix>_<secret>``, which is never to be seen again.

    Args:
        days: until it expires, 1 to ``TOKEN_DAYS``.

    Raises:
        NotAllowed: demo users have none.
        AccountRefused: ``bad_token``: no such scope, or another number of days.
    """
    if user.kind == "demo":
        raise NotAllowed("Demo users have no API tokens. Please sign up for an account.", "demo")
    chosen = [scope for scope in get_args(Scope) if scope in scopes]
    if not chosen or set(scopes) - set(chosen):
        raise AccountRefused("bad_token", f"A token has one or more of the scopes {', '.join(get_args(Scope))}.")
    if not 1 <= days <= TOKEN_DAYS:
        raise AccountRefused("bad_token", f"A token lasts for 1 to {TOKEN_DAYS} days.")
    prefix = secrets.token_hex(4)
    secret = f"bo_{prefix}_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        id=new_id(),
        user_id=user.id,
        name=clean(name, 255) or "token",
        prefix=prefix,
        token_hash=digest(secret),
        scopes=chosen,
        expires_at=now() + timedelta(days=days),
    )
    with store.database.session() as session:
        session.add(token)
        record(session, user, "token_created", token=token.id, name=token.name, scopes=chosen)
    return token, secret


def tokens_of(store: Store, user: User) -> Sequence[ApiToken]:
    """The user's tokens that have not been revoked, expired ones included, the newest first."""
    with store.database.reading() as session:
        query = select(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
        return session.scalars(query.order_by(ApiToken.id.desc())).all()


def revoke_token(store: Store, user: User, token_id: str) -> None:
    """End one of the user's own tokens.

    Raises:
        AccountNotFound: there is none, or it is somebody else's.
    """
    with store.database.session() as session:
        mine = (ApiToken.id == token_id, ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
        if not session.scalar(update(ApiToken).where(*mine).values(revoked_at=now()).returning(ApiToken.id)):
            raise AccountNotFound("token")
        record(session, user, "token_revoked", token=token_id)


def login_by_token(store: Store, secret: str) -> Login | None:
    """Whose API token this is, while it is good."""
    moment = now()
    good = (
        ApiToken.token_hash == digest(secret),
        ApiToken.revoked_at.is_(None),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > moment),
    )
    query = select(ApiToken, User).join(User, User.id == ApiToken.user_id).where(*good, *MAY_ENTER)
    with store.database.reading() as session:
        found = session.execute(query).one_or_none()
    if found is None:
        return None
    token, user = found
    if token.used_at is None or token.used_at < moment - SEEN_EVERY:
        with store.database.session() as session:
            session.execute(update(ApiToken).where(ApiToken.id == token.id).values(used_at=moment))
    return Login(user, scopes=frozenset(token.scopes))
