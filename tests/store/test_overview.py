from billocr_assets.ocr.document import Document
from billocr_assets.store.bills import read_again, register_upload
from billocr_assets.store.overview import overview
from billocr_assets.store.reading import NETWORKS, begin_reading, publish_result, record_stage
from billocr_assets.store.schema import User, new_id
from tests import files

EMPTY = Document((), dict.fromkeys(NETWORKS, "1.0.0"))


def upload(store, user, seed):
    return register_upload(store, user, f"{seed}.png", files.encode(files.page(seed=seed), "PNG"))


def test_every_bill_comes_once_with_its_newest_fields_in_the_order_asked_for(store, user):
    first, second = upload(store, user, 1), upload(store, user, 2)
    for total in ("1.00", "2.00"):
        (attempt,) = begin_reading(store, [first.id], f"run {total}", "backfill").values()
        publish_result(store, attempt, EMPTY, {"total": {"value": total}})
    found = overview(store, user, [second.id, first.id, new_id()])
    assert [(entry.bill.id, entry.fields) for entry in found] == [
        (second.id, None),
        (first.id, {"total": {"value": "2.00"}}),
    ]


def test_the_stage_is_that_of_the_reading_under_way(store, user):
    bill = upload(store, user, 1)
    attempts = begin_reading(store, [bill.id], "run", "upload")
    record_stage(store, attempts.values(), "text_lines")
    assert overview(store, user, [bill.id])[0].stage == "text_lines"
    publish_result(store, attempts[bill.id], EMPTY, {})
    assert overview(store, user, [bill.id])[0].stage is None
    read_again(store, user, bill.id)
    assert overview(store, user, [bill.id])[0].stage is None


def test_somebody_elses_bills_are_left_out(store, user):
    bill = upload(store, user, 1)
    with store.database.session() as session:
        session.add(other := User(name="other"))
    assert overview(store, other, [bill.id]) == []
