from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from sqlalchemy import func, select

from billocr_assets.ocr.document import Document
from billocr_assets.store import Store
from billocr_assets.store.bills import BillFilter, bill_for, latest_result, list_bills, read_again, register_upload
from billocr_assets.store.reading import (
    NETWORKS,
    attempts_of,
    begin_reading,
    bill_bytes,
    model_path,
    open_attempts_after,
    orphans,
    promoted_models,
    publish_result,
    record_failure,
    record_stage,
    sync_shipped_models,
)
from billocr_assets.store.schema import Attempt, Bill, MachineResult, ModelVersion, User, now
from billocr_assets.store.trash import delete_bill, empty_trash
from tests.files import encode, page
from tests.store.documents import VERSIONS, document


@pytest.fixture
def upload(store: Store, user: User) -> Callable[[], Bill]:
    seeds = iter(range(1000))
    return lambda: register_upload(store, user, "bill.png", encode(page(40, 40, seed=next(seeds)), "PNG"))


def results(store: Store) -> list[MachineResult]:
    with store.database.reading() as session:
        return list(session.scalars(select(MachineResult).order_by(MachineResult.id)))


def test_what_was_read_is_kept_with_all_that_is_known_about_it(
    store: Store, user: User, upload: Callable[[], Bill]
) -> None:
    bill = upload()
    attempt = begin_reading(store, [bill.id], "run", "upload")[bill.id]
    assert bill_for(store, user, bill.id).status == "reading"
    assert bill_bytes(store, bill.id) == encode(page(40, 40, seed=0), "PNG")
    found = document("Milk 1,09\nTotal 1,09", confidence=0.8)
    assert publish_result(store, attempt, found, {"total": {"text": "1,09"}})
    result = latest_result(store, user, bill.id)
    assert result
    assert Document.from_dict(result.document) == found
    assert result.fields == {"total": {"text": "1,09"}}
    assert result.text == "Milk 1,09\nTotal 1,09"
    assert result.models == VERSIONS
    assert (result.line_detector, result.line_segmenter, result.line_recogniser) == ("1.0.0", "1.1.0", "2.0.0")
    assert result.seconds == {"text_lines": 0.25}
    assert result.quality[0]["sharpness"] == 80
    assert result.confidence == pytest.approx(0.8)
    assert bill_for(store, user, bill.id).status == "read"
    with store.database.reading() as session:
        ended = session.get_one(Attempt, attempt)
    assert ended.state == "done"
    assert ended.created_at <= ended.started_at <= ended.finished_at  # type: ignore[operator]


def test_a_blank_bill_is_read_without_a_confidence(store: Store, user: User, upload: Callable[[], Bill]) -> None:
    bill = upload()
    publish_result(store, begin_reading(store, [bill.id], "run", "upload")[bill.id], document(""), {})
    result = latest_result(store, user, bill.id)
    assert result
    assert (result.text, result.confidence) == ("", None)


def test_sixteen_ends_of_one_attempt_give_one_result(store: Store, user: User, upload: Callable[[], Bill]) -> None:
    bill = upload()
    attempt = begin_reading(store, [bill.id], "run", "upload")[bill.id]
    together = threading.Barrier(16)

    def publish(number: int) -> bool:
        together.wait()
        return publish_result(store, attempt, document(f"reading {number}"), {}) is not None

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(publish, range(16)))
    assert won.count(True) == 1
    (result,) = results(store)
    assert result.text == f"reading {won.index(True)}"
    assert not publish_result(store, attempt, document("late"), {})
    assert not record_failure(store, attempt, "text_lines", "late")
    assert bill_for(store, user, bill.id).status == "read"


def test_of_a_result_and_a_failure_at_once_one_counts(store: Store, user: User, upload: Callable[[], Bill]) -> None:
    for _ in range(5):
        bill = upload()
        attempt = begin_reading(store, [bill.id], "run", "upload")[bill.id]
        with ThreadPoolExecutor(2) as pool:
            read = pool.submit(publish_result, store, attempt, document("Milk"), {})
            failed = pool.submit(record_failure, store, attempt, "text_lines", "why")
        assert (read.result() is not None) != failed.result()
        assert bill_for(store, user, bill.id).status == ("failed" if failed.result() else "read")


def test_a_run_that_was_given_up_does_not_overwrite_its_successor(
    store: Store, user: User, upload: Callable[[], Bill]
) -> None:
    bill = upload()
    attempt = begin_reading(store, [bill.id], "old", "upload")[bill.id]
    assert begin_reading(store, [bill.id], "new", "upload") == {bill.id: attempt}
    assert attempts_of(store, [bill.id], "old") == {}
    assert attempts_of(store, [bill.id], "new") == {bill.id: attempt}
    assert not publish_result(store, attempt, document("old"), {}, run_id="old")
    assert not record_failure(store, attempt, "text_lines", "old", run_id="old")
    assert publish_result(store, attempt, document("new"), {}, run_id="new")
    assert [result.text for result in results(store)] == ["new"]
    assert begin_reading(store, [bill.id], "old", "upload") == {}  # nothing is left to read


