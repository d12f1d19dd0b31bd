"""Bills shown to others: to single people by their e-mail address, and to groups."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from billocr_assets.store.accounts.text import clean_email
from billocr_assets.store.bills import find_bill
from billocr_assets.store.errors import GrantNotFound, GroupNotFound, NotAllowed, PersonNotFound
from billocr_assets.store.schema import AuditEvent, Bill, Grant, GrantLevel, Group, GroupMember, User
from billocr_assets.store.store import Store


@dataclass(frozen=True, slots=True)
class Share:
    """One grant of a bill, to a person or to a group.

    Attributes:
        name: of the person or the group.
        email: of the person; None for a group.
    """

    id: int
    level: GrantLevel
    name: str
    email: str | None
    group_id: int | None


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str
    email: str | None


@dataclass(frozen=True, slots=True)
class GroupOf:
    """A group as its members see it.

    Attributes:
        own: the user made it, and so says who is in it.
        members: all of them, the user too, by name.
    """

    id: int
    name: str
    own: bool
    members: tuple[Person, ...]


def share_with_person(store: Store, user: User, bill_id: str, email: str, level: GrantLevel) -> Share:
    """Let somebody see or edit a bill of the user's own; once more changes the level.

    Raises:
        PersonNotFound: nobody here has this address, or it is the owner's.
        NotAllowed: the bill is somebody else's, or the user a demo user.
    """
    with store.database.session() as session:
        bill = _to_share(session, user, bill_id)
        receiver = _person(session, email)
        if receiver.id == bill.owner_id:
            raise PersonNotFound
        grant = _grant(session, user, bill, level, user_id=receiver.id)
        return Share(grant.id, grant.level, receiver.name, receiver.email, None)


def share_with_group(store: Store, user: User, bill_id: str, group_id: int, level: GrantLevel) -> Share:
    """Let all members of a group that the user is in, now and later, see or edit a bill of the user's own.

    Raises:
        GroupNotFound: there is no such group that the user is in.
        NotAllowed: the bill is somebody else's, or the user a demo user.
    """
    with store.database.session() as session:
        bill = _to_share(session, user, bill_id)
        group = _group(session, user, group_id)
        grant = _grant(session, user, bill, level, group_id=group.id)
        return Share(grant.id, grant.level, group.name, None, group.id)


def shares_of(store: Store, user: User, bill_id: str) -> list[Share]:
    """With whom a bill of the user's own is shared, by name."""
    query = (
        select(Grant.id, Grant.level, func.coalesce(User.name, Group.name), User.email, Grant.group_id)
        .outerjoin(User, User.id == Grant.user_id)
        .outerjoin(Group, Group.id == Grant.group_id)
    )
    with store.database.reading() as session:
        bill = find_bill(session, user, bill_id, "own")
        rows = session.execute(query.where(Grant.bill_id == bill.id)).all()
    return sorted((Share(*row) for row in rows), key=lambda share: (share.name.casefold(), share.id))


def revoke(store: Store, user: User, bill_id: str, grant_id: int) -> None:
    """End a grant of a bill of the user's own.

    Raises:
        GrantNotFound: the bill has none with this id.
    """
    with store.database.session() as session:
        bill = find_bill(session, user, bill_id, "own", lock=True)
        grant = session.scalar(select(Grant).where(Grant.id == grant_id, Grant.bill_id == bill.id))
        if grant is None:
            raise GrantNotFound
        session.delete(grant)
        session.add(AuditEvent(who=user.id, what="revoke", bill=bill.id, detail=_receiver(grant)))


def leave_bill(store: Store, user: User, bill_id: str) -> None:
    """Give up what others have granted the user themself on a bill; what a group of theirs may, stays.

    Raises:
        GrantNotFound: nothing is granted to the user alone.
    """
    with store.database.session() as session:
        bill = find_bill(session, user, bill_id)
        gone = session.execute(delete(Grant).where(Grant.bill_id == bill.id, Grant.user_id == user.id))
        if not gone.rowcount:  # type: ignore[attr-defined]
            raise GrantNotFound
        session.add(AuditEvent(who=user.id, what="leave", bill=bill.id, detail={}))


def create_group(store: Store, user: User, name: str) -> int:
    """Make a group whose first member is the user; its id.

    Raises:
        NotAllowed: demo users have none.
    """
    _refuse_demo(user)
    with store.database.session() as session:
        group = Group(name=_clean(name), owner_id=user.id)
        session.add(group)
        session.flush()
        session.add(GroupMember(group_id=group.id, user_id=user.id))
        return group.id


