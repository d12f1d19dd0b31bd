from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from billocr_assets.fields.extract import extract_fields
from billocr_assets.ocr.document import Document
from billocr_assets.store import Store
from billocr_assets.store.bills import bill_for, register_upload
from billocr_assets.store.corrections import apply_operations
from billocr_assets.store.learning import training_corrections
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.registry import Use, register_candidate, versions
from billocr_assets.store.review import mark
from billocr_assets.store.schema import Bill, Grant, User
from billocr_assets.store.trash import delete_bill
from tests.files import encode
from tests.store.documents import printed
from tests.store.people import add_user

BILL = "ACME MARKET\nBread 2.50\nTOTAL EUR 2.50"


def picture(document: Document) -> np.ndarray:
    """White paper, on which every line of the document is a bar, each a little lighter than the one above."""
    (page,) = document.pages
    paper = np.full((page.height, page.width), 255, np.uint8)
    for number, line in enumerate(page.lines):
        (x0, y0), _, (x1, y1), _ = line.polygon
        paper[round(y0) : round(y1), round(x0) : round(x1)] = 20 * number
    return paper


def add_bill(store: Store, owner: User, picture: np.ndarray, document: Document) -> Bill:
    data = encode(Image.fromarray(picture), "PNG")
    bill = register_upload(store, owner, "bill.png", data, keep_duplicate=True)
    attempt = begin_reading(store, [bill.id], bill.id, "upload")[bill.id]
    publish_result(store, attempt, document, extract_fields(document).to_dict())
    return bill_for(store, owner, bill.id)


def correct(store: Store, user: User, bill: Bill, **op: Any) -> None:
    op = {"kind": "set_text", "line": "p1l1", "text": "Brot 2.50"} | op
    base = bill_for(store, user, bill.id).revision
    apply_operations(store, user, bill.id, f"tab-{user.id}-{base}", base, [{"seq": 1, "op": op}])


@pytest.fixture
def owner(store: Store) -> User:
    return add_user(store, "owner", training_consent=True)


@pytest.fixture
def bill(store: Store, owner: User) -> Bill:
    document = printed(BILL)
    bill = add_bill(store, owner, picture(document), document)
    correct(store, owner, bill)
    return bill


def learned(store: Store, **how: Any) -> set[str]:
    return {page.bill_id for page in training_corrections(store, **how)}


def change(store: Store, user: User, **values: Any) -> None:
    with store.database.session() as session:
        session.execute(update(User).where(User.id == user.id).values(**values))


def test_a_corrected_line_is_told_with_its_picture_and_all_others_are_not_known(
    store: Store, owner: User, bill: Bill
) -> None:
    (page,) = training_corrections(store)
    assert (page.bill_id, page.revision, page.consent_by) == (bill.id, 1, owner.id)
    assert [(line["text"], line["ignore"]) for line in page.lines] == [("", True), ("Brot 2.50", False), ("", True)]
    assert (page.picture == picture(printed(BILL))).all()
    assert learned(store, reviewed=True) == set()
    mark(store, owner, bill.id, reviewed=True)
    (page,) = training_corrections(store, reviewed=True)
    assert [line["text"] for line in page.lines] == ["ACME MARKET", "Brot 2.50", "TOTAL EUR 2.50"]


def test_nothing_is_learned_without_consent_nor_from_demo_or_disabled_users(
    store: Store, owner: User, bill: Bill
) -> None:
    assert learned(store) == {bill.id}
    for values in ({"training_consent": False}, {"kind": "demo"}, {"status": "disabled"}):
        change(store, owner, **values)
        assert learned(store) == set()
        change(store, owner, training_consent=True, kind="account", status="active")
    delete_bill(store, owner, bill.id)
    assert learned(store) == set()


def test_a_corrector_who_has_not_agreed_takes_the_bill_out(store: Store, owner: User, bill: Bill) -> None:
    helper = add_user(store, "helper")
    with store.database.session() as session:
        session.add(Grant(bill_id=bill.id, user_id=helper.id, level="edit"))
    correct(store, helper, bill, line="p1l0", text="ACME")
    assert learned(store) == set()
    change(store, helper, training_consent=True)
    assert learned(store) == {bill.id}


def test_a_bill_that_nobody_has_corrected_teaches_nothing(store: Store, owner: User) -> None:
    document = printed(BILL)
    add_bill(store, owner, picture(document), document)
    assert learned(store) == set()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_page_that_lies_on_its_side_is_turned_upright_with_its_lines(store: Store, owner: User, turns: int) -> None:
    upright = printed(BILL)
    (page,) = upright.pages
    # The upload stands as many quarters too far to the left.
    lying, width, height = np.rot90(picture(upright), turns), page.width, page.height

    def lay(point: tuple[float, float]) -> tuple[float, float]:
        (x, y), w, h = point, width, height
        for _ in range(turns):
            x, y, w, h = y, w - x, h, w
        return x, y

    def laid(part: Any) -> Any:
        return replace(part, polygon=tuple(lay(point) for point in part.polygon))

    lines = [
        replace(
            laid(line),
            segments=tuple(
                replace(laid(segment), words=tuple(laid(word) for word in segment.words)) for segment in line.segments
            ),
        )
        for line in page.lines
    ]
    quality = replace(page.quality, orientation=90 * turns)
    size = {"width": lying.shape[1], "height": lying.shape[0]}
    document = replace(upright, pages=(replace(page, lines=tuple(lines), quality=quality, **size),))
    bill = add_bill(store, owner, np.ascontiguousarray(lying), document)
    correct(store, owner, bill)
    (found,) = training_corrections(store)
    assert (found.picture == picture(upright)).all()
    assert found.lines[1]["polygon"] == [list(point) for point in page.lines[1].polygon]


def test_the_registry_tells_which_corrections_a_version_has_seen(
    store: Store, owner: User, bill: Bill, tmp_path: Path
) -> None:
    weights = tmp_path / "model.onnx"
    weights.write_bytes(b"weights")
    uses = [Use(bill.id, 1, owner.id), Use("0" * 32, 3, owner.id)]  # the second bill is gone meanwhile
    for _ in range(2):
        register_candidate(store, "line_recogniser", "trained-1", weights, {}, uses)
    (version,) = versions(store, owner)
    assert version.corrections == 1
    assert [(seen.id, revision) for seen, revision in version.learned] == [(bill.id, 1)]
    (version,) = versions(store, add_user(store, "stranger"))
    assert (version.corrections, version.learned) == (1, ())