def test_a_failing_write_leaves_the_attempt_open(store: Store, user: User, upload: Callable[[], Bill]) -> None:
    bill = upload()
    attempt = begin_reading(store, [bill.id], "run", "upload")[bill.id]
    with pytest.raises(Exception, match="serializable"):
        publish_result(store, attempt, document("Milk"), {"items": object()})
    assert results(store) == []
    assert bill_for(store, user, bill.id).status == "reading"
    assert publish_result(store, attempt, document("Milk"), {})


def test_a_retry_of_a_run_goes_on_where_it_was(store: Store, upload: Callable[[], Bill]) -> None:
    bills = [upload().id for _ in range(3)]
    begun = begin_reading(store, bills, "root", "upload")
    assert list(begun) == bills
    publish_result(store, begun[bills[0]], document("Milk"), {})
    record_failure(store, begun[bills[1]], "text_lines", "why")
    assert begin_reading(store, bills, "root", "upload") == {bills[2]: begun[bills[2]]}


def test_a_backfill_reads_each_bill_once_however_often_it_is_retried(
    store: Store, user: User, upload: Callable[[], Bill]
) -> None:
    read, failed, waiting = (upload() for _ in range(3))
    begun = begin_reading(store, [read.id, failed.id], "first", "upload")
    publish_result(store, begun[read.id], document("Mi1k"), {})
    record_failure(store, begun[failed.id], "text_lines", "why")
    ids = [read.id, failed.id, waiting.id]

    begun = begin_reading(store, ids, "backfill", "backfill")
    assert list(begun) == ids
    assert begin_reading(store, ids, "backfill", "backfill") == begun
    for attempt in begun.values():
        publish_result(store, attempt, document("Milk"), {})
    assert begin_reading(store, ids, "backfill", "backfill") == {}
    assert [result.text for result in results(store)] == ["Mi1k", "Milk", "Milk", "Milk"]
    with store.database.reading() as session:
        rows = session.execute(select(Attempt.number, Attempt.origin).order_by(Attempt.id)).all()
    assert [tuple(row) for row in rows] == [(1, "upload")] * 3 + [(2, "backfill")] * 2
    assert set(begin_reading(store, ids, "next backfill", "backfill")) == set(ids)


def test_without_a_wish_only_a_backfill_reads(store: Store, upload: Callable[[], Bill]) -> None:
    bill = upload()
    publish_result(store, begin_reading(store, [bill.id], "a", "upload")[bill.id], document("Milk"), {})
    assert begin_reading(store, [bill.id], "b", "upload") == {}
    assert begin_reading(store, [bill.id], "b", "read_again") == {}


def test_the_inbox_hands_out_wishes_in_order(store: Store, user: User, upload: Callable[[], Bill]) -> None:
    first, second, third = (upload() for _ in range(3))
    waiting = open_attempts_after(store, 0, 2)
    assert [attempt.bill_id for attempt in waiting] == [first.id, second.id]
    assert [attempt.bill_id for attempt in open_attempts_after(store, waiting[-1].id, 2)] == [third.id]
    begun = begin_reading(store, [first.id, second.id], "run", "upload")
    assert [attempt.bill_id for attempt in open_attempts_after(store, 0, 9)] == [third.id]
    publish_result(store, begun[first.id], document("Milk"), {})
    wish = read_again(store, user, first.id)
    assert [attempt.id for attempt in open_attempts_after(store, waiting[-1].id, 9)][-1] == wish.id


def test_the_sweeper_finds_what_nothing_has_happened_to(store: Store, upload: Callable[[], Bill]) -> None:
    bills = [upload() for _ in range(4)]
    begun = begin_reading(store, [bill.id for bill in bills[1:]], "dead run", "upload")
    publish_result(store, begun[bills[3].id], document("Milk"), {})
    assert orphans(store, timedelta(minutes=10)) == []
    with store.database.session() as session:
        for attempt in session.scalars(select(Attempt)):
            attempt.created_at = now() - timedelta(hours=1)
            if attempt.bill_id == bills[1].id:
                attempt.started_at = now() - timedelta(hours=1)
    found = [(attempt.bill_id, attempt.run_id) for attempt in orphans(store, timedelta(minutes=10))]
    assert found == [(bills[0].id, None), (bills[1].id, "dead run")]  # the third has only just begun


def test_the_stage_of_an_open_attempt_is_told(store: Store, upload: Callable[[], Bill]) -> None:
    bills = [upload().id for _ in range(2)]
    begun = begin_reading(store, bills, "run", "upload")
    record_stage(store, begun.values(), "text_lines")
    publish_result(store, begun[bills[0]], document("Milk"), {})
    record_stage(store, begun.values(), "bill_fields")
    with store.database.reading() as session:
        assert list(session.scalars(select(Attempt.stage).order_by(Attempt.id))) == ["text_lines", "bill_fields"]


