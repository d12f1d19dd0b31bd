"""Who may come in: users, passwords, login sessions, API tokens, invitations, identities of providers, demo users.

Of secrets only hashes are kept. A login, however it was made, ends at once when its user is disabled or expires.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
import secrets
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, case, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billocr_assets.settings import OidcProvider
from billocr_assets.store import quotas
from billocr_assets.store.errors import (
    AccountNotFound,
    AccountRefused,
    MissingScope,
    NotAllowed,
    TooManyTries,
    WrongCredentials,
)
from billocr_assets.store.schema import (
    ApiToken,
    AuditEvent,
    Bill,
    Grant,
    Identity,
    Invitation,
    QuotaHold,
    RateCount,
    Role,
    UsageMonth,
    UsageNow,
    User,
    UserStatus,
    WebSession,
    new_id,
    now,
)
from billocr_assets.store.store import Store
from billocr_assets.store.trash import empty_trash

Scope = Literal["bills:read", "bills:write"]

PASSWORD_CHARACTERS = (12, 256)
TRIES, TRIES_WITHIN = 10, timedelta(minutes=15)
SIGN_UPS, SIGN_UPS_WITHIN = 10, timedelta(hours=1)
SESSION_IDLE, SESSION_LIFE = timedelta(days=7), timedelta(days=30)
INVITATION_LIFE = timedelta(days=7)
TOKEN_DAYS = 366
DEMO_LIFE, DEMOS_PER_ADDRESS = timedelta(hours=24), 5
# When a session or token was used last is written this seldom: reading a page must not wait for a writer.
_SEEN_EVERY = timedelta(minutes=5)
_ROLES: tuple[Role, ...] = get_args(Role)

_hasher = PasswordHasher()  # Argon2id with 64 MiB and 3 passes (RFC 9106)
# So much memory each must not be multiplied by as many requests as come.
_hashing = threading.BoundedSemaphore(2)


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


# ---------------------------------------------------------------------------------------------------------- passwords


def log_in(store: Store, email: str, password: str, address: str | None, agent: str | None) -> str:
    """Open a login session; returns the token for the browser's cookie, which is kept nowhere else.

    Raises:
        TooManyTries: for this account or from this address, within ``TRIES_WITHIN``.
        WrongCredentials: no account, wrong password, disabled: one answer after the same work.
    """
    email = clean_email(email)
    keys = (f"login:address:{_network(address)}", _account_key(email))
    with store.database.session() as session:
        for key in keys:
            _take(session, key, TRIES, TRIES_WITHIN)
        user = session.scalar(select(User).where(User.email == email))
    good = _password_is(user.password_hash if user else None, password)
    if user is None or not good or user.status != "active":
        raise WrongCredentials
    assert user.password_hash is not None
    renewed = _hash(password) if _hasher.check_needs_rehash(user.password_hash) else None
    with store.database.session() as session:
        # The right password clears the account, but of the address only this try: it may be guessing at others too.
        session.execute(update(RateCount).where(RateCount.key == keys[0]).values(count=RateCount.count - 1))
        session.execute(delete(RateCount).where(RateCount.key == keys[1]))
        if renewed:
            unchanged = (User.id == user.id, User.password_hash == user.password_hash)
            session.execute(update(User).where(*unchanged).values(password_hash=renewed))
        return _new_session(session, user, address, agent)


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
        raise NotAllowed("This user logs in without a password.")
    with store.database.session() as session:
        _take(session, key := _account_key(user.email or str(user.id)), TRIES, TRIES_WITHIN)
        known = session.scalar(select(User.password_hash).where(User.id == user.id))
    if known is not None and not _password_is(known, current):
        raise WrongCredentials
    hashed = _checked_hash(new, user.email)
    with store.database.session() as session:
        session.execute(delete(RateCount).where(RateCount.key == key))
        session.execute(update(User).where(User.id == user.id).values(password_hash=hashed))
        _end_sessions(session, user.id, but=login.session_id)
        _audit(session, user, "password_changed")


def clean_email(email: str) -> str:
    """An address as it is kept and compared."""
    return _clean(unicodedata.normalize("NFKC", email), 320).lower()


def _hash(password: str) -> str:
    with _hashing:
        return _hasher.hash(_password_bytes(password))


def _checked_hash(password: str, email: str | None) -> str:
    least, most = PASSWORD_CHARACTERS
    if len(password) < least:
        raise AccountRefused("weak_password", f"A password needs at least {least} characters. A few words do well.")
    if len(password) > most:
        raise AccountRefused("weak_password", f"A password has at most {most} characters.")
    if len(set(password)) < 4 or (email and password.casefold() == email):
        raise AccountRefused("weak_password", "This password is too easy to guess. Please choose another.")
    return _hash(password)


def _password_is(hashed: str | None, password: str) -> bool:
    with _hashing:
        try:
            _hasher.verify(hashed or _nobodys_hash(), _password_bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


@cache
def _nobodys_hash() -> str:
    # An address without an account costs the same work as one that has one.
    return _hasher.hash(secrets.token_bytes(16))


def _password_bytes(password: str) -> bytes:
    # The same keys give other code points on other systems.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _account_key(email: str) -> str:
    return f"login:account:{hashlib.sha256(email.encode()).hexdigest()}"


def _take(session: Session, key: str, limit: int, within: timedelta) -> None:
    """Count a try, if that makes at most ``limit`` since the first; the rest of the transaction happens only then.

    One statement, so any number at once are counted one after the other.

    Raises:
        TooManyTries: the limit is reached.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    moment = now()
    statement = insert(RateCount).values(key=key, since=moment, count=1)
    over = RateCount.since <= moment - within
    statement = statement.on_conflict_do_update(
        index_elements=[RateCount.key],
        set_={
            "count": case((over, 1), else_=RateCount.count + 1),
            "since": case((over, statement.excluded.since), else_=RateCount.since),
        },
        where=or_(over, RateCount.count < limit),
    )
    if session.scalar(statement.returning(RateCount.count)) is None:
        since = session.scalar(select(RateCount.since).where(RateCount.key == key)) or moment
        raise TooManyTries(max(1, math.ceil((since + within - moment).total_seconds())))


