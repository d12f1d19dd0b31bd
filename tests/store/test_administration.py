from __future__ import annotations

import pytest
from sqlalchemy import update

from billocr_assets.store import administration as admin
from billocr_assets.store import quotas
from billocr_assets.store.bills import bill_for, register_upload
from billocr_assets.store.errors import AccountNotFound, BillNotFound, InvalidLimit, NotAllowed, QuotaExceeded
from billocr_assets.store.reading import begin_reading, record_failure
from billocr_assets.store.schema import Bill, User
from tests import files


@pytest.fixture
def people(store) -> dict[str, User]:
    with store.database.session() as session:
        found = {
            role: User(name=role, email=f"{role}@example.org", role=role) for role in ("user", "operator", "admin")
        }
        session.add_all(found.values())
    return found


def failed(store, owner: User) -> str:
    bill = register_upload(store, owner, "secret name.png", files.encode(files.page(), "PNG"))
    (attempt,) = begin_reading(store, [bill.id], "run", "upload").values()
    record_failure(store, attempt, "text_lines", "The page is empty.")
    return bill.id


def test_an_operator_sees_why_a_bill_failed_and_has_it_read_again(store, people):
    bill_id = failed(store, people["user"])
    (found,) = admin.failed_bills(store, people["operator"])
    assert (found.id, found.owner, found.stage, found.why) == (bill_id, "user", "text_lines", "The page is empty.")
    first = admin.retry_failed(store, people["operator"], bill_id)
    assert admin.retry_failed(store, people["operator"], bill_id).id == first.id
    assert bill_for(store, people["user"], bill_id).status == "received"
    assert admin.failed_bills(store, people["operator"]) == []


def test_an_operator_who_may_retry_a_bill_still_may_not_open_it(store, people):
    bill_id = failed(store, people["user"])
    with pytest.raises(BillNotFound):
        bill_for(store, people["operator"], bill_id)


def test_only_a_bill_that_failed_can_be_retried_by_an_operator(store, people):
    bill_id = failed(store, people["user"])
    with store.database.session() as session:
        session.execute(update(Bill).values(status="read"))
    for bill in (bill_id, "0" * 32, "' OR 1=1"):
        with pytest.raises(BillNotFound):
            admin.retry_failed(store, people["operator"], bill)


def test_a_plan_that_an_admin_gives_bounds_the_users_uploads_at_once(store, people):
    admin.save_plan(store, people["admin"], "tiny", {"bills_per_month": 1})
    admin.set_plan(store, people["admin"], people["user"].id, "tiny", {})
    register_upload(store, people["user"], "a.png", files.encode(files.page(seed=1), "PNG"))
    with pytest.raises(QuotaExceeded):
        register_upload(store, people["user"], "b.png", files.encode(files.page(seed=2), "PNG"))
    admin.set_plan(store, people["admin"], people["user"].id, "tiny", {"bills_per_month": None})
    register_upload(store, people["user"], "b.png", files.encode(files.page(seed=2), "PNG"))
    (row,) = [row for row in admin.users_overview(store, people["admin"]) if row.user.name == "user"]
    assert (row.plan, row.bills) == ("tiny", 2)
    assert quotas.usage(store, people["user"])["bills_per_month"].limit is None


@pytest.mark.parametrize(
    "limits", [{"bananas": 1}, {"max_pages": -1}, {"max_pages": "3"}, {"max_pages": True}, {"max_pages": 2**31}]
)
def test_a_limit_that_cannot_be_is_refused_and_changes_nothing(store, people, limits):
    with pytest.raises(InvalidLimit):
        admin.set_plan(store, people["admin"], people["user"].id, None, limits)
    with pytest.raises(AccountNotFound):
        admin.set_plan(store, people["admin"], people["user"].id, "no such plan", {})
    assert {event.what for event, _ in admin.audit_log(store, people["admin"])} == set()


def test_the_log_names_who_did_what_the_latest_first(store, people):
    admin.save_plan(store, people["admin"], "a", {})
    admin.save_plan(store, people["admin"], "b", {})
    events = admin.audit_log(store, people["admin"])
    assert [(name, event.detail["plan"]) for event, name in events] == [("admin", "b"), ("admin", "a")]
    assert [event.detail["plan"] for event, _ in admin.audit_log(store, people["admin"], before=events[0][0].id)] == [
        "a"
    ]


def test_everybody_else_is_refused(store, people):
    for role, refused in (("user", 7), ("operator", 3)):
        by = people[role]
        calls = [
            lambda by=by: admin.save_plan(store, by, "x", {}),
            lambda by=by: admin.set_plan(store, by, by.id, None, {}),
            lambda by=by: admin.audit_log(store, by),
            lambda by=by: admin.users_overview(store, by),
            lambda by=by: admin.plans(store, by),
            lambda by=by: admin.failed_bills(store, by),
            lambda by=by: admin.retry_failed(store, by, "0" * 32),
        ]
        for call in calls[:refused]:
            with pytest.raises(NotAllowed):
                call()
