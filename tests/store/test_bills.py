from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import (
    BillFilter,
    bill_for,
    latest_result,
    list_bills,
    local_user,
    read_again,
    register_upload,
    summarise,
    upload_bytes,
)
from billocr_assets.store.errors import BadCursor, BillNotFound, DuplicateUpload
from billocr_assets.store.pictures import page_picture
from billocr_assets.store.reading import begin_reading, open_attempts_after, publish_result, record_failure
from billocr_assets.store.schema import Attempt, AuditEvent, Bill, Grant, MachineResult, User
from billocr_assets.store.trash import delete_bill, empty_trash
from tests.files import encode, page, pdf_pages
from tests.store.documents import document


def upload(store: Store, user: User, name: str = "bill.png", seed: int = 0) -> Bill:
    return register_upload(store, user, name, encode(page(seed=seed), "PNG"))


def read(store: Store, bill: Bill, text: str, run: str = "run") -> None:
    attempt = begin_reading(store, [bill.id], run, "upload")[bill.id]
    assert publish_result(store, attempt, document(text), {})


def files(store: Store) -> list[str]:
    base = Path(store.settings.objects)
    return sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())


@pytest.fixture
def stranger(store: Store) -> User:
    with store.database.session() as session:
        user = User(name="stranger")
        session.add(user)
    return user


def test_there_is_one_local_user_however_many_ask_at_once(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = {user.id for user in pool.map(lambda _: local_user(store), range(32))}
    assert len(ids) == 1


def test_an_upload_is_kept_and_asks_to_be_read(store: Store, user: User) -> None:
    data = pdf_pages(3)
    bill = register_upload(store, user, "C:\\Bills\\März.PDF", data)
    assert (bill.name, bill.media_type, bill.pages, bill.bytes) == ("März.PDF", "application/pdf", 3, len(data))
    assert (bill.status, bill.owner_id, bill.sha256) == ("received", user.id, hashlib.sha256(data).hexdigest())
    assert upload_bytes(store, user, bill.id) == data
    assert bill_for(store, user, bill.id).number == bill.number
    assert [(attempt.bill_id, attempt.origin) for attempt in open_attempts_after(store, 0, 9)] == [(bill.id, "upload")]
    with store.database.reading() as session:
        (event,) = session.scalars(select(AuditEvent))
    assert (event.who, event.what, event.bill, event.detail["name"]) == (user.id, "upload", bill.id, "März.PDF")


def test_a_duplicate_is_reported_with_the_first_and_kept_only_if_asked(
    store: Store, user: User, stranger: User
) -> None:
    first = upload(store, user, "first.png")
    with pytest.raises(DuplicateUpload, match=r"first\.png") as duplicate:
        upload(store, user, "second.png")
    assert duplicate.value.existing_id == first.id
    assert list_bills(store, user).total == 1
    assert files(store) == [f"uploads/{first.id}"]
    kept = register_upload(store, user, "second.png", encode(page(), "PNG"), keep_duplicate=True)
    with pytest.raises(DuplicateUpload) as duplicate:
        upload(store, user)
    assert duplicate.value.existing_id == first.id != kept.id
    assert upload(store, stranger).owner_id == stranger.id  # whether others have it is nobody's business


def test_of_eight_uploads_of_the_same_bytes_at_once_one_is_kept(store: Store, user: User) -> None:
    data = encode(page(), "PNG")

    def try_upload(number: int) -> str:
        try:
            return register_upload(store, user, f"{number}.png", data).id
        except DuplicateUpload as duplicate:
            return f"duplicate of {duplicate.existing_id}"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(try_upload, range(8)))
    (kept,) = (outcome for outcome in outcomes if not outcome.startswith("duplicate"))
    assert outcomes.count(f"duplicate of {kept}") == 7
    assert files(store) == [f"uploads/{kept}"]
    assert [bill.id for bill in list_bills(store, user).bills] == [kept]