def test_a_bill_that_is_removed_while_it_is_read_stays_gone(
    store: Store, user: User, upload: Callable[[], Bill]
) -> None:
    bill = upload()
    attempt = begin_reading(store, [bill.id], "run", "upload")[bill.id]
    delete_bill(store, user, bill.id)
    empty_trash(store, user)
    record_stage(store, [attempt], "text_lines")
    assert not publish_result(store, attempt, document("Milk"), {})
    assert not record_failure(store, attempt, "text_lines", "why")
    assert begin_reading(store, [bill.id], "run", "backfill") == {}
    assert results(store) == []


def test_runs_people_and_backfills_at_once_neither_block_nor_read_twice(
    store: Store, user: User, upload: Callable[[], Bill]
) -> None:
    bills = [upload().id for _ in range(5)]
    published: list[int] = []

    def run(name: str, origin: str) -> None:
        order = random.Random(name)
        for turn in range(3):
            batch = order.sample(bills, len(bills))
            begun = begin_reading(store, batch, f"{name}-{turn}", origin)  # type: ignore[arg-type]
            record_stage(store, order.sample(list(begun.values()), len(begun)), "text_lines")
            for attempt in begun.values():
                if order.random() < 0.2:
                    record_failure(store, attempt, "text_lines", "why")
                elif publish_result(store, attempt, document(name), {}):
                    published.append(attempt)

    def click(name: str) -> None:
        for bill in random.Random(name).choices(bills, k=8):
            read_again(store, user, bill)
            list_bills(store, user, BillFilter(search="a"))

    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(run, f"upload{n}", "upload") for n in range(3)]
        work += [pool.submit(run, f"backfill{n}", "backfill") for n in range(2)]
        work += [pool.submit(click, f"person{n}") for n in range(3)]
        for future in work:
            future.result()
    assert sorted(published) == sorted(result.attempt_id for result in results(store))
    with store.database.reading() as session:
        done = session.scalar(select(func.count()).where(Attempt.state == "done"))
        most_open = session.scalars(select(func.count()).where(Attempt.state == "open").group_by(Attempt.bill_id)).all()
    assert done == len(published)
    assert all(count == 1 for count in most_open)


# Models


def ship(folder: Path, network: str, version: str, accuracy: float = 0.9) -> None:
    """Write a real ONNX graph with a version in its metadata."""
    (folder / network).mkdir(parents=True, exist_ok=True)
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], version, [value], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"name": network, "version": version})
    onnx.save(model, folder / network / "model.onnx")
    (folder / network / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))


@pytest.fixture
def models(store: Store, tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    for network in NETWORKS:
        ship(folder, network, "1.0.0")
    store.settings.models_dir = folder
    return folder


def test_the_weights_that_ship_are_the_first_promoted_versions(store: Store, models: Path) -> None:
    assert promoted_models(store) == {}
    with ThreadPoolExecutor(4) as pool:  # several processes start at once
        list(pool.map(lambda _: sync_shipped_models(store), range(8)))
    promoted = promoted_models(store)
    assert {name: row.version for name, row in promoted.items()} == dict.fromkeys(NETWORKS, "1.0.0")
    assert promoted["line_detector"].figures == {"accuracy": 0.9}
    assert model_path(store, promoted["line_detector"]) == models / "line_detector" / "model.onnx"
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ModelVersion)) == 3


def test_an_upgrade_promotes_what_it_brings_and_a_rollback_what_was_there(store: Store, models: Path) -> None:
    sync_shipped_models(store)
    ship(models, "line_detector", "1.1.0")
    assert sync_shipped_models(store)["line_detector"].version == "1.1.0"
    ship(models, "line_detector", "1.0.0", accuracy=0.8)
    promoted = sync_shipped_models(store)
    assert promoted["line_detector"].version == "1.0.0"
    assert promoted["line_detector"].figures == {"accuracy": 0.8}
    assert promoted["line_segmenter"].version == "1.0.0"


def test_an_upgrade_does_not_push_out_a_version_that_was_trained_here(store: Store, models: Path) -> None:
    sync_shipped_models(store)
    with store.database.session() as session:
        shipped = session.scalars(select(ModelVersion).where(ModelVersion.network == "line_detector")).one()
        shipped.state = "retired"
        session.flush()
        trained = {"sha256": "0" * 64, "path": "x", "figures": {}, "origin": "trained", "state": "promoted"}
        session.add(ModelVersion(network="line_detector", version="2026-10", **trained))
    ship(models, "line_detector", "1.1.0")
    assert sync_shipped_models(store)["line_detector"].version == "2026-10"
    with store.database.reading() as session:
        states = session.execute(select(ModelVersion.version, ModelVersion.state).filter_by(network="line_detector"))
        assert dict(states.all()) == {"1.0.0": "retired", "2026-10": "promoted", "1.1.0": "candidate"}  # type: ignore[arg-type]
