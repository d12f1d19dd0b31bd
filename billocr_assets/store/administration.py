"""What operators and admins see and do: users and their plans, bills that could not be read, the audit trail.

Names, sizes and reasons only: the pictures and texts of other people's bills are not theirs to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from billocr_assets.store import quotas
from billocr_assets.store.accounts.roles import require_role
from billocr_assets.store.bills import open_attempt
from billocr_assets.store.errors import AccountNotFound, BillNotFound, InvalidLimit
from billocr_assets.store.schema import Attempt, AuditEvent, Bill, Plan, User
from billocr_assets.store.store import Store


@dataclass(frozen=True, slots=True)
class UserOverview:
    """A user with the plan that holds for them and how many bills they keep."""

    user: User
    plan: str
    bills: int


@dataclass(frozen=True, slots=True)
class FailedBill:
    """A bill that could not be read, without what is on it."""

    id: str
    name: str
    owner: str
    stage: str | None
    why: str | None
    when: datetime


def users_overview(store: Store, by: User) -> list[UserOverview]:
    """Everybody, the newest first; for operators and admins."""
    require_role(by, "operator")
    with store.database.reading() as session:
        names = {plan.id: plan.name for plan in session.scalars(select(Plan))}
        counts = {
            row[0]: row[1] for row in session.execute(select(Bill.owner_id, func.count()).group_by(Bill.owner_id))
        }
        users = session.scalars(select(User).order_by(User.id.desc())).all()
    return [
        UserOverview(user, names[user.plan_id] if user.plan_id else quotas.PLANS[user.kind], counts.get(user.id, 0))
        for user in users
    ]


def plans(store: Store, by: User) -> Sequence[Plan]:
    """All plans by name; for operators and admins."""
    require_role(by, "operator")
    with store.database.reading() as session:
        return session.scalars(select(Plan).order_by(Plan.name)).all()


def save_plan(store: Store, by: User, name: str, limits: Mapping[str, int | None]) -> Plan:
    """Make a plan, or change the one of this name; what is left out has no limit.

    Raises:
        NotAllowed: ``by`` is no admin.
        InvalidLimit: no such limit, or less than nothing.
    """
    require_role(by, "admin")
    _check(limits)
    with store.database.session() as session:
        store.database.in_order(session)
        plan = session.scalar(select(Plan).where(Plan.name == name))
        if plan is None:
            plan = Plan(name=name)
            session.add(plan)
        for limit in quotas.NAMES:
            setattr(plan, limit, limits.get(limit))
        session.add(AuditEvent(who=by.id, what="plan_saved", detail={"plan": name, "limits": dict(limits)}))
        return plan


def set_plan(store: Store, by: User, user_id: int, plan: str | None, limits: Mapping[str, int | None]) -> None:
    """Give somebody a plan (None: the one of their kind) and limits of their own, which come before the plan's.

    Raises:
        NotAllowed: ``by`` is no admin.
        AccountNotFound: there is no such user, or no such plan.
        InvalidLimit: no such limit, or less than nothing.
    """
    require_role(by, "admin")
    _check(limits)
    with store.database.session() as session:
        user = session.get(User, user_id, with_for_update=True)
        chosen = session.scalar(select(Plan).where(Plan.name == plan)) if plan else None
        if user is None or (plan and chosen is None):
            raise AccountNotFound("user" if user is None else "plan")
        user.plan_id, user.limits = chosen.id if chosen else None, dict(limits)
        session.add(
            AuditEvent(who=by.id, what="plan_given", detail={"user": user_id, "plan": plan, "limits": dict(limits)})
        )


def failed_bills(store: Store, by: User, limit: int = 200) -> list[FailedBill]:
    """Bills that could not be read, the latest first; for operators and admins."""
    require_role(by, "operator")
    query = (
        select(Bill, User.name)
        .join(User, User.id == Bill.owner_id)
        .where(Bill.status == "failed", Bill.trashed_at.is_(None))
        .order_by(Bill.updated_at.desc())
        .limit(limit)
    )
    with store.database.reading() as session:
        return [
            FailedBill(bill.id, bill.name, owner, bill.failed_stage, bill.failed_why, bill.updated_at)
            for bill, owner in session.execute(query)
        ]


def retry_failed(store: Store, by: User, bill_id: str) -> Attempt:
    """Ask for one more reading of anybody's bill that could not be read; while one is asked for already, that one.

    Raises:
        NotAllowed: ``by`` is neither operator nor admin.
        BillNotFound: there is none that has failed.
    """
    require_role(by, "operator")
    with store.database.session() as session:
        store.database.in_order(session)
        bill = session.scalar(select(Bill).where(Bill.id == bill_id, Bill.trashed_at.is_(None)).with_for_update())
        if bill is None:
            raise BillNotFound
        attempt = session.scalar(select(Attempt).where(Attempt.bill_id == bill.id, Attempt.state == "open"))
        if attempt is None:
            if bill.status != "failed":
                raise BillNotFound
            attempt = open_attempt(session, bill, "read_again")
            session.add(AuditEvent(who=by.id, what="retry", bill=bill.id, detail={"attempt": attempt.number}))
        return attempt


def audit_log(
    store: Store, by: User, before: int | None = None, limit: int = 100
) -> list[tuple[AuditEvent, str | None]]:
    """Who did what, the latest first, with the person's name while they are there; for admins.

    Args:
        before: id of the last event of the slice before.
    """
    require_role(by, "admin")
    query = select(AuditEvent, User.name).outerjoin(User, User.id == AuditEvent.who).order_by(AuditEvent.id.desc())
    if before is not None:
        query = query.where(AuditEvent.id < before)
    with store.database.reading() as session:
        return [(event, name) for event, name in session.execute(query.limit(limit))]


def _check(limits: Mapping[str, Any]) -> None:
    for name, value in limits.items():
        most = 2**62 if name.endswith("bytes") else 2**31
        if name not in quotas.NAMES or (value is not None and (type(value) is not int or not 0 <= value < most)):
            raise InvalidLimit(name)