def test_an_upload_that_the_database_refuses_leaves_no_object(store: Store, user: User) -> None:
    with store.database.session() as session:
        session.execute(text("ALTER TABLE attempts RENAME TO elsewhere"))
    with pytest.raises(Exception, match="attempts"):
        upload(store, user)
    assert files(store) == []


def test_a_cursor_meets_every_attempt_while_uploads_pour_in(store: Store, user: User) -> None:
    pictures = [encode(page(20, 20, seed=seed), "PNG") for seed in range(20)]
    seen: list[str] = []
    cursor = 0
    with ThreadPoolExecutor(8) as pool:
        uploads = [pool.submit(register_upload, store, user, "a", data) for data in pictures]
        while True:
            finished = all(upload.done() for upload in uploads)
            for attempt in open_attempts_after(store, cursor, 3):
                seen.append(attempt.bill_id)
                cursor = attempt.id
            if finished and not open_attempts_after(store, cursor, 1):
                break
    assert sorted(seen) == sorted(upload.result().id for upload in uploads)


def test_somebody_elses_bill_does_not_exist(store: Store, user: User, stranger: User) -> None:
    bill = upload(store, user)
    for call in (bill_for, latest_result, upload_bytes, read_again, delete_bill):
        for bill_id in (bill.id, "0" * 32, "", "../x", "'; drop table bills; --"):
            with pytest.raises(BillNotFound, match="no such bill"):
                call(store, stranger, bill_id)
    with pytest.raises(BillNotFound):
        page_picture(store, stranger, bill.id, 1, 320)
    assert list_bills(store, stranger).bills == []
    assert list_bills(store, stranger, BillFilter(search="bill")).total == 0
    assert bill_for(store, user, bill.id).status == "received"
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 1


def test_a_list_comes_in_pages_newest_first(store: Store, user: User) -> None:
    bills = [upload(store, user, f"{seed}.png", seed) for seed in range(5)]
    first = list_bills(store, user, limit=2)
    assert ([bill.name for bill in first.bills], first.total) == (["4.png", "3.png"], 5)
    assert [bill.name for bill in list_bills(store, user, limit=2, offset=4).bills] == ["0.png"]
    assert list_bills(store, user, limit=2, offset=6).bills == []
    assert [bill.number for bill in bills] == sorted(bill.number for bill in bills)


def test_a_list_counts_every_status_whichever_is_shown(store: Store, user: User) -> None:
    bills = [upload(store, user, f"{seed}.png", seed) for seed in range(4)]
    read(store, bills[0], "Milk")
    begun = begin_reading(store, [bills[1].id, bills[2].id], "run", "upload")
    record_failure(store, begun[bills[1].id], "text_lines", "No text.")
    shown = list_bills(store, user, BillFilter(status="failed"))
    assert [bill.name for bill in shown.bills] == ["1.png"]
    assert shown.total == 1
    assert shown.counts == {"received": 1, "reading": 1, "read": 1, "failed": 1}
    assert list_bills(store, user, BillFilter(search="0.png")).counts == {
        "received": 0,
        "reading": 0,
        "read": 1,
        "failed": 0,
    }


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("milch", True),
        ("MÜLLER", True),
        ("müller", True),
        ("mu\u0308ller", True),  # as a Mac types it
        ("STRASSE", True),
        ("łódź", True),
        ("100%", True),
        ("100_", False),
        ("10%0", False),
        ("%", True),
        ("_", False),
        ("\\", False),
        ("'", False),
        ("rechnung milch", True),  # every word, wherever it stands
        ("milch rechnung", True),
        ("milch käse", False),
        ("  ", True),
        ("\0", True),
    ],
)
def test_a_search_finds_names_and_text_in_any_case(store: Store, user: User, search: str, found: bool) -> None:
    read(store, upload(store, user, "Rechnung.png"), "Müller Milch  1,09\nHauptstraße 5 Łódź 100%")
    assert list_bills(store, user, BillFilter(search=search)).total == int(found)


