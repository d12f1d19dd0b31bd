from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from billocr_assets.store import Store, quotas
from billocr_assets.store.bills import bill_for, list_bills, read_again, register_upload
from billocr_assets.store.errors import AccountNotFound, Damaged, QuotaExceeded, TooLarge, TooManyPages
from billocr_assets.store.reading import begin_reading, publish_result, record_failure
from billocr_assets.store.schema import Attempt, Bill, Plan, QuotaHold, UsageMonth, UsageNow, User, new_id, now
from billocr_assets.store.trash import delete_bill, empty_trash, restore_bill
from tests.files import encode, page, pdf_pages
from tests.store.documents import document
from tests.store.people import add_user


def picture(seed: int, side: int = 20) -> bytes:
    return encode(page(side, side, seed=seed), "PNG")


def upload(store: Store, user: User, seed: int = 0) -> Bill:
    return register_upload(store, user, "bill.png", picture(seed))


def read(store: Store, bill: Bill, run: str = "run") -> None:
    assert publish_result(store, begin_reading(store, [bill.id], run, "upload")[bill.id], document("Milk"), {})


def fail(store: Store, bill: Bill) -> None:
    assert record_failure(store, begin_reading(store, [bill.id], "run", "upload")[bill.id], "text_lines", "why")


def used(store: Store, user: User) -> tuple[int | None, int | None, int | None]:
    """Bills this month, bytes kept, bills in flight."""
    found = quotas.usage(store, user)
    return tuple(found[name].used for name in ("bills_per_month", "storage_bytes", "bills_in_flight"))  # type: ignore[return-value]


def files(store: Store) -> int:
    return sum(path.is_file() for path in Path(store.settings.objects).rglob("*"))