def _network(address: str | None) -> str:
    """What one client has for itself: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    # A server that listens for both kinds sees IPv4 addresses so.
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


# ----------------------------------------------------------------------------------------------------------- sessions


def open_session(store: Store, user: User, address: str | None, agent: str | None) -> str:
    """A login session for somebody whom a provider vouches for, or who has just signed up; returns its token."""
    with store.database.session() as session:
        return _new_session(session, user, address, agent)


def login_by_cookie(store: Store, token: str) -> Login | None:
    """Whose cookie this is, while the session lives."""
    return _living(store, WebSession.token_hash == _digest(token))


def login_by_session(store: Store, session_id: str) -> Login | None:
    """Whose session this is, while it lives. The id comes from our own middleware, never from a client."""
    return _living(store, WebSession.id == session_id)


def sessions_of(store: Store, user: User) -> Sequence[WebSession]:
    """The user's living login sessions, the last used first."""
    with store.database.reading() as session:
        query = select(WebSession).where(WebSession.user_id == user.id, *_lives())
        return session.scalars(query.order_by(WebSession.seen_at.desc())).all()


def end_session(store: Store, user: User, session_id: str) -> None:
    """Log out one of the user's own sessions.

    Raises:
        AccountNotFound: it does not live, or is somebody else's.
    """
    with store.database.session() as session:
        if not _end_sessions(session, user.id, WebSession.id == session_id):
            raise AccountNotFound("login session")


