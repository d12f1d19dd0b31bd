"""Users: how they come to be, and what they and admins set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billocr_assets.store.accounts.audit import record
from billocr_assets.store.accounts.hashes import checked_hash
from billocr_assets.store.accounts.invitations import use_invitation
from billocr_assets.store.accounts.rates import network, take
from billocr_assets.store.accounts.roles import require_role
from billocr_assets.store.accounts.sessions import end_living
from billocr_assets.store.accounts.text import checked_email, clean, clean_email
from billocr_assets.store.errors import AccountNotFound, EmailTaken, NotAllowed
from billocr_assets.store.schema import Role, User, UserStatus
from billocr_assets.store.store import Store

SIGN_UPS, SIGN_UPS_WITHIN = 10, timedelta(hours=1)


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
        raise NotAllowed(
            "Signing up needs an invitation here. Please ask the people who run this installation.", "closed"
        )
    email = checked_email(email)
    with store.database.session() as session:
        take(session, f"sign_up:address:{network(address)}", SIGN_UPS, SIGN_UPS_WITHIN)
    hashed = checked_hash(password, email)
    with store.database.session() as session:
        role = use_invitation(session, invitation, email) if invitation else "user"
        user = add_user(session, email, name, role, hashed)
        record(session, user, "account_created")
        return user


def create_user(store: Store, by: User, email: str, name: str, password: str, role: Role = "user") -> User:
    """An account made by an admin.

    Raises:
        NotAllowed: ``by`` is no admin.
        AccountRefused: as in :func:`sign_up`.
    """
    require_role(by, "admin")
    email = checked_email(email)
    hashed = checked_hash(password, email)
    with store.database.session() as session:
        user = add_user(session, email, name, role, hashed)
        record(session, by, "account_created", user=user.id, role=role)
        return user


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
        user = someone_else(session, by, user_id)
        if user.kind != "account":
            raise NotAllowed("Only an account can be given a role.", "no_account")
        record(session, by, "role_changed", user=user.id, before=user.role, after=role)
        user.role = role


def set_status(store: Store, by: User, user_id: int, status: UserStatus) -> None:
    """Let somebody in again, or keep them out: a disabled user's sessions end, and their tokens do nothing.

    Raises:
        NotAllowed, AccountNotFound: as in :func:`set_role`.
    """
    with store.database.session() as session:
        user = someone_else(session, by, user_id)
        user.status = status
        if status == "disabled":
            end_living(session, user.id)
        record(session, by, f"user_{status}", user=user.id)


def set_training_consent(store: Store, user: User, consent: bool) -> None:
    """Whether the user's corrections may be learned from.

    Raises:
        NotAllowed: a demo user's never are.
    """
    if user.kind == "demo" and consent:
        raise NotAllowed("Corrections of demo users are never learned from.", "demo_training")
    with store.database.session() as session:
        session.execute(update(User).where(User.id == user.id).values(training_consent=consent))
        record(session, user, "training_consent", consent=consent)


def set_profile(store: Store, user: User, name: str, language: str | None) -> None:
    """The user's own name and the language of their pages; None is the browser's."""
    with store.database.session() as session:
        values = {"name": clean(name, 255) or user.name, "language": clean(language or "", 8) or None}
        session.execute(update(User).where(User.id == user.id).values(**values))


def add_user(session: Session, email: str | None, name: str, role: Role, hashed: str | None) -> User:
    name = clean(name, 255) or (email or "user").partition("@")[0]
    user = User(name=name, email=email, role=role, password_hash=hashed)
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        raise EmailTaken from error
    return user


def someone_else(session: Session, by: User, user_id: int) -> User:
    require_role(by, "admin")
    if user_id == by.id:  # so there is always an admin left
        raise NotAllowed("Admins cannot do this to themselves. Please ask another admin.", "themselves")
    user = session.get(User, user_id, with_for_update=True)
    if user is None or user.kind == "local":
        raise AccountNotFound
    return user