def test_of_sixteen_uploads_at_once_into_five_free_places_five_are_taken(store: Store) -> None:
    for turn, limit in enumerate(("bills_per_month", "bills_in_flight", "storage_bytes")):
        size = len(picture(0))
        user = add_user(store, f"user{turn}", limits={limit: 5 if limit != "storage_bytes" else 5 * size + size // 2})

        def try_upload(number: int, user: User = user) -> str:
            try:
                return register_upload(store, user, f"{number}.png", picture(0), keep_duplicate=True).id
            except QuotaExceeded as refusal:
                return refusal.what

        with ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(try_upload, range(16)))
        assert outcomes.count(limit) == 11
        assert used(store, user) == (5, 5 * size, 5)
        assert list_bills(store, user).total == 5
        assert files(store) == 5 * (turn + 1)  # a refused upload leaves no object


def test_sixteen_at_once_into_five_places_take_five_a_hundred_times(store: Store) -> None:
    def try_reserve(user: User) -> bool:
        try:
            with store.database.session() as session:
                quotas.reserve(session, user, new_id(), 10)
        except QuotaExceeded:
            return False
        return True

    users = [add_user(store, f"user{turn}", limits={"bills_per_month": 5}) for turn in range(100)]
    with ThreadPoolExecutor(16) as pool:
        for user in users:
            assert list(pool.map(try_reserve, [user] * 16)).count(True) == 5
    with store.database.reading() as session:
        assert set(session.execute(select(UsageMonth.bills, UsageNow.bytes, UsageNow.in_flight).join(
            UsageNow, UsageNow.user_id == UsageMonth.user_id))) == {(5, 50, 5)}  # fmt: skip
        assert session.scalar(select(func.count()).select_from(QuotaHold)) == 500


def test_after_a_storm_of_uploads_readings_and_deletions_the_counters_equal_the_rows(store: Store) -> None:
    users = [add_user(store, f"user{n}", limits={"bills_in_flight": 6}) for n in range(3)]

    def storm(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(12):
            user = dice.choice(users)
            key = new_id()
            try:
                with store.database.session() as session:
                    quotas.reserve(session, user, key, 100)
                    session.add(Bill(id=key, owner_id=user.id, sha256="0", name="a", media_type="image/png", bytes=100,
                                     pages=1, search="a", trashed_at=now()))  # fmt: skip
            except QuotaExceeded:
                continue
            ends = [dice.choice((True, False)) for _ in range(2)]  # both ends of a reading may come at once
            with ThreadPoolExecutor(2) as pair:
                list(pair.map(settle, [key] * 2, ends))
            if user is users[-1] and dice.random() < 0.3:
                empty_trash(store, user)

    def settle(key: str, charged: bool) -> None:
        with store.database.session() as session:
            quotas.settle(session, key, charged)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(storm, range(8)))
    for user in users:
        with store.database.reading() as session:
            kept = session.execute(select(func.count(), func.sum(Bill.bytes)).where(Bill.owner_id == user.id)).one()
            holds = session.execute(select(QuotaHold.state, func.count()).where(QuotaHold.user_id == user.id).group_by(
                QuotaHold.state)).all()  # fmt: skip
            states = dict(holds)  # type: ignore[arg-type]
        month, size, in_flight = used(store, user)
        assert (size, in_flight) == (kept[1] or 0, 0)
        assert states.get("held", 0) == 0
        assert sum(states.values()) == kept[0]
        if user is not users[-1]:
            assert month == states.get("committed", 0)
        empty_trash(store, user)
        assert used(store, user) == (month, 0, 0)  # what was charged stays so


def test_an_upload_is_charged_once_it_is_read(store: Store) -> None:
    user = add_user(store, "ann")
    bill = upload(store, user)
    assert used(store, user) == (1, bill.bytes, 1)
    read(store, bill)
    assert used(store, user) == (1, bill.bytes, 0)


def test_what_could_not_be_read_is_given_back_once(store: Store) -> None:
    user = add_user(store, "ann")
    failed, good = upload(store, user, 1), upload(store, user, 2)
    fail(store, failed)
    assert used(store, user) == (1, failed.bytes + good.bytes, 1)
    read_again(store, user, failed.id)
    fail(store, failed)
    read_again(store, user, failed.id)
    read(store, failed)
    assert used(store, user) == (1, failed.bytes + good.bytes, 1)


def test_reading_again_and_backfills_cost_nothing(store: Store) -> None:
    user = add_user(store, "ann", limits={"bills_per_month": 1, "bills_in_flight": 1})
    bill = upload(store, user)
    read(store, bill)
    read_again(store, user, bill.id)
    read(store, bill, "again")
    attempt = begin_reading(store, [bill.id], "backfill", "backfill")[bill.id]
    assert publish_result(store, attempt, document("Milk"), {})
    assert used(store, user) == (1, bill.bytes, 0)


def test_a_file_that_is_refused_at_the_door_is_not_charged(store: Store) -> None:
    user = add_user(store, "ann")
    with pytest.raises(Damaged):
        register_upload(store, user, "a.png", picture(0)[:-30])
    assert used(store, user) == (0, 0, 0)


def test_deleting_frees_bytes_when_the_trash_is_emptied_and_never_the_month(store: Store) -> None:
    user = add_user(store, "ann")
    bill, waiting = upload(store, user, 1), upload(store, user, 2)
    read(store, bill)
    delete_bill(store, user, bill.id)
    assert used(store, user) == (2, bill.bytes + waiting.bytes, 1)
    restore_bill(store, user, bill.id)
    delete_bill(store, user, bill.id)
    delete_bill(store, user, waiting.id)  # while it is being read
    empty_trash(store, user)
    assert used(store, user) == (2, 0, 0)


def test_a_refusal_says_what_how_much_and_when_it_renews(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "now", lambda: datetime(2026, 12, 31, 23, tzinfo=UTC))
    user = add_user(store, "ann", limits={"bills_per_month": 2})
    upload(store, user, 1), upload(store, user, 2)
    with pytest.raises(QuotaExceeded, match=r"2 of 2 bills this month\. There is room again from 1 January 2027") as no:
        upload(store, user, 3)
    assert (no.value.code, no.value.what, no.value.used, no.value.limit) == ("quota_exceeded", "bills_per_month", 2, 2)
    assert no.value.resets_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert quotas.usage(store, user)["bills_per_month"] == quotas.Use(2, 2, datetime(2027, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(quotas, "now", lambda: datetime(2027, 1, 1, tzinfo=UTC))
    later = upload(store, user, 3)
    assert used(store, user)[0] == 1
    fail(store, later)
    assert used(store, user)[0] == 0


@pytest.mark.parametrize(
    ("limits", "data", "sentence", "code"),
    [
        ({"storage_bytes": 1000}, picture(0, 40), "0.0 MB of 0.0 MB, and this file needs 0.0 MB", "quota_exceeded"),
        ({"bills_in_flight": 0}, picture(0), "0 of your bills are being read, and 0 at once", "quota_exceeded"),
        ({"max_file_bytes": 1000}, picture(0, 40), "your plan allows 0.0 MB", "too_large"),
        ({"max_pages": 2}, pdf_pages(3), "3 pages, and your plan allows 2", "too_many_pages"),
    ],
    ids=["storage", "in flight", "file", "pages"],
)  # fmt: skip
def test_each_limit_is_refused_in_a_sentence_and_leaves_nothing(
    store: Store, limits: dict[str, int], data: bytes, sentence: str, code: str
) -> None:
    user = add_user(store, "ann", limits=limits)
    with pytest.raises(QuotaExceeded, match=sentence) as refusal:
        register_upload(store, user, "a", data)
    assert refusal.value.code == code
    assert str(refusal.value).endswith(".")
    assert refusal.value.resets_at is None
    assert used(store, user) == (0, 0, 0)
    assert files(store) == 0


def test_an_upload_that_cannot_be_taken_is_refused_before_it_is_decoded(store: Store) -> None:
    user = add_user(store, "ann", limits={"bills_per_month": 0})
    with pytest.raises(QuotaExceeded):
        register_upload(store, user, "a.png", picture(0)[:-30])  # that it is damaged only decoding would tell


def test_a_users_own_limits_go_before_those_of_the_plan(store: Store, user: User) -> None:
    with store.database.session() as session:
        session.add(small := Plan(name="small", bills_per_month=1, storage_bytes=10**6, bills_in_flight=3))
    plain, more, free = (
        add_user(store, name, plan_id=small.id, limits=limits)
        for name, limits in (("a", {}), ("b", {"bills_per_month": 2}), ("c", {"bills_per_month": None}))
    )
    assert [quotas.usage(store, each)["bills_per_month"].limit for each in (plain, more, free)] == [1, 2, None]
    assert [quotas.usage(store, each)["bills_in_flight"].limit for each in (plain, more, free)] == [3, 3, 3]
    with store.database.session() as session:
        session.execute(update(User).where(User.id == plain.id).values(limits={"bills_per_month": 7}))
    assert quotas.usage(store, plain)["bills_per_month"].limit == 7  # at once, whatever the user in hand says


def test_everybody_has_a_plan_and_the_local_user_no_limits_but_the_doors(store: Store, user: User) -> None:
    assert {use.limit for name, use in quotas.usage(store, user).items() if name not in ("max_file_bytes", "max_pages")
            } == {None}  # fmt: skip
    assert quotas.usage(store, user)["max_file_bytes"].limit == 25 * 2**20
    assert quotas.usage(store, user)["max_pages"].limit == 20
    account, demo = add_user(store, "ann"), add_user(store, "demo", kind="demo", email=None)
    for each, least, most in ((account, 100, 1000), (demo, 5, 50)):
        assert least <= (quotas.usage(store, each)["bills_per_month"].limit or 0) <= most
    store.settings.max_upload_mb = 1
    assert quotas.usage(store, demo)["max_file_bytes"].limit == 2**20  # a plan opens the door no wider


def test_the_installations_own_limits_stay_those_of_the_door(store: Store) -> None:
    user = add_user(store, "ann", limits={"max_file_bytes": 10**9, "max_pages": 100})
    store.settings.max_upload_mb = 1
    store.settings.max_pages = 2
    with pytest.raises(TooLarge):
        register_upload(store, user, "a", picture(0) + b"\0" * 2**20)
    with pytest.raises(TooManyPages):
        register_upload(store, user, "a", pdf_pages(3))


def test_the_same_reservation_twice_takes_once(store: Store) -> None:
    user = add_user(store, "ann")
    for _ in range(2):
        with store.database.session() as session:
            quotas.reserve(session, user, "key", 10)
    assert used(store, user) == (1, 10, 1)


def test_a_user_who_is_gone_uploads_nothing(store: Store) -> None:
    with pytest.raises(AccountNotFound):
        upload(store, User(id=999, name="never saved"))
    assert files(store) == 0


@pytest.mark.parametrize(("state", "month"), [("done", 1), ("failed", 0), (None, 0)])
def test_the_sweeper_settles_holds_that_something_from_outside_has_left(
    store: Store, state: str | None, month: int
) -> None:
    user = add_user(store, "ann")
    left, alive, young = (upload(store, user, seed) for seed in range(3))
    with store.database.session() as session:
        ended = update(Attempt).where(Attempt.bill_id == left.id).values(state=state)
        session.execute(ended if state else delete(Attempt).where(Attempt.bill_id == left.id))
        session.execute(update(Attempt).where(Attempt.bill_id == young.id).values(state="failed"))
        old = update(QuotaHold).where(QuotaHold.key != young.id).values(created_at=now() - timedelta(hours=3))
        session.execute(old)
    assert quotas.sweep(store, timedelta(hours=2)) == 1
    assert used(store, user)[0] == month + 2
    assert used(store, user)[2] == 2
    assert quotas.sweep(store, timedelta(hours=2)) == 0
    assert bill_for(store, user, alive.id).status == "received"


def test_many_uploads_and_ends_at_once_never_wait_in_a_circle(store: Store) -> None:
    user = add_user(store, "ann")

    def upload_and_read(seed: int) -> None:
        bill = upload(store, user, seed)
        (read if seed % 3 else fail)(store, bill)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload_and_read, range(24)))
    assert used(store, user) == (16, sum(bill.bytes for bill in list_bills(store, user, limit=50).bills), 0)
