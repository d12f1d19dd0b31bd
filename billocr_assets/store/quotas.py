"""How much a user may use, enforced where rows are written, so that no two uploads at once pass one free place.

An upload takes its places by updates that only happen while there is room, and notes what it took in a hold. The hold
is settled once, when the first reading has ended: charged if there is a result, given back if there is none. Reading
again, backfills and corrections take nothing. Locks are taken in one order, hold, month, now: else two would wait for
each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from billocr_assets.store.errors import AccountNotFound, QuotaExceeded
from billocr_assets.store.schema import Attempt, Base, Bill, Plan, QuotaHold, UsageMonth, UsageNow, User, now
from billocr_assets.store.store import Store

NAMES = ("bills_per_month", "storage_bytes", "bills_in_flight", "max_file_bytes", "max_pages")
# Of a user to whom nobody has given a plan.
PLANS = {"local": "unlimited", "account": "standard", "demo": "demo"}

Limits = dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Use:
    """How far a limit is used.

    Attributes:
        limit: None for as much as one likes.
        used: None for limits of a single file.
        resets_at: when ``used`` begins anew by itself; None where it does not.
    """

    limit: int | None
    used: int | None
    resets_at: datetime | None = None


def limits_of(session: Session, user: User) -> Limits:
    """Name of each limit to what holds for the user, their own before their plan's; None is no limit.

    Raises:
        AccountNotFound: the user has been deleted.
    """
    found = session.scalar(select(User).where(User.id == user.id))
    if found is None:
        raise AccountNotFound
    chosen = Plan.id == found.plan_id if found.plan_id else Plan.name == PLANS[found.kind]
    plan = session.scalars(select(Plan).where(chosen)).one()
    return {name: getattr(plan, name) for name in NAMES} | {name: found.limits.get(name) for name in found.limits}


def usage(store: Store, user: User) -> dict[str, Use]:
    """Name of each limit to how far it is used, for the account page."""
    with store.database.reading() as session:
        limits = limits_of(session, user)
        used = _used(session, user)
    door = {"max_file_bytes": store.settings.max_upload_mb * 2**20, "max_pages": store.settings.max_pages}
    for name, most in door.items():
        limits[name] = min(limits[name] or most, most)
    return {
        name: Use(limits[name], used.get(name), _renewal() if name == "bills_per_month" else None) for name in NAMES
    }


def check(session: Session, user: User, size: int, pages: int) -> None:
    """Refuse an upload of so many bytes and pages that has no chance, before it costs anything.

    Whether there is room is decided by :func:`reserve`.

    Raises:
        QuotaExceeded: a limit is reached.
    """
    limits = limits_of(session, user)
    used = _used(session, user) | {"max_file_bytes": 0, "max_pages": 0}
    more = {"bills_per_month": 1, "storage_bytes": size, "bills_in_flight": 1}
    _refuse(limits, used, {"max_file_bytes": size, "max_pages": pages} | more)


def reserve(session: Session, user: User, key: str, size: int) -> None:
    """Take the places of an upload, in the transaction that writes its bill; the same key again takes nothing.

    Args:
        key: the bill's id.
        size: bytes of the file.

    Raises:
        QuotaExceeded: a limit is reached. The caller's transaction ends with it.
    """
    month = f"{now():%Y-%m}"
    if not _insert(session, QuotaHold, key=key, user_id=user.id, month=month, bytes=size):
        return
    limits = limits_of(session, user)
    _insert(session, UsageMonth, user_id=user.id, month=month, bills=0)
    _insert(session, UsageNow, user_id=user.id, bytes=0, in_flight=0)
    this_month = (UsageMonth.user_id == user.id, UsageMonth.month == month)
    bills = UsageMonth.bills + 1
    while not _update(session, UsageMonth, *this_month, _within(bills, limits["bills_per_month"]), bills=bills):
        # Goes on only if a place has become free since the update.
        _refuse(limits, _used(session, user), {"bills_per_month": 1})
    kept, in_flight = UsageNow.bytes + size, UsageNow.in_flight + 1
    room = _within(kept, limits["storage_bytes"]), _within(in_flight, limits["bills_in_flight"])
    while not _update(session, UsageNow, UsageNow.user_id == user.id, *room, bytes=kept, in_flight=in_flight):
        _refuse(limits, _used(session, user), {"storage_bytes": size, "bills_in_flight": 1})


def settle(session: Session, key: str, charged: bool) -> None:
    """End the hold of an upload: charged, or given back to the month it was taken from. Only the first end counts."""
    state = "committed" if charged else "released"
    ended = update(QuotaHold).where(QuotaHold.key == key, QuotaHold.state == "held").values(state=state)
    hold = session.execute(ended.returning(QuotaHold.user_id, QuotaHold.month)).first()
    if hold is None:
        return
    if not charged:
        this_month = (UsageMonth.user_id == hold.user_id, UsageMonth.month == hold.month)
        _update(session, UsageMonth, *this_month, bills=UsageMonth.bills - 1)
    _update(session, UsageNow, UsageNow.user_id == hold.user_id, in_flight=UsageNow.in_flight - 1)


def forget(session: Session, bill: Bill) -> None:
    """Give back what a bill that is being removed takes: its bytes, but not its place in the month."""
    settle(session, bill.id, charged=True)
    session.execute(delete(QuotaHold).where(QuotaHold.key == bill.id))
    _update(session, UsageNow, UsageNow.user_id == bill.owner_id, bytes=UsageNow.bytes - bill.bytes)


def inherit(session: Session, heir: User, size: int) -> None:
    """Let the bytes of bills that change hands count for their new owner, whatever the limits."""
    _insert(session, UsageNow, user_id=heir.id, bytes=0, in_flight=0)
    _update(session, UsageNow, UsageNow.user_id == heir.id, bytes=UsageNow.bytes + size)


def sweep(store: Store, older_than: timedelta) -> int:
    """Settle holds of uploads that nothing reads any more, as their bills stand; how many.

    Every end of a reading settles its hold, so these are left by something that ended from outside.
    """
    reading = exists().where(Attempt.bill_id == QuotaHold.key, Attempt.state == "open")
    lost = select(QuotaHold.key).where(QuotaHold.state == "held", QuotaHold.created_at < now() - older_than, ~reading)
    with store.database.reading() as session:
        keys = session.scalars(lost).all()
    for key in keys:
        with store.database.session() as session:
            # Under the bill's lock no attempt is opened or ends.
            session.scalar(select(Bill.id).where(Bill.id == key).with_for_update())
            states = session.scalars(select(Attempt.state).where(Attempt.bill_id == key)).all()
            if "open" not in states:
                settle(session, key, charged="done" in states)
    return len(keys)


def _renewal() -> datetime:
    today = now()
    return datetime(today.year + today.month // 12, today.month % 12 + 1, 1, tzinfo=UTC)


def _used(session: Session, user: User) -> dict[str, int]:
    month = select(UsageMonth.bills).where(UsageMonth.user_id == user.id, UsageMonth.month == f"{now():%Y-%m}")
    current = session.execute(
        select(UsageNow.bytes, UsageNow.in_flight).where(UsageNow.user_id == user.id)
    ).one_or_none() or (0, 0)
    return {
        "bills_per_month": session.scalar(month) or 0,
        "storage_bytes": current[0],
        "bills_in_flight": current[1],
    }


def _refuse(limits: Limits, used: dict[str, int], wanted: dict[str, int]) -> None:
    for name, more in wanted.items():
        limit = limits[name]
        if limit is not None and used[name] + more > limit:
            raise QuotaExceeded(name, used[name], limit, more, _renewal() if name == "bills_per_month" else None)


def _within(value: Any, limit: int | None) -> ColumnElement[bool]:
    return true() if limit is None else value <= limit


def _insert(session: Session, table: type[Base], **values: Any) -> bool:
    """Insert a row unless its key is there; of any number of callers at once, one inserts."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    done = session.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _update(session: Session, table: type[Base], *where: ColumnElement[bool], **values: Any) -> bool:
    query = update(table).where(*where).values(**values)
    done = session.execute(query.execution_options(synchronize_session=False))
    return bool(done.rowcount)  # type: ignore[attr-defined]
