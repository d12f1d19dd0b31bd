"""Links by which one person may sign up."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from billocr_assets.store.accounts.audit import record
from billocr_assets.store.accounts.hashes import digest
from billocr_assets.store.accounts.roles import require_role
from billocr_assets.store.accounts.text import checked_email
from billocr_assets.store.errors import EmailTaken, NotAllowed
from billocr_assets.store.schema import Invitation, Role, User, now
from billocr_assets.store.store import Store

INVITATION_LIFE = timedelta(days=7)


def invite(store: Store, by: User, email: str | None = None, role: Role = "user") -> str:
    """What an invitation's link holds; good once, for ``INVITATION_LIFE``, and for this address where one is given.

    Raises:
        NotAllowed: ``by`` is no admin.
        AccountRefused: ``bad_email``, ``email_taken``.
    """
    require_role(by, "admin")
    address = checked_email(email) if email else None
    token = secrets.token_urlsafe(24)
    with store.database.session() as session:
        if address and session.scalar(select(User.id).where(User.email == address)):
            raise EmailTaken
        session.add(
            Invitation(
                token_hash=digest(token),
                email=address,
                role=role,
                invited_by=by.id,
                expires_at=now() + INVITATION_LIFE,
            )
        )
        record(session, by, "invited", email=address, role=role)
    return token


def invited_email(store: Store, invitation: str) -> tuple[bool, str | None]:
    """Whether an invitation is good, and the address that it is for."""
    with store.database.reading() as session:
        found = session.scalar(select(Invitation).where(*_good_invitation(invitation)))
    return found is not None, found.email if found else None


def use_invitation(session: Session, invitation: str, email: str | None) -> Role:
    good = (*_good_invitation(invitation), or_(Invitation.email.is_(None), Invitation.email == email))
    role = session.scalar(update(Invitation).where(*good).values(used_at=now()).returning(Invitation.role))
    if role is None:
        raise NotAllowed(
            "This invitation is used, expired or meant for another address. Please ask for a new one.", "invitation"
        )
    return role


def _good_invitation(invitation: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Invitation.token_hash == digest(invitation),
        Invitation.used_at.is_(None),
        Invitation.expires_at > now(),
    )
