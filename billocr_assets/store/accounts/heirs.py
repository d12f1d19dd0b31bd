"""Bills that change hands."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from billocr_assets.store import quotas
from billocr_assets.store.accounts.roles import require_role
from billocr_assets.store.errors import AccountNotFound, NotAllowed
from billocr_assets.store.schema import AuditEvent, Bill, Grant, User
from billocr_assets.store.store import Store


def adopt_bills(store: Store, by: User, user_id: int) -> int:
    """Give an account the bills from before there were accounts, the trash included; returns how many.

    Raises:
        NotAllowed: ``by`` is no admin, or the user has no account.
        AccountNotFound: there is no such user.
    """
    require_role(by, "admin")
    with store.database.session() as session:
        local = session.scalars(select(User).where(User.kind == "local")).one()
        heir = session.get(User, user_id)
        if heir is None:
            raise AccountNotFound
        if heir.kind != "account":
            raise NotAllowed("Only an account can have them.", "no_account")
        bills, size = hand_over(session, local, heir)
        quotas.inherit(session, local, -size)
        return bills


def hand_over(session: Session, user: User, heir: User) -> tuple[int, int]:
    """Make all bills of a user another's; returns how many, and their bytes, which count for the heir from now on."""
    bills = session.scalars(select(Bill).where(Bill.owner_id == user.id).order_by(Bill.id).with_for_update()).all()
    for bill in bills:
        bill.owner_id = heir.id
        session.execute(delete(Grant).where(Grant.bill_id == bill.id, Grant.user_id == heir.id))
        session.add(AuditEvent(who=heir.id, what="inherit", bill=bill.id, detail={}))
    session.flush()
    size = sum(bill.bytes for bill in bills)
    quotas.inherit(session, heir, size)
    return len(bills), size