def end_sessions(store: Store, user: User, but: str | None = None) -> int:
    """Log out everywhere, except in the session ``but``; returns from how many places."""
    with store.database.session() as session:
        return _end_sessions(session, user.id, but=but)


def _new_session(session: Session, user: User, address: str | None, agent: str | None) -> str:
    token = secrets.token_urlsafe(32)
    expires = now() + SESSION_LIFE
    session.add(
        WebSession(
            token_hash=_digest(token),
            user_id=user.id,
            address=_clean(address or "", 64) or None,
            agent=_clean(agent or "", 255) or None,
            expires_at=min(expires, user.expires_at) if user.expires_at else expires,
        )
    )
    return token


def _living(store: Store, which: ColumnElement[bool]) -> Login | None:
    query = select(WebSession, User).join(User, User.id == WebSession.user_id).where(which, *_lives(), *_may_enter())
    with store.database.reading() as session:
        found = session.execute(query).one_or_none()
    if found is None:
        return None
    row, user = found
    moment = now()
    if row.seen_at < moment - _SEEN_EVERY:
        with store.database.session() as session:
            session.execute(update(WebSession).where(WebSession.id == row.id).values(seen_at=moment))
    return Login(user, session_id=row.id)


def _lives() -> tuple[ColumnElement[bool], ...]:
    moment = now()
    return (
        WebSession.revoked_at.is_(None),
        WebSession.expires_at > moment,
        WebSession.seen_at > moment - SESSION_IDLE,
    )


def _may_enter() -> tuple[ColumnElement[bool], ...]:
    return User.status == "active", or_(User.expires_at.is_(None), User.expires_at > now())


def _end_sessions(session: Session, user_id: int, *which: ColumnElement[bool], but: str | None = None) -> int:
    where = [WebSession.user_id == user_id, *which, *_lives()]
    if but:
        where.append(WebSession.id != but)
    ended = session.execute(update(WebSession).where(*where).values(revoked_at=now()).returning(WebSession.id))
    return len(ended.all())


# ------------------------------------------------------------------------------------------------------------- tokens


def create_token(store: Store, user: User, name: str, scopes: Sequence[str], days: int) -> tuple[ApiToken, str]:
    """A key for programs and its secret, ``bo_<prefix>_<secret>``, which is never to be seen again.

    Args:
        days: until it expires, 1 to ``TOKEN_DAYS``.

    Raises:
        NotAllowed: demo users have none.
        AccountRefused: ``bad_token``: no such scope, or another number of days.
    """
    if user.kind == "demo":
        raise NotAllowed("Demo users have no API tokens. Please sign up for an account.")
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
        name=_clean(name, 255) or "token",
        prefix=prefix,
        token_hash=_digest(secret),
        scopes=chosen,
        expires_at=now() + timedelta(days=days),
    )
    with store.database.session() as session:
        session.add(token)
        _audit(session, user, "token_created", token=token.id, name=token.name, scopes=chosen)
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
        _audit(session, user, "token_revoked", token=token_id)


def login_by_token(store: Store, secret: str) -> Login | None:
    """Whose API token this is, while it is good."""
    moment = now()
    good = (
        ApiToken.token_hash == _digest(secret),
        ApiToken.revoked_at.is_(None),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > moment),
    )
    query = select(ApiToken, User).join(User, User.id == ApiToken.user_id).where(*good, *_may_enter())
    with store.database.reading() as session:
        found = session.execute(query).one_or_none()
    if found is None:
        return None
    token, user = found
    if token.used_at is None or token.used_at < moment - _SEEN_EVERY:
        with store.database.session() as session:
            session.execute(update(ApiToken).where(ApiToken.id == token.id).values(used_at=moment))
    return Login(user, scopes=frozenset(token.scopes))


# -------------------------------------------------------------------------------------------------------------- users