def test_a_search_knows_the_newest_text_only(store: Store, user: User) -> None:
    bill = upload(store, user)
    read(store, bill, "Mi1k", "a")
    read_again(store, user, bill.id)
    read(store, bill, "Milk", "b")
    assert list_bills(store, user, BillFilter(search="mi1k")).total == 0
    assert list_bills(store, user, BillFilter(search="milk")).total == 1
    assert list_bills(store, user, BillFilter(search="bill.png")).total == 1


def test_reading_again_is_asked_for_once(store: Store, user: User) -> None:
    bill = upload(store, user)
    assert read_again(store, user, bill.id).number == 1  # the first reading has not even begun
    read(store, bill, "Milk")
    with ThreadPoolExecutor(8) as pool:
        attempts = {attempt.id for attempt in pool.map(lambda _: read_again(store, user, bill.id), range(16))}
    assert len(attempts) == 1
    (attempt,) = open_attempts_after(store, 0, 9)
    assert (attempt.number, attempt.origin) == (2, "read_again")
    assert bill_for(store, user, bill.id).status == "received"
    result = latest_result(store, user, bill.id)
    assert result
    assert result.text == "Milk"  # what is known stays to be seen meanwhile


def test_a_failed_bill_can_be_read_again(store: Store, user: User) -> None:
    bill = upload(store, user)
    attempt = begin_reading(store, [bill.id], "a", "upload")[bill.id]
    record_failure(store, attempt, "text_lines", "No\0 text was found.")
    failed = bill_for(store, user, bill.id)
    assert (failed.status, failed.failed_stage, failed.failed_why) == ("failed", "text_lines", "No text was found.")
    read_again(store, user, bill.id)
    again = bill_for(store, user, bill.id)
    assert (again.status, again.failed_stage, again.failed_why) == ("received", None, None)
    read(store, bill, "Milk", "b")
    assert bill_for(store, user, bill.id).status == "read"


def test_a_deleted_bill_leaves_its_audit_trail_and_nothing_else(store: Store, user: User) -> None:
    gone, stays = upload(store, user, seed=1), upload(store, user, seed=2)
    read(store, gone, "Milk")
    page_picture(store, user, gone.id, 1, 320)
    store.objects.write(f"stages/{gone.id}/text_lines.zip", b"x")
    delete_bill(store, user, gone.id)
    empty_trash(store, user)
    with pytest.raises(BillNotFound):
        bill_for(store, user, gone.id)
    assert files(store) == [f"uploads/{stays.id}"]
    with store.database.reading() as session:
        assert session.scalars(select(MachineResult)).all() == []
        assert session.scalars(select(Attempt.bill_id)).all() == [stays.id]
        trail = session.scalars(select(AuditEvent.what).where(AuditEvent.bill == gone.id).order_by(AuditEvent.id))
        assert list(trail) == ["upload", "delete", "remove"]
    later = upload(store, user, seed=3)
    assert later.number > stays.number > gone.number


def test_numbers_are_never_used_twice(store: Store, user: User) -> None:
    first = upload(store, user)
    (attempt,) = open_attempts_after(store, 0, 9)
    delete_bill(store, user, first.id)
    empty_trash(store, user)
    second = upload(store, user)
    assert second.number > first.number
    (later,) = open_attempts_after(store, attempt.id, 9)  # a cursor that stands at the deleted one still meets it
    assert later.bill_id == second.id


