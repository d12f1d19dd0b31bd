"""Accounts that go, where their bills go, and what else has ended."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, or_, select, update

from billocr_assets.store.accounts.audit import record
from billocr_assets.store.accounts.demo import DEMO_LIFE
from billocr_assets.store.accounts.heirs import hand_over
from billocr_assets.store.accounts.passwords import confirm
from billocr_assets.store.accounts.sessions import Login, end_living
from billocr_assets.store.accounts.users import someone_else
from billocr_assets.store.errors import AccountNotFound, NotAllowed
from billocr_assets.store.schema import (
    AuditEvent,
    Bill,
    Invitation,
    QuotaHold,
    RateCount,
    UsageMonth,
    UsageNow,
    User,
    WebSession,
    now,
)
from billocr_assets.store.store import Store
from billocr_assets.store.trash import empty_trash

FAILED_LOGINS_KEPT = timedelta(days=90)


def delete_account(store: Store, login: Login, password: str) -> None:
    """Remove whoever is logged in, with everything that is theirs; they prove first that it is them.

    Raises:
        NotAllowed: the one user of a machine without accounts.
        MissingScope, TooManyTries, WrongCredentials, LoginTooOld: as in :func:`passwords.confirm`.
    """
    if login.user.kind != "local":
        confirm(store, login, password)
    delete_user(store, login.user)


def delete_user(store: Store, user: User, heir: User | None = None) -> None:
    """Remove a user with everything that is theirs; what others own stays. The audit trail keeps no name.

    May be repeated: what an interruption left is removed by the next call.

    Args:
        heir: gets the bills instead of their being removed, with whom they are shared.

    Raises:
        NotAllowed: the one user of a machine without accounts.
    """
    if user.kind == "local":
        raise NotAllowed("The local user cannot be deleted.", "local")
    with store.database.session() as session:
        session.execute(update(User).where(User.id == user.id).values(status="disabled"))
        end_living(session, user.id)
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
                hand_over(session, user, heir)
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
        user = someone_else(session, by, user_id)
        heir = session.get(User, heir_id) if heir_id is not None else None
        if heir_id is not None and (heir is None or heir_id == user_id):
            raise AccountNotFound
        record(session, by, "account_removed", user=user_id, heir=heir_id)
    delete_user(store, user, heir)


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
        # Whoever guesses at passwords must not fill the audit trail for good.
        guessed = (AuditEvent.what == "login_failed", AuditEvent.when <= moment - FAILED_LOGINS_KEPT)
        session.execute(delete(AuditEvent).where(*guessed))
        session.execute(delete(RateCount).where(RateCount.since <= moment - 2 * DEMO_LIFE))
    return len(users)
