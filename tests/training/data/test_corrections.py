from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from billocr_assets.fields.extract import extract_fields
from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import register_upload
from billocr_assets.store.corrections import apply_operations
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import User
from tests.readings import bill_picture
from tests.store.documents import printed
from tests.store.people import add_user
from training.data.corrections import known_lines, write_pack
from training.data.lines import LineBatches, lines_of
from training.data.receipts import read_pack

LINES = ("ACME MARKET", "Bread 2.50", "TOTAL 2.50")


@pytest.fixture
def store(sqlite_url: str, tmp_path: Path) -> Store:
    return open_store(Settings(home=tmp_path / "home", database_url=sqlite_url))


def corrected(store: Store, user: User, number: int, text: str) -> str:
    bill = register_upload(store, user, f"{number}.png", bill_picture(number, LINES))
    document = printed("\n".join(LINES))
    attempt = begin_reading(store, [bill.id], bill.id, "upload")[bill.id]
    publish_result(store, attempt, document, extract_fields(document).to_dict())
    operations = [{"seq": 1, "op": {"kind": "set_text", "line": "p1l1", "text": text}}]
    apply_operations(store, user, bill.id, "tab", 0, operations)
    return bill.id


def test_the_recogniser_draws_corrected_lines_and_none_of_a_demo_users(store: Store, tmp_path: Path) -> None:
    agreed = add_user(store, "agreed", training_consent=True)
    demo = add_user(store, "demo", kind="demo", email=None, training_consent=True)
    bill = corrected(store, agreed, 1, "Brot 2.50")
    corrected(store, demo, 2, "Demo 9.99")
    pack = tmp_path / "corrections"
    (use,) = write_pack(store, pack)
    assert (use.bill_id, use.revision, use.consent_by) == (bill, 1, agreed.id)
    assert known_lines(pack) == 1
    lines = lines_of(read_pack(pack))
    assert [line.text for line in lines] == ["Brot 2.50"]
    batches = LineBatches(lines, None, short=0, pool=8, joined_share=0, blank_share=0, reverse_share=0)
    batch = next(iter(batches))
    assert set(batch.lengths.tolist()) == {len("Brot 2.50")}
    assert np.isfinite(batch.images.numpy()).all()


def test_consent_that_ends_takes_the_pictures_away_but_not_what_was_learned(store: Store, tmp_path: Path) -> None:
    user = add_user(store, "agreed", training_consent=True)
    bill = corrected(store, user, 1, "Brot 2.50")
    pack = tmp_path / "corrections"
    write_pack(store, pack)
    with store.database.session() as session:
        session.get_one(User, user.id).training_consent = False
    assert [use.bill_id for use in write_pack(store, pack)] == [bill]
    assert not pack.exists()


def test_where_nobody_has_corrected_anything_there_is_no_pack(store: Store, tmp_path: Path) -> None:
    assert write_pack(store, tmp_path / "corrections") == []
    assert list(tmp_path.glob("corrections*")) == []
