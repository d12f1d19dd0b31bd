from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from sqlalchemy import func, select

from billocr_assets.store import Store, quotas
from billocr_assets.store.accounts import removal, sessions, tokens
from billocr_assets.store.bills import BillFilter, bill_for, list_bills, local_user, register_upload
from billocr_assets.store.errors import AccountNotFound, BillNotFound, NotAllowed
from billocr_assets.store.personal_data import export_account
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.saved_filters import save_filter
from billocr_assets.store.schema import AuditEvent, Base, Bill, Correction, Revision, User
from billocr_assets.store.sharing import add_member, create_group, groups_of, share_with_group, share_with_person
from billocr_assets.store.trash import delete_bill
from tests.files import encode, page
from tests.store.documents import document
from tests.store.people import add_user


@pytest.fixture
def ann(store: Store) -> User:
    return add_user(store, "ann")


@pytest.fixture
def ben(store: Store) -> User:
    return add_user(store, "ben")


def picture(seed: int) -> bytes:
    return encode(page(20, 20, seed=seed), "PNG")


def upload(store: Store, user: User, seed: int = 0) -> Bill:
    return register_upload(store, user, f"{user.name}-{seed}.png", picture(seed))


def read(store: Store, bill: Bill, text: str) -> int:
    fields = {"company": {"value": "Kiosk"}, "total": {"value": "4.20"}}
    result = publish_result(store, begin_reading(store, [bill.id], "run", "upload")[bill.id], document(text), fields)
    assert result
    return result.id


def correct(store: Store, bill: Bill, author: User, result: int) -> None:
    with store.database.session() as session:
        state: dict[str, Any] = {"revision": 1, "document": {}, "fields": {}, "text": "Milk corrected"}
        session.add(Correction(bill_id=bill.id, result_id=result, **state))
        edit = {"kind": "set_text", "line": "p1l0", "text": "Milk corrected"}
        session.add(Revision(bill_id=bill.id, number=1, client_id="c", seq=1, author_id=author.id, result_id=result,
                             operation=edit, inverse={}))  # fmt: skip