def sign_up(
    store: Store, email: str, name: str, password: str, address: str | None, invitation: str | None = None
) -> User:
    """A new account for whoever asks, where the installation allows it or they hold an invitation.

    Raises:
        NotAllowed: sign-up is closed, or the invitation is used, expired or for another address.
        AccountRefused: ``bad_email``, ``email_taken``, ``weak_password``.
        TooManyTries: from this address.
    """
    mode = store.settings.sign_up
    if mode == "closed" or (mode == "invitation" and not invitation):
        raise NotAllowed("Signing up needs an invitation here. Please ask the people who run this installation.")
    email = _checked_email(email)
    with store.database.session() as session:
        _take(session, f"sign_up:address:{_network(address)}", SIGN_UPS, SIGN_UPS_WITHIN)
    hashed = _checked_hash(password, email)
    with store.database.session() as session:
        role = _use_invitation(session, invitation, email) if invitation else "user"
        user = _add_user(session, email, name, role, hashed)
        _audit(session, user, "account_created")
        return user


def create_user(store: Store, by: User, email: str, name: str, password: str, role: Role = "user") -> User:
    """An account made by an admin.

    Raises:
        NotAllowed: ``by`` is no admin.
        AccountRefused: as in :func:`sign_up`.
    """
    require_role(by, "admin")
    email = _checked_email(email)
    hashed = _checked_hash(password, email)
    with store.database.session() as session:
        user = _add_user(session, email, name, role, hashed)
        _audit(session, by, "account_created", user=user.id, role=role)
        return user


def invite(store: Store, by: User, email: str | None = None, role: Role = "user") -> str:
    """What an invitation's link holds; good once, for ``INVITATION_LIFE``, and for this address where one is given.

    Raises:
        NotAllowed: ``by`` is no admin.
        AccountRefused: ``bad_email``, ``email_taken``.
    """
    require_role(by, "admin")
    address = _checked_email(email) if email else None
    token = secrets.token_urlsafe(24)
    with store.database.session() as session:
        if address and session.scalar(select(User.id).where(User.email == address)):
            raise _email_taken()
        session.add(
            Invitation(
                token_hash=_digest(token),
                email=address,
                role=role,
                invited_by=by.id,
                expires_at=now() + INVITATION_LIFE,
            )
        )
        _audit(session, by, "invited", email=address, role=role)
    return token


def invited_email(store: Store, invitation: str) -> tuple[bool, str | None]:
    """Whether an invitation is good, and the address that it is for."""
    with store.database.reading() as session:
        found = session.scalar(select(Invitation).where(*_good_invitation(invitation)))
    return found is not None, found.email if found else None


def list_users(store: Store, by: User) -> Sequence[User]:
    """Everybody, the newest first; for operators and admins."""
    require_role(by, "operator")
    with store.database.reading() as session:
        return session.scalars(select(User).order_by(User.id.desc())).all()


def user_by_email(store: Store, by: User, email: str) -> User:
    """The account with this address, for admins.

    Raises:
        AccountNotFound: there is none.
    """
    require_role(by, "admin")
    with store.database.reading() as session:
        user = session.scalar(select(User).where(User.email == clean_email(email)))
    if user is None:
        raise AccountNotFound
    return user


def has_accounts(store: Store) -> bool:
    """Whether there is anybody who could log in."""
    with store.database.reading() as session:
        return session.scalar(select(User.id).where(User.kind == "account").limit(1)) is not None


def set_role(store: Store, by: User, user_id: int, role: Role) -> None:
    """Make somebody user, operator or admin.

    Raises:
        NotAllowed: ``by`` is no admin, or would change themselves, or a demo user.
        AccountNotFound: there is no such user.
    """
    with store.database.session() as session:
        user = _someone_else(session, by, user_id)
        if user.kind != "account":
            raise NotAllowed("Only an account can be given a role.")
        _audit(session, by, "role_changed", user=user.id, before=user.role, after=role)
        user.role = role