def groups_of(store: Store, user: User) -> list[GroupOf]:
    """The groups that the user is in, by name."""
    mine = select(GroupMember.group_id).where(GroupMember.user_id == user.id)
    with store.database.reading() as session:
        groups = session.scalars(select(Group).where(Group.id.in_(mine))).all()
        members = session.execute(
            select(GroupMember.group_id, User.id, User.name, User.email)
            .join(User, User.id == GroupMember.user_id)
            .where(GroupMember.group_id.in_(mine))
        ).all()
    people: dict[int, list[Person]] = {}
    for group_id, *person in members:
        people.setdefault(group_id, []).append(Person(*person))
    found = [
        GroupOf(
            group.id,
            group.name,
            group.owner_id == user.id,
            tuple(sorted(people[group.id], key=lambda person: (person.name.casefold(), person.id))),
        )
        for group in groups
    ]
    return sorted(found, key=lambda group: (group.name.casefold(), group.id))


def rename_group(store: Store, user: User, group_id: int, name: str) -> None:
    """Give a group of the user's own another name."""
    with store.database.session() as session:
        _group(session, user, group_id, own=True).name = _clean(name)


def delete_group(store: Store, user: User, group_id: int) -> None:
    """End a group of the user's own, and with it what is shared with it."""
    with store.database.session() as session:
        session.delete(_group(session, user, group_id, own=True))
        session.add(AuditEvent(who=user.id, what="delete_group", detail={"group": group_id}))


def add_member(store: Store, user: User, group_id: int, email: str) -> None:
    """Take somebody into a group of the user's own: they see what is shared with it.

    Raises:
        PersonNotFound: nobody here has this address.
        NotAllowed: the user is in the group, but it is somebody else's.
    """
    with store.database.session() as session:
        group = _group(session, user, group_id, own=True)
        member = _person(session, email)
        session.merge(GroupMember(group_id=group.id, user_id=member.id))
        session.add(AuditEvent(who=user.id, what="add_member", detail={"group": group.id, "user": member.id}))


def remove_member(store: Store, user: User, group_id: int, member_id: int) -> None:
    """Take somebody out of a group of the user's own, or oneself out of any; its owner stays.

    Raises:
        PersonNotFound: there is no such member.
        NotAllowed: the group is somebody else's, or the member its owner.
    """
    with store.database.session() as session:
        group = _group(session, user, group_id, own=member_id != user.id)
        if member_id == group.owner_id:
            raise NotAllowed("The owner of a group cannot leave it. Delete the group instead.", "group_owner")
        key = (GroupMember.group_id == group.id, GroupMember.user_id == member_id)
        if not session.execute(delete(GroupMember).where(*key)).rowcount:  # type: ignore[attr-defined]
            raise PersonNotFound
        session.add(AuditEvent(who=user.id, what="remove_member", detail={"group": group.id, "user": member_id}))


def _refuse_demo(user: User) -> None:
    if user.kind == "demo":
        raise NotAllowed("Sharing comes with an account of your own.", "demo")


def _to_share(session: Session, user: User, bill_id: str) -> Bill:
    # Under the bill's lock two grants to one receiver come one after the other.
    bill = find_bill(session, user, bill_id, "own", lock=True)
    _refuse_demo(user)
    return bill


def _person(session: Session, email: str) -> User:
    who = session.scalar(select(User).where(User.email == clean_email(email), User.status == "active"))
    if who is None:
        raise PersonNotFound
    return who


def _group(session: Session, user: User, group_id: int, own: bool = False) -> Group:
    member = select(GroupMember.user_id).where(GroupMember.group_id == Group.id, GroupMember.user_id == user.id)
    query = select(Group).where(Group.id == group_id, or_(Group.owner_id == user.id, member.exists()))
    group = session.scalar(query.with_for_update(of=Group))
    if group is None:
        raise GroupNotFound
    if own and group.owner_id != user.id:
        raise NotAllowed("Only the owner of this group can do that.", "not_group_owner")
    return group


def _grant(session: Session, user: User, bill: Bill, level: GrantLevel, **receiver: int) -> Grant:
    grant = session.scalar(select(Grant).filter_by(bill_id=bill.id, **receiver))
    if grant is None:
        grant = Grant(bill_id=bill.id, **receiver)
        session.add(grant)
    grant.level, grant.granted_by = level, user.id
    session.add(AuditEvent(who=user.id, what="share", bill=bill.id, detail={**receiver, "level": level}))
    session.flush()
    return grant


def _receiver(grant: Grant) -> dict[str, int]:
    return {"user_id": grant.user_id} if grant.user_id else {"group_id": grant.group_id or 0}


def _clean(name: str) -> str:
    return " ".join("".join(c for c in name if c.isprintable()).split())[:255] or "Group"
