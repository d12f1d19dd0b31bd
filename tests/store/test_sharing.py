from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from billocr_assets.store import Store
from billocr_assets.store.bills import BillFilter, bill_and_level, bill_for, list_bills, read_again, register_upload
from billocr_assets.store.errors import BillNotFound, GrantNotFound, GroupNotFound, NotAllowed, PersonNotFound
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import AuditEvent, Bill, Group, User
from billocr_assets.store.sharing import (
    add_member,
    create_group,
    delete_group,
    groups_of,
    leave_bill,
    remove_member,
    rename_group,
    revoke,
    share_with_group,
    share_with_person,
    shares_of,
)
from billocr_assets.store.trash import delete_bill, restore_bill
from tests.files import encode, page
from tests.store.documents import document
from tests.store.people import add_user


@pytest.fixture
def ann(store: Store) -> User:
    return add_user(store, "ann")


@pytest.fixture
def ben(store: Store) -> User:
    return add_user(store, "ben")


@pytest.fixture
def cleo(store: Store) -> User:
    return add_user(store, "cleo")


@pytest.fixture
def upload(store: Store) -> Callable[[User], Bill]:
    seeds = iter(range(100))
    return lambda user: register_upload(store, user, f"{user.name}.png", encode(page(20, 20, seed=next(seeds)), "PNG"))


def seen(store: Store, user: User, **wanted: object) -> list[str]:
    return [bill.id for bill in list_bills(store, user, BillFilter(**wanted)).bills]  # type: ignore[arg-type]


def test_a_bill_that_is_shared_is_seen_by_that_person_alone(
    store: Store, ann: User, ben: User, cleo: User, upload: Callable[[User], Bill]
) -> None:
    shared, kept, own = upload(ann), upload(ann), upload(ben)
    share_with_person(store, ann, shared.id, " Ben@Example.org ", "view")
    assert seen(store, ben) == [own.id, shared.id]
    assert (seen(store, ben, whose="own"), seen(store, ben, whose="shared")) == ([own.id], [shared.id])
    assert (seen(store, ann, whose="own"), seen(store, ann, whose="shared")) == ([kept.id, shared.id], [])
    assert list_bills(store, ben).counts["received"] == 2
    assert seen(store, ben, search="ann.png") == [shared.id]
    assert bill_for(store, ben, shared.id).id == shared.id
    assert seen(store, cleo) == []
    for bill_id in (shared.id, kept.id):
        with pytest.raises(BillNotFound):
            bill_for(store, cleo, bill_id)
    with pytest.raises(BillNotFound):
        bill_for(store, ben, kept.id)


def test_who_may_see_a_bill_cannot_edit_it_and_who_may_edit_it_does_not_own_it(
    store: Store, ann: User, ben: User, cleo: User, upload: Callable[[User], Bill]
) -> None:
    bill = upload(ann)
    publish_result(store, begin_reading(store, [bill.id], "run", "upload")[bill.id], document("Milk"), {})
    share_with_person(store, ann, bill.id, "ben@example.org", "view")
    share_with_person(store, ann, bill.id, "cleo@example.org", "edit")
    with pytest.raises(NotAllowed, match="for viewing"):
        read_again(store, ben, bill.id)
    assert read_again(store, cleo, bill.id).number == 2
    for user in (ben, cleo):
        with pytest.raises(NotAllowed, match="Only the owner"):
            delete_bill(store, user, bill.id)
        with pytest.raises(NotAllowed, match="Only the owner"):
            share_with_person(store, user, bill.id, "ann@example.org", "edit")
        with pytest.raises(NotAllowed, match="Only the owner"):
            shares_of(store, user, bill.id)
    assert [bill_and_level(store, user, bill.id)[1] for user in (ann, ben, cleo)] == ["own", "view", "edit"]


def test_the_larger_of_several_grants_counts_and_each_receiver_has_one(
    store: Store, ann: User, ben: User, upload: Callable[[User], Bill]
) -> None:
    bill = upload(ann)
    group = create_group(store, ann, "Office")
    add_member(store, ann, group, "ben@example.org")
    share_with_group(store, ann, bill.id, group, "edit")
    share_with_person(store, ann, bill.id, "ben@example.org", "view")
    assert bill_and_level(store, ben, bill.id)[1] == "edit"
    assert seen(store, ben) == [bill.id]
    share_with_group(store, ann, bill.id, group, "view")
    assert bill_and_level(store, ben, bill.id)[1] == "view"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: share_with_person(store, ann, bill.id, "ben@example.org", "edit"), range(8)))
    shares = shares_of(store, ann, bill.id)
    assert [(share.name, share.email, share.level) for share in shares] == [
        ("ben", "ben@example.org", "edit"),
        ("Office", None, "view"),
    ]
    assert shares[1].group_id == group


def test_what_is_revoked_is_gone_at_once(store: Store, ann: User, ben: User, upload: Callable[[User], Bill]) -> None:
    bill, other = upload(ann), upload(ann)
    share = share_with_person(store, ann, bill.id, "ben@example.org", "edit")
    with pytest.raises(GrantNotFound):
        revoke(store, ann, other.id, share.id)  # the other bill has no such grant
    with pytest.raises(NotAllowed):
        revoke(store, ben, bill.id, share.id)
    revoke(store, ann, bill.id, share.id)
    with pytest.raises(BillNotFound):
        bill_for(store, ben, bill.id)
    with pytest.raises(GrantNotFound):
        revoke(store, ann, bill.id, share.id)
    with store.database.reading() as session:
        trail = session.scalars(select(AuditEvent.what).where(AuditEvent.bill == bill.id).order_by(AuditEvent.id))
        assert list(trail) == ["upload", "share", "revoke"]