def set_status(store: Store, by: User, user_id: int, status: UserStatus) -> None:
    """Let somebody in again, or keep them out: a disabled user's sessions end, and their tokens do nothing.

    Raises:
        NotAllowed, AccountNotFound: as in :func:`set_role`.
    """
    with store.database.session() as session:
        user = _someone_else(session, by, user_id)
        user.status = status
        if status == "disabled":
            _end_sessions(session, user.id)
        _audit(session, by, f"user_{status}", user=user.id)


def reset_password(store: Store, by: User, user_id: int, password: str) -> None:
    """Give somebody a new password; all their login sessions end.

    Raises:
        NotAllowed, AccountNotFound: as in :func:`set_role`.
        AccountRefused: ``weak_password``.
    """
    require_role(by, "admin")
    hashed = _checked_hash(password, None)
    with store.database.session() as session:
        user = _someone_else(session, by, user_id)
        if user.kind != "account":
            raise NotAllowed("Only an account has a password.")
        user.password_hash = hashed
        _end_sessions(session, user.id)
        session.execute(delete(RateCount).where(RateCount.key == _account_key(user.email or str(user.id))))
        _audit(session, by, "password_reset", user=user.id)


def set_training_consent(store: Store, user: User, consent: bool) -> None:
    """Whether the user's corrections may be learned from.

    Raises:
        NotAllowed: a demo user's never are.
    """
    if user.kind == "demo" and consent:
        raise NotAllowed("Corrections of demo users are never learned from.")
    with store.database.session() as session:
        session.execute(update(User).where(User.id == user.id).values(training_consent=consent))
        _audit(session, user, "training_consent", consent=consent)


def set_profile(store: Store, user: User, name: str, language: str | None) -> None:
    """The user's own name and the language of their pages; None is the browser's."""
    with store.database.session() as session:
        values = {"name": _clean(name, 255) or user.name, "language": _clean(language or "", 8) or None}
        session.execute(update(User).where(User.id == user.id).values(**values))


def delete_user(store: Store, user: User, heir: User | None = None) -> None:
    """Remove a user with everything that is theirs; what others own stays. The audit trail keeps no name.

    May be repeated: what an interruption left is removed by the next call.

    Args:
        heir: gets the bills instead of their being removed, with whom they are shared.

    Raises:
        NotAllowed: the one user of a machine without accounts.
    """
    if user.kind == "local":
        raise NotAllowed("The local user cannot be deleted.")
    with store.database.session() as session:
        session.execute(update(User).where(User.id == user.id).values(status="disabled"))
        _end_sessions(session, user.id)
    while True:
        if heir is None:
            with store.database.session() as session:
                left = update(Bill).where(Bill.owner_id == user.id, Bill.trashed_at.is_(None))
                session.execute(left.values(trashed_at=now()))
            empty_trash(store, user)
        with store.database.session() as session:
            # Nothing is uploaded for the user while their row is locked.
            session.scalar(select(User.id).where(User.id == user.id).with_for_update())
            if heir is not None:
                _hand_over(session, user, heir)
            elif session.scalar(select(Bill.id).where(Bill.owner_id == user.id).limit(1)):
                continue  # an upload came in between
            uploaded = select(AuditEvent.bill).where(AuditEvent.who == user.id, AuditEvent.what == "upload")
            theirs = or_(AuditEvent.who == user.id, AuditEvent.bill.in_(uploaded))
            session.execute(update(AuditEvent).where(theirs).values(detail={}))
            # In the order in which uploads take them, or one that ends now and this would wait for each other.
            session.execute(delete(QuotaHold).where(QuotaHold.user_id == user.id))
            session.execute(delete(UsageMonth).where(UsageMonth.user_id == user.id))
            session.execute(delete(UsageNow).where(UsageNow.user_id == user.id))
            session.execute(delete(User).where(User.id == user.id))
            session.add(AuditEvent(what="account_deleted", detail={"user": user.id, "kind": user.kind}))
            return