def test_a_bill_lives_its_whole_life_in_cloud_storage(postgres_url: str, gcs_bucket: str) -> None:
    store = open_store(Settings(database_url=postgres_url, objects=f"{gcs_bucket}/instance"))
    user = local_user(store)
    data = encode(page(400, 600), "JPEG")
    bill = register_upload(store, user, "a.jpg", data)
    with pytest.raises(DuplicateUpload):
        register_upload(store, user, "b.jpg", data)
    assert upload_bytes(open_store(store.settings), user, bill.id) == data  # as another process sees it
    picture = page_picture(store, user, bill.id, 1, 320)
    assert store.objects.read(f"pictures/{bill.id}/1-320.jpg") == picture
    read(store, bill, "Milk")
    delete_bill(store, user, bill.id)
    empty_trash(store, user)
    assert not store.objects.exists(f"uploads/{bill.id}")
    assert not store.objects.exists(f"pictures/{bill.id}/1-320.jpg")
    store.database.engine.dispose()


# Filters, orders and cursors


def receipt(
    store: Store, user: User, name: str, merchant: str | None, day: str | None, total: str | None, **values: object
) -> Bill:
    """A bill that was read, as lists know it."""
    bill = Bill(
        owner_id=user.id, sha256="0", name=name, media_type="image/png", bytes=1, pages=1, status="read", search=""
    )
    known = {"company": merchant, "date": day, "total": total, "currency": "EUR"}
    summarise(bill, {field: {"value": value} for field, value in known.items() if value}, f"text of {name}")
    for column, value in values.items():
        setattr(bill, column, value)
    with store.database.session() as session:
        session.add(bill)
    return bill


@pytest.fixture
def receipts(store: Store, user: User, stranger: User) -> None:
    receipt(store, user, "a", "Zur Post", "2026-03-01", "4.20", review="reviewed")
    receipt(store, user, "b", "aldi", "2026-02-28", "100.00")
    receipt(store, user, "c", None, None, None, status="failed")
    receipt(store, user, "d", "Bäcker", "2026-03-01", "-3.50")
    shared = receipt(store, stranger, "e", "Aldi", "2026-04-01", "0.99")
    receipt(store, stranger, "hidden", "Aldi", "2026-03-01", "4.20")
    with store.database.session() as session:
        session.add(Grant(bill_id=shared.id, user_id=user.id, level="view"))


def found(store: Store, user: User, order: str = "-created", **wanted: object) -> str:
    bills = list_bills(store, user, BillFilter(**wanted), order).bills  # type: ignore[arg-type]
    return "".join(bill.name for bill in bills)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, "edcba"),
        ({"search": "ALDI"}, "eb"),  # the merchant, although the text does not say it
        ({"search": "text aldi"}, "eb"),
        ({"status": "failed"}, "c"),
        ({"review": "reviewed"}, "a"),
        ({"billed_from": date(2026, 3, 1)}, "eda"),
        ({"billed_to": date(2026, 3, 1)}, "dba"),
        ({"billed_from": date(2026, 3, 1), "billed_to": date(2026, 3, 1)}, "da"),
        ({"total_from": Decimal("4.20")}, "ba"),
        ({"total_to": Decimal("0.99")}, "ed"),
        ({"total_from": Decimal(0), "total_to": Decimal("4.20")}, "ea"),
        ({"whose": "own"}, "dcba"),
        ({"whose": "shared"}, "e"),
        ({"trash": True}, ""),
    ],
    ids=str,
)
def test_a_filter_lets_through_what_it_names(
    store: Store, user: User, receipts: None, wanted: dict[str, object], names: str
) -> None:
    assert found(store, user, **wanted) == names
    listed = list_bills(store, user, BillFilter(**wanted), limit=1)  # type: ignore[arg-type]
    assert listed.total == len(names)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("-created", "edcba"),
        ("created", "abcde"),
        ("billed_on", "bdaec"),
        ("-billed_on", "edabc"),
        ("total", "deabc"),
        ("-total", "baedc"),
        ("merchant", "ebdac"),
        ("-merchant", "adebc"),
    ],
)
def test_a_list_comes_in_any_order_and_what_is_not_known_last(
    store: Store, user: User, receipts: None, order: str, names: str
) -> None:
    assert found(store, user, order) == names
    for size in (1, 2, 3):
        pages, cursor = [], None
        while True:
            part = list_bills(store, user, None, order, limit=size, cursor=cursor)  # type: ignore[arg-type]
            pages.append("".join(bill.name for bill in part.bills))
            assert part.total == 5
            cursor = part.cursor
            if cursor is None:
                break
        assert "".join(pages) == names
        assert [len(each) for each in pages[:-1]] == [size] * (len(pages) - 1)
    offsets = [list_bills(store, user, None, order, limit=2, offset=start).bills for start in (0, 2, 4, 6)]  # type: ignore[arg-type]
    assert "".join(bill.name for bills in offsets for bill in bills) == names