def exported(store: Store, user: User) -> dict[str, Any]:
    _, _, content = export_account(store, user)
    with zipfile.ZipFile(io.BytesIO(b"".join(content))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return {name: json.loads(data) if name.endswith(".json") else data for name, data in files.items()}


def test_an_export_has_uploads_readings_and_corrections_the_trash_apart_and_nothing_of_others(
    store: Store, ann: User, ben: User
) -> None:
    bill, trashed, bens = upload(store, ann, 1), upload(store, ann, 2), upload(store, ben, 3)
    share_with_person(store, ann, bill.id, "ben@example.org", "edit")
    share_with_person(store, ben, bens.id, "ann@example.org", "edit")
    correct(store, bill, ben, read(store, bill, "Mi1k"))
    delete_bill(store, ann, trashed.id)
    save_filter(store, ann, "Milk", BillFilter(search="milk"))
    create_group(store, ann, "Office")
    files = exported(store, ann)
    assert set(files) == {
        "account.json",
        "activity.json",
        *(f"bills/ann-1/{name}" for name in ("bill.json", "readings.json", "corrections.json", "original.png")),
        *(f"trash/ann-2/{name}" for name in ("bill.json", "original.png")),
    }
    assert (files["bills/ann-1/original.png"], files["trash/ann-2/original.png"]) == (picture(1), picture(2))
    assert files["trash/ann-2/bill.json"]["trashed_at"]
    facts = files["bills/ann-1/bill.json"]
    assert facts["trashed_at"] is None
    assert (facts["name"], facts["merchant"], facts["total_cents"]) == ("ann-1.png", "Kiosk", 420)
    assert facts["shared_with"] == [{"level": "edit", "email": "ben@example.org", "group": None}]
    assert [reading["text"] for reading in files["bills/ann-1/readings.json"]] == ["Mi1k"]
    corrections = files["bills/ann-1/corrections.json"]
    assert corrections["text"] == "Milk corrected"
    assert [(edit["author"], edit["operation"]["line"]) for edit in corrections["revisions"]] == [("ben", "p1l0")]
    account = files["account.json"]
    assert (account["email"], account["groups"]) == ("ann@example.org", [{"name": "Office", "own": True}])
    assert account["saved_filters"] == [{"name": "Milk", "query": {"search": "milk", "whose": "all"}}]
    assert [event["what"] for event in files["activity.json"]] == ["upload", "upload", "share", "delete"]


def test_an_export_opens_nothing(store: Store, ann: User) -> None:
    secret = tokens.create_token(store, ann, "laptop", ["bills:read"], 30)[1]
    cookie = sessions.open_session(store, ann, "192.0.2.1", "Firefox")
    account = json.dumps(exported(store, ann)["account.json"])
    assert "laptop" in account
    assert "Firefox" in account
    assert secret not in account
    assert cookie not in account
    assert "hash" not in account


def rows_of(store: Store, user: User) -> dict[str, int]:
    """Table to its rows that refer to the user."""
    found = {}
    with store.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if any(key.column.table.name == "users" for key in column.foreign_keys):
                    count = session.scalar(select(func.count()).select_from(table).where(column == user.id))
                    if count:
                        found[f"{table.name}.{column.name}"] = count
    return found


def test_a_deleted_account_leaves_no_trace_but_an_audit_trail_without_the_person(
    store: Store, ann: User, ben: User
) -> None:
    bill, bens = upload(store, ann, 1), upload(store, ben, 2)
    upload(store, ann, 3)
    delete_bill(store, ann, bill.id)
    share_with_person(store, ben, bens.id, "ann@example.org", "edit")
    correct(store, bens, ann, read(store, bens, "Mi1k"))
    group = create_group(store, ann, "Office")
    add_member(store, ann, group, "ben@example.org")
    share_with_group(store, ben, bens.id, group, "view")
    save_filter(store, ann, "Milk", BillFilter(search="milk"))
    sessions.open_session(store, ann, "192.0.2.1", "Firefox")
    tokens.create_token(store, ann, "laptop", ["bills:read"], 30)
    assert len(rows_of(store, ann)) >= 10
    removal.delete_user(store, ann)
    assert rows_of(store, ann) == {}
    assert [store.objects.exists(f"uploads/{each.id}") for each in (bill, bens)] == [False, True]
    assert groups_of(store, ben) == []
    with store.database.reading() as session:
        assert session.get(User, ann.id) is None
        trail = session.execute(
            select(AuditEvent.what, AuditEvent.who, AuditEvent.detail).where(AuditEvent.bill == bill.id)
        ).all()
        assert [tuple(row) for row in trail] == [(what, None, {}) for what in ("upload", "delete", "remove")]
        assert session.scalars(select(Revision.author_id)).all() == [None]  # the edit of somebody else's bill stays
    assert bill_for(store, ben, bens.id).name == "ben-2.png"


def test_bills_can_go_to_somebody_else_instead(store: Store, ann: User, ben: User) -> None:
    admin = local_user(store)
    kept, trashed, bens = upload(store, ann, 1), upload(store, ann, 2), upload(store, ben, 3)
    cleo = add_user(store, "cleo")
    for email in ("ben@example.org", "cleo@example.org"):
        share_with_person(store, ann, kept.id, email, "view")
    delete_bill(store, ann, trashed.id)
    attempt = begin_reading(store, [kept.id], "run", "upload")[kept.id]
    removal.remove_user(store, admin, ann.id, heir_id=ben.id)
    assert [bill.id for bill in list_bills(store, ben, BillFilter(whose="own")).bills] == [bens.id, kept.id]
    assert [bill.id for bill in list_bills(store, ben, BillFilter(trash=True)).bills] == [trashed.id]
    assert [bill.id for bill in list_bills(store, cleo).bills] == [kept.id]
    assert quotas.usage(store, ben)["storage_bytes"].used == sum(bill.bytes for bill in (kept, trashed, bens))
    assert publish_result(store, attempt, document("Milk"), {})  # what was being read goes on
    in_flight = quotas.usage(store, ben)["bills_in_flight"].used
    assert in_flight == 1  # their own
    delete_bill(store, ben, kept.id)
    with store.database.reading() as session:
        assert session.get(User, ann.id) is None


def test_only_an_admin_removes_others_and_names_an_heir_who_is_there(store: Store, ann: User, ben: User) -> None:
    bill = upload(store, ann)
    admin = local_user(store)
    with pytest.raises(NotAllowed):
        removal.remove_user(store, ben, ann.id, heir_id=ben.id)
    for heir in (999, ann.id):
        with pytest.raises(AccountNotFound):
            removal.remove_user(store, admin, ann.id, heir_id=heir)
    with pytest.raises(NotAllowed, match="themselves"):
        removal.remove_user(store, admin, admin.id)
    assert bill_for(store, ann, bill.id)
    removal.remove_user(store, admin, ann.id)
    with pytest.raises(BillNotFound):
        bill_for(store, ann, bill.id)


def test_a_user_who_is_being_deleted_is_locked_out(store: Store, ann: User) -> None:
    cookie = sessions.open_session(store, ann, None, None)
    removal.delete_user(store, ann)
    assert sessions.login_by_cookie(store, cookie) is None