def remove_user(store: Store, by: User, user_id: int, heir_id: int | None = None) -> None:
    """Delete somebody else's account; their bills go with it, or to another user.

    Raises:
        NotAllowed: ``by`` is no admin, or it is their own account.
        AccountNotFound: there is no such user, or no such heir.
    """
    with store.database.session() as session:
        user = _someone_else(session, by, user_id)
        heir = session.get(User, heir_id) if heir_id is not None else None
        if heir_id is not None and (heir is None or heir_id == user_id):
            raise AccountNotFound
        _audit(session, by, "account_removed", user=user_id, heir=heir_id)
    delete_user(store, user, heir)


def _hand_over(session: Session, user: User, heir: User) -> None:
    bills = session.scalars(select(Bill).where(Bill.owner_id == user.id).order_by(Bill.id).with_for_update()).all()
    for bill in bills:
        bill.owner_id = heir.id
        session.execute(delete(Grant).where(Grant.bill_id == bill.id, Grant.user_id == heir.id))
        session.add(AuditEvent(who=heir.id, what="inherit", bill=bill.id, detail={}))
    session.flush()
    quotas.inherit(session, heir, sum(bill.bytes for bill in bills))


def has_role(user: User, role: Role) -> bool:
    """Whether the user is this or more: user, operator, admin."""
    return _ROLES.index(user.role) >= _ROLES.index(role)


def require_role(user: User, role: Role) -> None:
    """Raises :class:`NotAllowed` for a user who is less than ``role``."""
    if not has_role(user, role):
        raise NotAllowed(f"This is for {role}s. Please ask one of them.")


def _someone_else(session: Session, by: User, user_id: int) -> User:
    require_role(by, "admin")
    if user_id == by.id:  # so there is always an admin left
        raise NotAllowed("Admins cannot do this to themselves. Please ask another admin.")
    user = session.get(User, user_id, with_for_update=True)
    if user is None or user.kind == "local":
        raise AccountNotFound
    return user


def _add_user(session: Session, email: str | None, name: str, role: Role, hashed: str | None) -> User:
    name = _clean(name, 255) or (email or "user").partition("@")[0]
    user = User(name=name, email=email, role=role, password_hash=hashed)
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        raise _email_taken() from error
    return user


def _email_taken() -> AccountRefused:
    return AccountRefused("email_taken", "There is an account with this e-mail address already. Please log in.")


def _checked_email(email: str) -> str:
    email = clean_email(email)
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]+", email):
        raise AccountRefused("bad_email", "This is no e-mail address. It looks like name@example.org.")
    return email


def _good_invitation(invitation: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Invitation.token_hash == _digest(invitation),
        Invitation.used_at.is_(None),
        Invitation.expires_at > now(),
    )


def _use_invitation(session: Session, invitation: str, email: str | None) -> Role:
    good = (*_good_invitation(invitation), or_(Invitation.email.is_(None), Invitation.email == email))
    role = session.scalar(update(Invitation).where(*good).values(used_at=now()).returning(Invitation.role))
    if role is None:
        raise NotAllowed("This invitation is used, expired or meant for another address. Please ask for a new one.")
    return role


# ---------------------------------------------------------------------------------------------------------- providers


