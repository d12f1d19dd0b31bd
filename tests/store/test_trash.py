from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from billocr_assets.store import Store
from billocr_assets.store.bills import BillFilter, bill_for, latest_result, list_bills, register_upload, upload_bytes
from billocr_assets.store.errors import BillNotFound, DuplicateUpload
from billocr_assets.store.pictures import page_picture
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import AuditEvent, Bill, User, now
from billocr_assets.store.trash import (
    delete_bill,
    empty_trash,
    remove_bill,
    restore_bill,
    sweep_trash,
    trashed_twin,
)
from tests.files import encode, page
from tests.store.documents import document
from tests.store.people import add_user

TRASH = BillFilter(trash=True)


def upload(store: Store, user: User, seed: int = 0) -> Bill:
    return register_upload(store, user, f"{seed}.png", encode(page(20, 20, seed=seed), "PNG"))


def files(store: Store) -> set[str]:
    base = Path(store.settings.objects)
    return {str(path.relative_to(base)) for path in base.rglob("*") if path.is_file()}


def names(store: Store, user: User, wanted: BillFilter | None = None) -> list[str]:
    return [bill.name for bill in list_bills(store, user, wanted).bills]


def test_a_deleted_bill_lies_in_the_trash_and_comes_back_whole(store: Store, user: User) -> None:
    bill, _ = upload(store, user, 1), upload(store, user, 2)
    publish_result(store, begin_reading(store, [bill.id], "run", "upload")[bill.id], document("Milk"), {})
    delete_bill(store, user, bill.id)
    assert (names(store, user), names(store, user, TRASH)) == (["2.png"], ["1.png"])
    assert list_bills(store, user).counts["read"] == 0
    for call in (bill_for, latest_result, upload_bytes, delete_bill):
        with pytest.raises(BillNotFound):
            call(store, user, bill.id)
    restore_bill(store, user, bill.id)
    assert (names(store, user), names(store, user, TRASH)) == (["2.png", "1.png"], [])
    result = latest_result(store, user, bill.id)
    assert result
    assert result.text == "Milk"
    with pytest.raises(BillNotFound):
        restore_bill(store, user, bill.id)  # it is not in the trash


def test_a_reading_under_way_ends_in_the_trash(store: Store, user: User) -> None:
    bill = upload(store, user)
    attempt = begin_reading(store, [bill.id], "run", "upload")[bill.id]
    delete_bill(store, user, bill.id)
    assert publish_result(store, attempt, document("Milk"), {})
    restore_bill(store, user, bill.id)
    assert bill_for(store, user, bill.id).status == "read"


def test_the_trash_shows_its_bills_to_their_owner(store: Store, user: User) -> None:
    bill = upload(store, user)
    delete_bill(store, user, bill.id)
    assert page_picture(store, user, bill.id, 1, 160)
    with pytest.raises(BillNotFound):
        page_picture(store, add_user(store, "ann"), bill.id, 1, 160)


def test_what_is_removed_is_gone_with_its_objects(store: Store, user: User) -> None:
    one, two, kept = (upload(store, user, seed) for seed in range(3))
    page_picture(store, user, one.id, 1, 160)
    store.objects.write(f"stages/{two.id}/text_lines.zip", b"x")
    with pytest.raises(BillNotFound):
        remove_bill(store, user, one.id)  # only what lies in the trash
    for bill in (one, two):
        delete_bill(store, user, bill.id)
    remove_bill(store, user, one.id)
    assert names(store, user, TRASH) == ["1.png"]
    assert empty_trash(store, user) == 1
    assert empty_trash(store, user) == 0
    assert files(store) == {f"uploads/{kept.id}"}
    for bill in (one, two):
        with pytest.raises(BillNotFound):
            bill_for(store, user, bill.id, trash=None)
    with store.database.reading() as session:
        trail = session.execute(select(AuditEvent.what, AuditEvent.who).where(AuditEvent.bill == one.id)).all()
    assert [tuple(row) for row in trail] == [("upload", user.id), ("delete", user.id), ("remove", user.id)]


def test_emptying_the_trash_spares_everybody_elses(store: Store, user: User) -> None:
    other = add_user(store, "ann")
    for owner in (user, other):
        delete_bill(store, owner, upload(store, owner).id)
    empty_trash(store, user)
    assert (names(store, user, TRASH), names(store, other, TRASH)) == ([], ["0.png"])


def test_thirty_days_later_a_bill_is_removed_by_itself(store: Store, user: User) -> None:
    old, young, kept = (upload(store, user, seed) for seed in range(3))
    for bill in (old, young):
        delete_bill(store, user, bill.id)
    assert sweep_trash(store) == 0
    with store.database.session() as session:
        for bill, days in ((old, 31), (young, 29)):
            session.execute(update(Bill).where(Bill.id == bill.id).values(trashed_at=now() - timedelta(days=days)))
    assert sweep_trash(store) == 1
    assert files(store) == {f"uploads/{young.id}", f"uploads/{kept.id}"}
    with store.database.reading() as session:
        assert session.scalar(select(AuditEvent.who).where(AuditEvent.what == "remove")) is None


def test_a_twin_in_the_trash_blocks_no_upload_and_can_be_had_back(store: Store, user: User) -> None:
    first = upload(store, user)
    delete_bill(store, user, first.id)
    second = upload(store, user)
    twin = trashed_twin(store, user, second.id)
    assert twin
    assert twin.id == first.id
    with pytest.raises(DuplicateUpload) as refusal:
        upload(store, user)
    assert refusal.value.existing_id == second.id
    assert trashed_twin(store, user, upload(store, user, 1).id) is None
    other = add_user(store, "ann")
    assert trashed_twin(store, other, upload(store, other).id) is None  # what others threw away is their business
    restore_bill(store, user, first.id)
    assert names(store, user) == ["1.png", "0.png", "0.png"]


def test_restoring_and_removing_at_once_leave_a_whole_bill_or_none(store: Store, user: User) -> None:
    for seed in range(6):
        bill = upload(store, user, seed)
        delete_bill(store, user, bill.id)

        def restore(bill: Bill = bill) -> bool:
            try:
                restore_bill(store, user, bill.id)
            except BillNotFound:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            restored, removed = pool.submit(restore), pool.submit(empty_trash, store, user)
        assert restored.result() != bool(removed.result())
        assert (f"uploads/{bill.id}" in files(store)) == restored.result()
