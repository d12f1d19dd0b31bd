"""Bills shown to others, and the groups that they are shared with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from billocr_assets.store import sharing
from billocr_assets.store.schema import GrantLevel
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import BillId, Caller, Name, Person, Text, TheStore

router = APIRouter(tags=["sharing"])

Id = Annotated[int, Path(ge=1, lt=2**31)]
Email = Annotated[Text, Field(max_length=320, examples=["mia@example.org"])]


class Share(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    level: GrantLevel
    name: str = Field(description="Of the person or the group.")
    email: str | None = Field(description="Of the person; null for a group.")
    group_id: int | None


class NewShare(BaseModel):
    """With whom: one of `email` and `group_id`."""

    level: GrantLevel = "view"
    email: Email | None = None
    group_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None

    @model_validator(mode="after")
    def _one_receiver(self) -> NewShare:
        if (self.email is None) == (self.group_id is None):
            raise ValueError("give either email or group_id")
        return self


class Member(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    email: str | None


class Group(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    own: bool = Field(description="You made it, and so say who is in it.")
    members: list[Member]


class NewGroup(BaseModel):
    name: Name


class GroupMade(BaseModel):
    id: int


class NewMember(BaseModel):
    email: Email


@router.get("/bills/{bill_id}/shares", responses=responses(404))
def list_shares(store: TheStore, user: Caller, bill_id: BillId) -> list[Share]:
    """With whom a bill of yours is shared."""
    return [Share.model_validate(each) for each in sharing.shares_of(store, user, bill_id)]


@router.post("/bills/{bill_id}/shares", status_code=201, responses=responses(404))
def share_bill(store: TheStore, user: Caller, bill_id: BillId, body: NewShare) -> Share:
    """Let a person or a group see or edit a bill of yours; once more changes the level."""
    if body.email is not None:
        made = sharing.share_with_person(store, user, bill_id, body.email, body.level)
    else:
        assert body.group_id is not None
        made = sharing.share_with_group(store, user, bill_id, body.group_id, body.level)
    return Share.model_validate(made)


@router.delete("/bills/{bill_id}/shares/mine", status_code=204, responses=responses(404))
def leave_bill(store: TheStore, user: Caller, bill_id: BillId) -> None:
    """Give up what was granted to you alone; what a group of yours may, stays."""
    sharing.leave_bill(store, user, bill_id)


@router.delete("/bills/{bill_id}/shares/{share_id}", status_code=204, responses=responses(404))
def revoke_share(store: TheStore, user: Caller, bill_id: BillId, share_id: Id) -> None:
    """End a share of a bill of yours."""
    sharing.revoke(store, user, bill_id, share_id)


@router.get("/groups")
def list_groups(store: TheStore, user: Person) -> list[Group]:
    """The groups that you are in."""
    return [Group.model_validate(group) for group in sharing.groups_of(store, user)]


@router.post("/groups", status_code=201)
def create_group(store: TheStore, user: Person, body: NewGroup) -> GroupMade:
    """Make a group; you are its first member."""
    return GroupMade(id=sharing.create_group(store, user, body.name))


@router.patch("/groups/{group_id}", status_code=204, responses=responses(404))
def rename_group(store: TheStore, user: Person, group_id: Id, body: NewGroup) -> None:
    """Give a group of yours another name."""
    sharing.rename_group(store, user, group_id, body.name)


@router.delete("/groups/{group_id}", status_code=204, responses=responses(404))
def delete_group(store: TheStore, user: Person, group_id: Id) -> None:
    """End a group of yours, and with it what is shared with it."""
    sharing.delete_group(store, user, group_id)


@router.post("/groups/{group_id}/members", status_code=204, responses=responses(404))
def add_member(store: TheStore, user: Person, group_id: Id, body: NewMember) -> None:
    """Take somebody into a group of yours."""
    sharing.add_member(store, user, group_id, body.email)


@router.delete("/groups/{group_id}/members/{member_id}", status_code=204, responses=responses(404))
def remove_member(store: TheStore, user: Person, group_id: Id, member_id: Id) -> None:
    """Take somebody out of a group of yours, or yourself out of any."""
    sharing.remove_member(store, user, group_id, member_id)
