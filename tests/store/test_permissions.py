"""Every function of the store that takes a bill, as everybody that there is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any, Literal

from sqlalchemy import func, select

import billocr_assets.store
from billocr_assets.store import Store
from billocr_assets.store.administration import retry_failed
from billocr_assets.store.bills import (
    bill_and_level,
    bill_for,
    latest_result,
    list_bills,
    read_again,
    register_upload,
    upload_bytes,
)
from billocr_assets.store.corrections import (
    adopt_machine,
    apply_operations,
    current,
    difference,
    keep_corrections,
    revisions,
)
from billocr_assets.store.errors import BillError, BillNotFound, GrantNotFound, NotAllowed
from billocr_assets.store.exports import export_bills
from billocr_assets.store.overview import likely_duplicates, overview
from billocr_assets.store.pictures import page_picture
from billocr_assets.store.reading import begin_reading, publish_result, record_failure
from billocr_assets.store.review import claim, mark, release
from billocr_assets.store.schema import Attempt, AuditEvent, Bill, Grant, Revision, User, new_id
from billocr_assets.store.sharing import (
    add_member,
    create_group,
    leave_bill,
    revoke,
    share_with_group,
    share_with_person,
    shares_of,
)
from billocr_assets.store.trash import delete_bill, remove_bill, restore_bill, trashed_twin
from tests.files import encode, page
from tests.store.documents import document
from tests.store.people import add_user

Needs = Literal["view", "edit", "own", "owner's trash", "operator"]
Call = Callable[[Store, User, str], object]

EDIT = [{"seq": 1, "op": {"kind": "set_field", "name": "company", "value": "Kiosk"}}]


def some(found: Iterable[object]) -> None:
    """A list without the bill says that there is none."""
    if not list(found):
        raise BillNotFound


def revoke_the_first(store: Store, user: User, bill_id: str) -> None:
    with store.database.reading() as session:
        grant = session.scalar(select(func.min(Grant.id)).where(Grant.bill_id == bill_id))
    revoke(store, user, bill_id, grant or 0)


def share_with_office(store: Store, user: User, bill_id: str) -> None:
    with store.database.reading() as session:
        office = session.scalar(select(func.min(Grant.group_id)))
    share_with_group(store, user, bill_id, office or 0, "edit")


# What each function needs. A function that is not here fails the test below.
FUNCTIONS: dict[str, tuple[Needs, Call]] = {
    "administration.retry_failed": ("operator", retry_failed),
    "bills.bill_and_level": ("view", bill_and_level),
    "bills.bill_for": ("view", bill_for),
    "bills.latest_result": ("view", latest_result),
    "bills.read_again": ("edit", read_again),
    "bills.upload_bytes": ("view", upload_bytes),
    "corrections.adopt_machine": ("edit", lambda *who: adopt_machine(*who, "all")),
    "corrections.apply_operations": ("edit", lambda *who: apply_operations(*who, "client", 0, EDIT)),
    "corrections.current": ("view", current),
    "corrections.difference": ("view", lambda *who: difference(*who, 0, 0)),
    "corrections.keep_corrections": ("edit", keep_corrections),
    "corrections.revisions": ("view", revisions),
    "exports.export_bills": ("view", lambda store, user, bill: some(export_bills(store, user, [bill], "json")[2])),
    "overview.likely_duplicates": ("view", likely_duplicates),
    "overview.overview": ("view", lambda store, user, bill: some(overview(store, user, [bill]))),
    "pictures.page_picture": ("view", lambda *who: page_picture(*who, 1, 160)),
    "review.claim": ("edit", claim),
    "review.mark": ("edit", lambda *who: mark(*who, True)),
    "review.release": ("edit", release),
    "sharing.leave_bill": ("view", leave_bill),
    "sharing.revoke": ("own", revoke_the_first),
    "sharing.share_with_group": ("own", share_with_office),
    "sharing.share_with_person": ("own", lambda *who: share_with_person(*who, "stranger@example.org", "edit")),
    "sharing.shares_of": ("own", shares_of),
    "trash.delete_bill": ("own", delete_bill),
    "trash.remove_bill": ("owner's trash", remove_bill),
    "trash.restore_bill": ("owner's trash", restore_bill),
    "trash.trashed_twin": ("view", trashed_twin),
}
# The machinery's own, which no person reaches: no user is asked for.
MACHINERY = {"reading.attempts_of", "reading.begin_reading", "reading.bill_bytes", "trash.remove_objects"}

LEVELS = {"owner": "own", "viewer": "view", "editor": "edit", "member": "edit", "second member": "view"}
OTHERS = ("stranger", "operator", "admin", "demo")
RANK = {"": 0, "view": 1, "edit": 2, "own": 3}


def expected(needs: Needs, role: str) -> str:
    if needs == "operator":
        return "done" if role in ("operator", "admin") else "not allowed"
    if needs == "owner's trash":
        return "done" if role == "owner" else "not found"
    level = LEVELS.get(role, "")
    return "not found" if not level else "done" if RANK[level] >= RANK[needs] else "not allowed"


def outcome(call: Call, store: Store, user: User, bill: str) -> str:
    try:
        call(store, user, bill)
    except BillNotFound:
        return "not found"
    except NotAllowed:
        return "not allowed"
    except GrantNotFound:  # let in: only there was no grant to the user alone
        return "done"
    except BillError as error:
        return repr(error)
    return "done"


def state(store: Store, bill: str) -> list[Any]:
    counts = [select(func.count()).where(column == bill) for column in
              (Attempt.bill_id, Grant.bill_id, Revision.bill_id, AuditEvent.bill)]  # fmt: skip
    with store.database.reading() as session:
        row = session.scalars(select(Bill).where(Bill.id == bill)).one()
        facts = [row.status, row.trashed_at, row.revision, row.review, row.reviewer_id, row.updated_at]
        return [*facts, *(session.scalar(count) for count in counts)]


def add_bill(store: Store, people: dict[str, User], offices: tuple[int, int], needs: Needs, data: bytes) -> str:
    owner = people["owner"]
    bill = register_upload(store, owner, "bill.png", data, keep_duplicate=True).id
    (attempt,) = begin_reading(store, [bill], new_id(), "upload").values()
    publish_result(store, attempt, document("Kiosk\nMilk 1,09"), {})
    share_with_person(store, owner, bill, "viewer@example.org", "view")
    share_with_person(store, owner, bill, "editor@example.org", "edit")
    share_with_group(store, owner, bill, offices[0], "edit")
    share_with_group(store, owner, bill, offices[1], "view")
    if needs == "owner's trash":
        delete_bill(store, owner, bill)
    if needs == "operator":
        (attempt,) = begin_reading(store, [bill], new_id(), "backfill").values()
        record_failure(store, attempt, "text_lines", "why")
    return bill


def everybody(store: Store) -> tuple[dict[str, User], tuple[int, int]]:
    values: dict[str, dict[str, Any]] = {"operator": {"role": "operator"}, "admin": {"role": "admin"}}
    values["demo"] = {"kind": "demo", "email": None}
    values["owner"] = {"limits": {"bills_per_month": None, "bills_in_flight": None}}
    people = {
        role: add_user(store, role, **{"email": f"{role.replace(' ', '-')}@example.org"} | values.get(role, {}))
        for role in (*LEVELS, *OTHERS)
    }
    offices = create_group(store, people["owner"], "Office"), create_group(store, people["owner"], "Second office")
    add_member(store, people["owner"], offices[0], "member@example.org")
    add_member(store, people["owner"], offices[1], "second-member@example.org")
    return people, offices


def test_everybody_may_do_with_somebody_elses_bill_what_was_granted_and_no_more(store: Store) -> None:
    people, offices = everybody(store)
    data = encode(page(20, 20), "PNG")
    wrong = {}
    for name, (needs, call) in FUNCTIONS.items():
        bill = add_bill(store, people, offices, needs, data)
        # Those who are refused first: nothing that they tried may be seen on the bill.
        for role in sorted(people, key=lambda role: expected(needs, role) == "done"):
            if (want := expected(needs, role)) != "done":
                before = state(store, bill)
                got = outcome(call, store, people[role], bill)
                if state(store, bill) != before:
                    got += ", but it changed the bill"
            else:
                # They change it: each has one of their own.
                changing = needs != "view" or name == "sharing.leave_bill"
                each = add_bill(store, people, offices, needs, data) if changing else bill
                got = outcome(call, store, people[role], each)
            if got != want:
                wrong[name, role] = got
    assert wrong == {}


def test_a_bill_that_is_not_there_is_like_one_that_one_may_not_see(store: Store) -> None:
    people, _ = everybody(store)
    wrong = {}
    for name, (_, call) in FUNCTIONS.items():
        for bill in ("0" * 32, "", "../x", "'; drop table bills; --", "\0", "a" * 10_000):
            user = people["admin" if name.startswith("administration.") else "owner"]
            if (got := outcome(call, store, user, bill)) != "not found":
                wrong[name, bill[:30]] = got
    assert wrong == {}


def test_a_bill_in_the_trash_is_for_its_owner_to_restore_remove_or_look_at(store: Store) -> None:
    people, offices = everybody(store)
    bill = add_bill(store, people, offices, "owner's trash", encode(page(20, 20), "PNG"))
    shown = {"overview.overview", "pictures.page_picture"}
    wrong = {}
    for name, (needs, call) in FUNCTIONS.items():
        for role, user in people.items():
            if needs == "owner's trash" and role == "owner":
                continue
            want = "done" if name in shown and role == "owner" else "not found"
            if needs == "operator" and role not in ("operator", "admin"):
                want = "not allowed"
            if (got := outcome(call, store, user, bill)) != want:
                wrong[name, role] = got
    assert wrong == {}
    assert all(bill not in [each.id for each in list_bills(store, user).bills] for user in people.values())


def test_no_function_that_takes_a_bill_is_forgotten_here() -> None:
    found = set()
    for module in pkgutil.iter_modules(billocr_assets.store.__path__):
        if module.ispkg:
            continue
        loaded = importlib.import_module(f"billocr_assets.store.{module.name}")
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            parameters = inspect.signature(function).parameters
            takes_a_bill = {"bill_id", "bill_ids"} & set(parameters) and "store" in parameters
            if function.__module__ == loaded.__name__ and not name.startswith("_") and takes_a_bill:
                found.add(f"{module.name}.{name}")
    assert found == set(FUNCTIONS) | MACHINERY