def test_a_cursor_stands_though_bills_come_and_go(store: Store, user: User, receipts: None) -> None:
    first = list_bills(store, user, BillFilter(whose="own"), limit=2)
    assert [bill.name for bill in first.bills] == ["d", "c"]
    receipt(store, user, "f", "Neu", None, None)
    delete_bill(store, user, first.bills[1].id)  # the one that the cursor stands at
    later = list_bills(store, user, BillFilter(whose="own"), limit=2, cursor=first.cursor)
    assert [bill.name for bill in later.bills] == ["b", "a"]
    assert later.cursor is None


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "....", "WzFd", "bnVsbA", "ä", "W10", "e30", "WyItdG90YWwiLCAibWFueSIsIDFd", "WyItdG90YWwiLDEsIjEiXQ"],
)
def test_a_cursor_from_elsewhere_is_refused(store: Store, user: User, receipts: None, cursor: str) -> None:
    mine = list_bills(store, user, order="-total", limit=1).cursor
    assert list_bills(store, user, order="-total", cursor=mine).bills
    with pytest.raises(BadCursor):
        list_bills(store, user, order="-total", cursor=cursor)
    with pytest.raises(BadCursor):
        list_bills(store, user, order="total", cursor=mine)


def test_an_endless_search_is_cut(store: Store, user: User, receipts: None) -> None:
    assert found(store, user, search="aldi " * 100_000) == "eb"


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({}, (None, None, None, None)),
        ({"company": None, "date": None, "total": None, "currency": None}, (None, None, None, None)),
        (
            {
                "company": {"value": "Bäcker\0" + "x" * 300},
                "date": {"value": "2026-02-28"},
                "total": {"value": "12.345"},
                "currency": {"value": "EUR"},
            },
            ("Bäcker" + "x" * 249, date(2026, 2, 28), 1234, "EUR"),
        ),
        ({"total": {"value": "1e30"}, "currency": {"value": None}}, (None, None, None, None)),
        ({"total": {"value": "-0.07"}}, (None, None, -7, None)),
    ],
    ids=["nothing", "nothing found", "everything", "absurd", "refund"],
)
def test_what_was_found_is_summed_up_for_lists(
    store: Store, user: User, fields: dict[str, object], summary: tuple[object, ...]
) -> None:
    bill = upload(store, user)
    attempt = begin_reading(store, [bill.id], "run", "upload")[bill.id]
    assert publish_result(store, attempt, document("Milk"), fields)
    listed = bill_for(store, user, bill.id)
    assert (listed.merchant, listed.billed_on, listed.total_cents, listed.currency) == summary


def test_a_later_reading_leaves_the_list_to_what_people_corrected(store: Store, user: User) -> None:
    bill = upload(store, user)
    read(store, bill, "Mi1k")
    with store.database.session() as session:
        corrected = session.scalars(select(Bill)).one()
        corrected.revision = 1
        summarise(corrected, {"company": {"value": "Kiosk"}}, "Milk")
    read_again(store, user, bill.id)
    read(store, bill, "Mi1k", "b")
    assert list_bills(store, user, BillFilter(search="milk kiosk")).total == 1
    assert list_bills(store, user, BillFilter(search="mi1k")).total == 0
