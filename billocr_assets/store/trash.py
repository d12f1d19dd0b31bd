"""The trash: a deleted bill lies there for 30 days and can be taken back, then it is removed for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select

from billocr_assets.store import quotas
from billocr_assets.store.bills import find_bill, upload_key, visible_bills
from billocr_assets.store.schema import AuditEvent, Bill, User, now
from billocr_assets.store.store import Store

KEPT = timedelta(days=30)


def delete_bill(store: Store, user: User, bill_id: str) -> None:
    """Move a bill of the user's own to the trash, where those it is shared with see it no more.

    A reading under way goes on, so that the bill is whole if it is restored.
    """
    with store.database.session() as session:
        bill = find_bill(session, user, bill_id, "own", lock=True)
        bill.trashed_at = now()
        session.add(AuditEvent(who=user.id, what="delete", bill=bill.id, detail={}))


def restore_bill(store: Store, user: User, bill_id: str) -> None:
    """Take a bill back out of the trash, shared with the same people as before."""
    with store.database.session() as session:
        bill = find_bill(session, user, bill_id, "own", lock=True, trash=True)
        bill.trashed_at = None
        session.add(AuditEvent(who=user.id, what="restore", bill=bill.id, detail={}))


def trashed_twin(store: Store, user: User, bill_id: str) -> Bill | None:
    """The bill in the user's trash with the same bytes as this one, which could be restored instead; the latest."""
    with store.database.reading() as session:
        bill = find_bill(session, user, bill_id)
        same = visible_bills(user, trash=True).where(Bill.sha256 == bill.sha256)
        return session.scalar(same.order_by(Bill.trashed_at.desc()).limit(1))


def remove_bill(store: Store, user: User, bill_id: str) -> None:
    """Remove a bill that lies in the trash for good; the audit trail stays."""
    with store.database.reading() as session:
        find_bill(session, user, bill_id, "own", trash=True)
    _remove(store, bill_id, user.id)


def empty_trash(store: Store, user: User) -> int:
    """Remove all bills in the user's trash for good; how many."""
    with store.database.reading() as session:
        ids = session.scalars(visible_bills(user, trash=True).with_only_columns(Bill.id)).all()
    return sum(_remove(store, bill_id, user.id) for bill_id in ids)


def sweep_trash(store: Store, limit: int = 100) -> int:
    """Remove bills that have lain in the trash for 30 days; how many."""
    with store.database.reading() as session:
        query = select(Bill.id).where(Bill.trashed_at < now() - KEPT).order_by(Bill.trashed_at).limit(limit)
        ids: Sequence[str] = session.scalars(query).all()
    return sum(_remove(store, bill_id, None) for bill_id in ids)


def _remove(store: Store, bill_id: str, who: int | None) -> bool:
    """Remove the bill with its readings and its objects, if it still lies in the trash."""
    with store.database.session() as session:
        store.database.in_order(session)  # removed_after() has a cursor over what is written here
        bill = session.scalar(select(Bill).where(Bill.id == bill_id).with_for_update())
        if bill is None or bill.trashed_at is None:
            return False
        session.add(AuditEvent(who=who, what="remove", bill=bill_id, detail={}))
        quotas.forget(session, bill)
        session.execute(delete(Bill).where(Bill.id == bill_id))
    # Rows first: an object without a row is only waste, a row without its object is an error.
    remove_objects(store, bill_id)
    return True


def removed_after(store: Store, cursor: int, limit: int) -> list[tuple[int, str]]:
    """Bills that were removed for good, in the order of the numbers before their ids, which are the cursor."""
    query = select(AuditEvent.id, AuditEvent.bill).where(AuditEvent.what == "remove", AuditEvent.id > cursor)
    with store.database.reading() as session:
        rows = session.execute(query.order_by(AuditEvent.id).limit(limit)).all()
    return [(number, bill_id) for number, bill_id in rows if bill_id]


def remove_objects(store: Store, bill_id: str) -> None:
    """Delete all objects of a bill that is gone."""
    store.objects.delete(upload_key(bill_id))
    for kind in ("pictures", "stages"):
        store.objects.delete_prefix(f"{kind}/{bill_id}")
