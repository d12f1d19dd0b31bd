"""Exports over the store: what people corrected, only what one may see, one bill after the other."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from billocr_assets.exports import UnknownFormat
from billocr_assets.fields import extract_fields
from billocr_assets.store import Store
from billocr_assets.store.bills import BillFilter, local_user, register_upload
from billocr_assets.store.corrections import apply_operations
from billocr_assets.store.errors import BillNotFound, NotReadYet
from billocr_assets.store.exports import export_bills, matching_ids
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import Bill, Grant, User, new_id
from billocr_assets.store.trash import delete_bill
from tests.fields import bills
from tests.readings import bill_picture
from tests.store.documents import VERSIONS
from tests.store.people import add_user


@pytest.fixture
def user(store: Store) -> User:
    return local_user(store)


@pytest.fixture
def upload(store: Store, user: User) -> Callable[[], Bill]:
    numbers = iter(range(100))

    def one() -> Bill:
        number = next(numbers)
        return register_upload(store, user, f"bill-{number}.png", bill_picture(number))

    return one


@pytest.fixture
def read(store: Store, upload: Callable[[], Bill]) -> Callable[[], Bill]:
    """Uploads a bill and ends its reading."""

    def one() -> Bill:
        bill = upload()
        document = replace(bills.document(bills.ENGLISH), models=VERSIONS)
        attempt = begin_reading(store, [bill.id], "run", "upload")[bill.id]
        assert publish_result(store, attempt, document, extract_fields(document).to_dict())
        return bill

    return one


def rows(chunks: Iterator[bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(chunks).decode("utf-8-sig"), newline="")))


def test_a_correction_comes_before_what_the_machine_read(store: Store, user: User, read: Callable[[], Bill]):
    bill = read()
    operations = [
        {"seq": 1, "op": {"kind": "set_text", "line": "p1l0", "text": "HARBOUR LANE BAKERS"}},
        {"seq": 2, "op": {"kind": "set_field", "name": "total", "value": "7.10", "sources": []}},
    ]
    assert not apply_operations(store, user, bill.id, "editor", 0, operations).conflicts
    name, media_type, text = export_bills(store, user, [bill.id], "text")
    assert (name, media_type) == ("bill-0.txt", "text/plain; charset=utf-8")
    assert b"".join(text).decode().splitlines()[0] == "HARBOUR LANE BAKERS"
    (row,) = rows(export_bills(store, user, [bill.id], "csv")[2])
    assert (row["bill"], row["total"]) == (bill.id, "7.10")


def test_many_bills_keep_their_order_and_unread_ones_say_why(
    store: Store, user: User, read: Callable[[], Bill], upload: Callable[[], Bill]
):
    ids = [read().id, upload().id, read().id]
    name, _, chunks = export_bills(store, user, [ids[2], ids[1], ids[0], ids[2]], "csv")
    found = rows(chunks)
    assert name == "bills.csv"
    assert [row["bill"] for row in found] == [ids[2], ids[1], ids[0]]
    assert found[1]["state"].startswith("This bill has not been read yet.")
    with zipfile.ZipFile(io.BytesIO(b"".join(export_bills(store, user, ids, "pdf")[2]))) as archive:
        assert archive.namelist() == ["bill-0.pdf", "bill-2.pdf", "not exported.txt"]
        assert archive.read("not exported.txt").decode().startswith("bill-1.png: This bill has not been read yet.")


def test_a_bill_that_one_may_not_see_exports_as_one_that_is_not_there(
    store: Store, user: User, read: Callable[[], Bill]
):
    mine, shared = read(), read()
    other = add_user(store, "other")
    with store.database.session() as session:
        session.add(Grant(bill_id=shared.id, user_id=other.id, level="view", granted_by=user.id))
    assert rows(export_bills(store, other, [shared.id], "csv")[2])[0]["bill"] == shared.id
    said = set()
    for ids in ([mine.id], [new_id()], [shared.id, mine.id], [shared.id, new_id()]):
        with pytest.raises(BillNotFound) as refused:
            export_bills(store, other, ids, "csv")
        said.add(str(refused.value))
    assert len(said) == 1
    assert matching_ids(store, other) == [shared.id]
    assert matching_ids(store, user) == [shared.id, mine.id]
    assert matching_ids(store, user, BillFilter(search="bill-0")) == [mine.id]


def test_one_bill_without_text_and_an_unknown_format_are_refused(
    store: Store, user: User, read: Callable[[], Bill], upload: Callable[[], Bill]
):
    with pytest.raises(NotReadYet):
        export_bills(store, user, [upload().id], "json")
    with pytest.raises(UnknownFormat):
        export_bills(store, user, [read().id], "docx")


def test_a_bill_that_is_deleted_while_the_export_runs_is_left_out(store: Store, user: User, read: Callable[[], Bill]):
    ids = [read().id for _ in range(3)]
    chunks = export_bills(store, user, ids, "csv")[2]
    next(chunks)
    first = next(chunks)
    delete_bill(store, user, ids[1])
    assert [row["bill"] for row in rows(iter([b"bill,\r\n", first]))] == [ids[0]]
    assert [row.partition(b",")[0].decode() for row in chunks] == [ids[2]]