def login_by_provider(
    store: Store,
    provider: OidcProvider,
    subject: str,
    email: str | None,
    name: str,
    invitation: str | None = None,
    link_to: User | None = None,
) -> User:
    """The user whom an OIDC provider vouches for, made or linked where the settings allow it.

    Args:
        email: only if the provider has verified it.
        link_to: the logged-in user who asked to be known by this provider as well.

    Raises:
        NotAllowed: the user is disabled, or unknown here and may not sign up.
        AccountRefused: ``email_taken``, or ``identity_taken`` by another user than ``link_to``.
    """
    email = clean_email(email) if email else None
    subject = subject[:255]
    with store.database.session() as session:
        store.database.in_order(session)  # two answers for a new subject must not make two users
        known = (Identity.issuer == provider.issuer, Identity.subject == subject)
        user = session.scalar(select(User).join(Identity, Identity.user_id == User.id).where(*known))
        if user is None:
            user = _by_new_identity(session, store, provider, email, name, invitation, link_to)
            session.add(Identity(user_id=user.id, issuer=provider.issuer, subject=subject))
            _audit(session, user, "identity_linked", issuer=provider.issuer)
        elif link_to is not None and link_to.id != user.id:
            raise AccountRefused("identity_taken", f"Another user here logs in with this {provider.title} account.")
        if user.status != "active":
            raise NotAllowed("This account is disabled. Please ask an admin.")
        return user


def _by_new_identity(
    session: Session,
    store: Store,
    provider: OidcProvider,
    email: str | None,
    name: str,
    invitation: str | None,
    link_to: User | None,
) -> User:
    if link_to is not None:
        return link_to
    taken = session.scalar(select(User).where(User.email == email)) if email else None
    if taken and provider.link_by_email:
        return taken
    role: Role = "user"
    if invitation and store.settings.sign_up != "closed":
        role = _use_invitation(session, invitation, email)
    elif not provider.sign_up:
        raise NotAllowed("You have no account here yet. Please ask the people who run this installation.")
    if taken:
        raise AccountRefused(
            "email_taken",
            "There is an account with your e-mail address already. "
            f"Log in with its password, then add {provider.title} on the account page.",
        )
    user = _add_user(session, email, name, role, None)
    _audit(session, user, "account_created", issuer=provider.issuer)
    return user


# --------------------------------------------------------------------------------------------------------------- demo


def create_demo_user(store: Store, address: str | None) -> User:
    """Somebody who tries Bill OCR out, for ``DEMO_LIFE`` and within small quotas.

    Raises:
        NotAllowed: there is no demo here, or as many as may be are trying it.
        TooManyTries: from this address.
    """
    most = store.settings.demo_users
    if not most:
        raise NotAllowed("There is no demo here.")
    with store.database.session() as session:
        store.database.in_order(session)  # what is counted here is still so at the end
        _take(session, f"demo:address:{_network(address)}", DEMOS_PER_ADDRESS, DEMO_LIFE)
        if (session.scalar(select(func.count()).where(User.kind == "demo")) or 0) >= most:
            raise NotAllowed("All demo places are taken. Please try again in a few hours.")
        user = User(name="Demo", kind="demo", expires_at=now() + DEMO_LIFE)
        session.add(user)
        session.flush()
        _audit(session, user, "account_created", kind="demo")
        return user


def remove_expired(store: Store) -> int:
    """Delete demo users whose time is over, with their files, and what else has ended; returns how many users."""
    moment = now()
    with store.database.reading() as session:
        users = session.scalars(select(User).where(User.kind == "demo", User.expires_at <= moment)).all()
    for user in users:
        delete_user(store, user)
    with store.database.session() as session:
        ended = or_(WebSession.expires_at <= moment, WebSession.revoked_at <= moment - timedelta(days=7))
        session.execute(delete(WebSession).where(ended))
        session.execute(delete(Invitation).where(Invitation.expires_at <= moment - timedelta(days=7)))
        session.execute(delete(RateCount).where(RateCount.since <= moment - 2 * DEMO_LIFE))
    return len(users)


# ------------------------------------------------------------------------------------------------------------- shared


def _digest(secret: str) -> str:
    # Our secrets are 32 random bytes: nobody guesses them, so a fast hash is enough.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _clean(text: str, limit: int) -> str:
    """Text without control characters, which databases refuse and terminals obey."""
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", kept).strip()[:limit]


def _audit(session: Session, who: User, what: str, **detail: object) -> None:
    session.add(AuditEvent(who=who.id, what=what, detail=detail))
