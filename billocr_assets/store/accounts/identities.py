"""Logging in by OIDC providers: a user is known by issuer and subject."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from billocr_assets.settings import OidcProvider
from billocr_assets.store.accounts.audit import record
from billocr_assets.store.accounts.invitations import use_invitation
from billocr_assets.store.accounts.text import clean_email
from billocr_assets.store.accounts.users import add_user
from billocr_assets.store.errors import AccountNotFound, AccountRefused, BillError, NotAllowed
from billocr_assets.store.schema import Identity, Role, User
from billocr_assets.store.store import Store


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
    try:
        return _known_or_new(store, provider, subject, email, name, invitation, link_to)
    except BillError as refusal:
        if link_to is None:
            with store.database.session() as session:
                record(session, None, "login_failed", by=provider.issuer, why=refusal.code)
        raise


def _known_or_new(
    store: Store,
    provider: OidcProvider,
    subject: str,
    email: str | None,
    name: str,
    invitation: str | None,
    link_to: User | None,
) -> User:
    email = clean_email(email) if email else None
    subject = subject[:255]
    with store.database.session() as session:
        store.database.in_order(session)  # two answers for a new subject must not make two users
        known = (Identity.issuer == provider.issuer, Identity.subject == subject)
        user = session.scalar(select(User).join(Identity, Identity.user_id == User.id).where(*known))
        if user is None:
            user = _by_new_identity(session, store, provider, email, name, invitation, link_to)
            session.add(Identity(user_id=user.id, issuer=provider.issuer, subject=subject))
            record(session, user, "identity_linked", issuer=provider.issuer)
        elif link_to is not None and link_to.id != user.id:
            raise AccountRefused("identity_taken", f"Another user here logs in with this {provider.title} account.")
        if user.status != "active":
            raise NotAllowed("This account is disabled. Please ask an admin.", "disabled")
        if link_to is None:
            record(session, user, "login", by=provider.issuer)
        return user


def identities_of(store: Store, user: User) -> Sequence[Identity]:
    """The providers' logins that the user is known by, the oldest first."""
    with store.database.reading() as session:
        return session.scalars(select(Identity).where(Identity.user_id == user.id).order_by(Identity.id)).all()


def remove_identity(store: Store, user: User, identity_id: int) -> None:
    """Have the user known by one of their providers no more.

    Raises:
        AccountNotFound: there is none, or it is somebody else's.
        AccountRefused: ``last_login``: nothing would be left to log in with.
    """
    with store.database.session() as session:
        store.database.in_order(session)  # of the last two, removed at once, one stays
        user = session.get_one(User, user.id)
        mine = {each.id: each for each in session.scalars(select(Identity).where(Identity.user_id == user.id))}
        if (removed := mine.pop(identity_id, None)) is None:
            raise AccountNotFound("login")
        # One of a provider that this installation no longer asks opens nothing.
        asked = {provider.issuer for provider in store.settings.providers}
        if user.password_hash is None and not any(each.issuer in asked for each in mine.values()):
            raise AccountRefused("last_login", "This is your only way to log in. Please set a password first.")
        session.delete(removed)
        record(session, user, "identity_removed", issuer=removed.issuer)


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
        role = use_invitation(session, invitation, email)
    elif not provider.sign_up:
        raise NotAllowed("You have no account here yet. Please ask the people who run this installation.", "unknown")
    if taken:
        raise AccountRefused(
            "email_taken",
            "There is an account with your e-mail address already. "
            f"Log in with its password, then add {provider.title} on the account page.",
        )
    user = add_user(session, email, name, role, None)
    record(session, user, "account_created", issuer=provider.issuer)
    return user