def test_one_can_leave_a_bill_that_others_share(
    store: Store, ann: User, ben: User, upload: Callable[[User], Bill]
) -> None:
    bill = upload(ann)
    share_with_person(store, ann, bill.id, "ben@example.org", "view")
    leave_bill(store, ben, bill.id)
    assert seen(store, ben) == []
    with pytest.raises(GrantNotFound):
        leave_bill(store, ann, bill.id)


def test_nobody_shares_with_strangers_to_the_installation_or_with_themselves(
    store: Store, ann: User, ben: User, upload: Callable[[User], Bill]
) -> None:
    bill = upload(ann)
    add_user(store, "gone", status="disabled")
    add_user(store, "demo", kind="demo", email=None)
    for email in ("nobody@example.org", "ann@example.org", "gone@example.org", "", "%", "None"):
        with pytest.raises(PersonNotFound):
            share_with_person(store, ann, bill.id, email, "view")
    assert shares_of(store, ann, bill.id) == []


def test_demo_users_share_nothing(store: Store, ann: User, upload: Callable[[User], Bill]) -> None:
    demo = add_user(store, "demo", kind="demo", email=None)
    bill = upload(demo)
    with pytest.raises(NotAllowed, match="account of your own"):
        share_with_person(store, demo, bill.id, "ann@example.org", "view")
    with pytest.raises(NotAllowed, match="account of your own"):
        create_group(store, demo, "Friends")


def test_a_bill_in_the_trash_is_nobodys_but_the_owners_and_comes_back_shared(
    store: Store, ann: User, ben: User, upload: Callable[[User], Bill]
) -> None:
    bill = upload(ann)
    share_with_person(store, ann, bill.id, "ben@example.org", "edit")
    delete_bill(store, ann, bill.id)
    assert seen(store, ben) == seen(store, ben, trash=True) == seen(store, ann) == []
    assert seen(store, ann, trash=True) == [bill.id]
    for trash in (False, True, None):
        with pytest.raises(BillNotFound):
            bill_for(store, ben, bill.id, trash=trash)
    with pytest.raises(BillNotFound):
        restore_bill(store, ben, bill.id)
    with pytest.raises(BillNotFound):
        bill_for(store, ann, bill.id)
    assert bill_for(store, ann, bill.id, trash=None).trashed_at
    restore_bill(store, ann, bill.id)
    assert seen(store, ben) == [bill.id]


def test_members_come_and_go_and_see_what_their_group_sees(
    store: Store, ann: User, ben: User, cleo: User, upload: Callable[[User], Bill]
) -> None:
    bill, bens = upload(ann), upload(ben)
    group = create_group(store, ann, "  Office\n")
    share_with_group(store, ann, bill.id, group, "view")
    add_member(store, ann, group, "ben@example.org")
    add_member(store, ann, group, "ben@example.org")
    assert seen(store, ben, whose="shared") == [bill.id]
    share_with_group(store, ben, bens.id, group, "edit")  # a member may share with it
    assert bill_and_level(store, ann, bens.id)[1] == "edit"
    (bens_view,) = groups_of(store, ben)
    assert (bens_view.name, bens_view.own, [person.name for person in bens_view.members]) == (
        "Office",
        False,
        ["ann", "ben"],
    )
    assert groups_of(store, ann)[0].own
    assert groups_of(store, cleo) == []
    remove_member(store, ann, group, ben.id)
    assert seen(store, ben, whose="shared") == []
    assert seen(store, ann, whose="shared") == [bens.id]
    add_member(store, ann, group, "ben@example.org")
    remove_member(store, ben, group, ben.id)  # oneself
    assert groups_of(store, ben) == []
    delete_group(store, ann, group)
    assert seen(store, ann, whose="shared") == []
    assert shares_of(store, ann, bill.id) == []


def test_a_group_belongs_to_its_owner_and_is_unknown_outside(
    store: Store, ann: User, ben: User, cleo: User, upload: Callable[[User], Bill]
) -> None:
    group = create_group(store, ann, "Office")
    add_member(store, ann, group, "ben@example.org")
    bill = upload(cleo)
    calls: list[Callable[[User], object]] = [
        lambda user: rename_group(store, user, group, "Mine"),
        lambda user: delete_group(store, user, group),
        lambda user: add_member(store, user, group, "cleo@example.org"),
        lambda user: remove_member(store, user, group, ann.id),
    ]
    for call in calls:
        with pytest.raises(GroupNotFound):
            call(cleo)
        with pytest.raises(NotAllowed):
            call(ben)
    with pytest.raises(GroupNotFound):
        share_with_group(store, cleo, bill.id, group, "view")
    with pytest.raises(NotAllowed, match="Delete the group"):
        remove_member(store, ann, group, ann.id)
    with pytest.raises(PersonNotFound):
        remove_member(store, ann, group, cleo.id)
    rename_group(store, ann, group, "Office 2")
    with store.database.reading() as session:
        assert session.scalars(select(Group.name)).all() == ["Office 2"]
