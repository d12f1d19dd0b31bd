"""For operators and admins: people and their plans, bills that could not be read, the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from billocr_assets.store import administration
from billocr_assets.store.accounts import invitations, passwords, users
from billocr_assets.store.schema import Role, User, UserKind, UserStatus
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import BillId, Name, Person, Text, TheStore

router = APIRouter(prefix="/admin", tags=["admin"])

Id = Annotated[int, Path(ge=1, lt=2**31)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Size = Annotated[int, Field(ge=0, lt=2**62)]
Email = Annotated[Text, Field(max_length=320, examples=["mia@example.org"])]


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    email: str | None
    role: Role
    kind: UserKind
    status: UserStatus
    limits: dict[str, int | None] = Field(description="Limits of their own, which come before the plan's.")
    expires_at: datetime | None
    created_at: datetime


class UserEntry(UserOut):
    plan: str
    bills: int = Field(description="How many they keep.")


class NewUser(BaseModel):
    email: Email
    name: Name
    password: Annotated[SecretStr, Field(max_length=1024)]
    role: Role = "user"


class UserChange(BaseModel):
    """What is left out or null stays as it is."""

    role: Role | None = None
    status: UserStatus | None = None
    password: Annotated[SecretStr, Field(max_length=1024)] | None = None


class Limits(BaseModel):
    """Null: as much as they like."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")

    bills_per_month: Count | None = None
    storage_bytes: Size | None = None
    bills_in_flight: Count | None = None
    max_file_bytes: Size | None = None
    max_pages: Count | None = None


class PlanOut(Limits):
    name: str


class PlanGiven(BaseModel):
    plan: Annotated[Text, Field(max_length=64)] | None = Field(None, description="Null: the one of their kind.")
    limits: Limits = Field(
        default_factory=Limits, description="Their own, before the plan's; what is left out is the plan's."
    )


class Invitation(BaseModel):
    email: Email | None = Field(None, description="The one address that it is good for.")
    role: Role = "user"


class InvitationMade(BaseModel):
    invitation: str = Field(description="Lets one person sign up; shown this one time.")


class FailedBill(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    owner: str
    stage: str | None
    why: str | None
    when: datetime


class AuditEntry(BaseModel):
    id: int
    who: str | None = Field(description="Null for the machinery, and for somebody who has left.")
    what: str
    bill: str | None
    when: datetime
    detail: dict[str, Any]


class AuditSlice(BaseModel):
    events: list[AuditEntry] = Field(description="Newest first.")
    next_before: int | None = Field(description="`before` of the next slice; null at the end.")


@router.get("/users")
def list_users(store: TheStore, user: Person) -> list[UserEntry]:
    """Everybody, newest first."""
    return [
        UserEntry(**_user(entry.user).model_dump(), plan=entry.plan, bills=entry.bills)
        for entry in administration.users_overview(store, user)
    ]


@router.post("/users", status_code=201)
def create_user(store: TheStore, user: Person, body: NewUser) -> UserOut:
    """Make an account for somebody."""
    return _user(users.create_user(store, user, body.email, body.name, body.password.get_secret_value(), body.role))


@router.patch("/users/{user_id}", status_code=204, responses=responses(404))
def change_user(store: TheStore, user: Person, user_id: Id, body: UserChange) -> None:
    """Give somebody a role or a new password, keep them out or let them in again."""
    if body.role is not None:
        users.set_role(store, user, user_id, body.role)
    if body.password is not None:
        passwords.reset_password(store, user, user_id, body.password.get_secret_value())
    if body.status is not None:
        users.set_status(store, user, user_id, body.status)


@router.put("/users/{user_id}/plan", status_code=204, responses=responses(404))
def set_plan(store: TheStore, user: Person, user_id: Id, body: PlanGiven) -> None:
    """Give somebody a plan, and limits of their own."""
    administration.set_plan(store, user, user_id, body.plan, body.limits.model_dump(exclude_unset=True))


@router.post("/invitations", status_code=201)
def create_invitation(store: TheStore, user: Person, body: Invitation) -> InvitationMade:
    """Let somebody sign up."""
    return InvitationMade(invitation=invitations.invite(store, user, body.email, body.role))


@router.get("/plans")
def list_plans(store: TheStore, user: Person) -> list[PlanOut]:
    """All plans, by name."""
    return [PlanOut.model_validate(plan) for plan in administration.plans(store, user)]


@router.put("/plans/{name}")
def save_plan(
    store: TheStore, user: Person, name: Annotated[Text, Path(min_length=1, max_length=64)], body: Limits
) -> PlanOut:
    """Make a plan, or change the one of this name."""
    return PlanOut.model_validate(administration.save_plan(store, user, name, body.model_dump()))


@router.get("/failed-bills")
def list_failed_bills(
    store: TheStore, user: Person, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> list[FailedBill]:
    """Bills that could not be read, whoever's they are, without what is on them; latest first."""
    return [FailedBill.model_validate(bill) for bill in administration.failed_bills(store, user, limit)]


@router.post("/failed-bills/{bill_id}/retry", status_code=204, responses=responses(404))
def retry_failed_bill(store: TheStore, user: Person, bill_id: BillId) -> None:
    """Have a bill that could not be read read once more."""
    administration.retry_failed(store, user, bill_id)


@router.get("/audit")
def list_audit_events(
    store: TheStore,
    user: Person,
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditSlice:
    """Who did what."""
    found = administration.audit_log(store, user, before, limit + 1)
    events = [
        AuditEntry(id=event.id, who=name, what=event.what, bill=event.bill, when=event.when, detail=event.detail)
        for event, name in found[:limit]
    ]
    return AuditSlice(events=events, next_before=events[-1].id if len(found) > limit else None)


def _user(user: User) -> UserOut:
    return UserOut.model_validate(user)
