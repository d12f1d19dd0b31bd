from __future__ import annotations

from typing import Any

import pytest

from billocr_assets.ocr.document import Document
from billocr_assets.store import Store
from billocr_assets.store.bills import BillFilter, list_bills, read_again, register_upload
from billocr_assets.store.errors import BillNotFound
from billocr_assets.store.overview import likely_duplicates, overview
from billocr_assets.store.reading import NETWORKS, begin_reading, publish_result, record_stage
from billocr_assets.store.schema import Bill, User, new_id
from billocr_assets.store.sharing import share_with_person
from billocr_assets.store.trash import delete_bill
from tests import files
from tests.store.people import add_user

EMPTY = Document((), dict.fromkeys(NETWORKS, "1.0.0"))


def upload(store: Store, user: User, seed: int) -> Bill:
    return register_upload(store, user, f"{seed}.png", files.encode(files.page(20, 20, seed=seed), "PNG"))


def read(store: Store, bill: Bill, **values: str | None) -> None:
    (attempt,) = begin_reading(store, [bill.id], new_id(), "backfill").values()
    fields = {name: value and {"value": value} for name, value in values.items()}
    assert publish_result(store, attempt, EMPTY, fields)


def receipt(store: Store, user: User, seed: int, **changed: str | None) -> Bill:
    bill = upload(store, user, seed)
    fields: dict[str, Any] = {"company": "Bäckerei Roth", "date": "2026-03-01", "total": "4.20", "currency": "EUR"}
    read(store, bill, **(fields | changed))
    return bill


def test_every_bill_comes_once_however_often_it_was_read_in_the_order_asked_for(store: Store, user: User) -> None:
    first, second = upload(store, user, 1), upload(store, user, 2)
    for total in ("1.00", "2.00"):
        read(store, first, total=total)
    found = overview(store, user, [second.id, first.id, new_id()])
    assert [(entry.bill.id, entry.bill.total_cents) for entry in found] == [(second.id, None), (first.id, 200)]


def test_the_stage_is_that_of_the_reading_under_way(store: Store, user: User) -> None:
    bill = upload(store, user, 1)
    attempts = begin_reading(store, [bill.id], "run", "upload")
    record_stage(store, attempts.values(), "text_lines")
    assert overview(store, user, [bill.id])[0].stage == "text_lines"
    publish_result(store, attempts[bill.id], EMPTY, {})
    assert overview(store, user, [bill.id])[0].stage is None
    read_again(store, user, bill.id)
    assert overview(store, user, [bill.id])[0].stage is None


def test_somebody_elses_bills_are_left_out_and_shared_ones_name_their_owner(store: Store, user: User) -> None:
    ann, ben = add_user(store, "ann"), add_user(store, "ben")
    shared, kept, own = upload(store, ann, 1), upload(store, ann, 2), upload(store, ben, 3)
    share_with_person(store, ann, shared.id, "ben@example.org", "view")
    found = overview(store, ben, [kept.id, shared.id, own.id])
    assert [(entry.bill.id, entry.owner) for entry in found] == [(shared.id, "ann"), (own.id, None)]
    assert overview(store, user, [kept.id]) == []


def test_a_bill_of_the_same_merchant_day_and_total_is_told_of(store: Store, user: User) -> None:
    first, second = receipt(store, user, 1), receipt(store, user, 2, company="BÄCKEREI  ROTH.")
    unsure = receipt(store, user, 3, currency=None)
    assert [bill.id for bill in likely_duplicates(store, user, first.id)] == [unsure.id, second.id]
    assert [entry.duplicates for entry in overview(store, user, [second.id, unsure.id])] == [
        (unsure.id, first.id),
        (second.id, first.id),
    ]


@pytest.mark.parametrize(
    "changed",
    [{"company": "Metzgerei Roth"}, {"date": "2026-03-02"}, {"total": "4.21"}, {"currency": "CZK"}],
    ids=str,
)
def test_a_bill_that_differs_is_no_duplicate(store: Store, user: User, changed: dict[str, str | None]) -> None:
    first, other, twin = receipt(store, user, 1), receipt(store, user, 2, **changed), receipt(store, user, 3, **changed)
    assert likely_duplicates(store, user, first.id) == []
    assert [bill.id for bill in likely_duplicates(store, user, twin.id)] == [other.id]


@pytest.mark.parametrize("unknown", [{"company": None}, {"company": "***"}, {"date": None}, {"total": None}], ids=str)
def test_bills_that_do_not_say_are_no_duplicates(store: Store, user: User, unknown: dict[str, str | None]) -> None:
    bills = [receipt(store, user, seed, **unknown).id for seed in range(2)]
    assert [entry.duplicates for entry in overview(store, user, bills)] == [(), ()]


def test_duplicates_are_sought_among_the_owners_bills_that_one_may_see(store: Store) -> None:
    ann, ben = add_user(store, "ann"), add_user(store, "ben")
    shared, kept, trashed = (receipt(store, ann, seed) for seed in range(3))
    bens = receipt(store, ben, 4)
    share_with_person(store, ann, shared.id, "ben@example.org", "edit")
    delete_bill(store, ann, trashed.id)
    assert [bill.id for bill in likely_duplicates(store, ann, shared.id)] == [kept.id]
    assert likely_duplicates(store, ben, shared.id) == likely_duplicates(store, ben, bens.id) == []
    for bill_id in (kept.id, trashed.id):
        with pytest.raises(BillNotFound):
            likely_duplicates(store, ben, bill_id)
    assert [entry.duplicates for entry in overview(store, ann, [trashed.id])] == [()]
    assert list_bills(store, ann, BillFilter(trash=True)).total == 1
