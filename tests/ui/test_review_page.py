import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import billocr_ui
from billocr_assets.store.bills import bill_for
from billocr_assets.store.errors import BeingReviewed
from billocr_assets.store.review import mark
from billocr_assets.store.schema import Bill, Grant, User
from billocr_ui.services.bill_page import bill_page
from billocr_ui.services.review_page import review_page

APP = Path(billocr_ui.__file__).parent / "app.py"


@pytest.fixture
def colleague(store) -> User:
    with store.database.session() as session:
        session.add(user := User(name="Anna"))
    return user


def review(store, user, skip=()):
    return review_page(store, user, skip, datetime.now(UTC), UTC)


def share(store, bill: Bill, user: User) -> None:
    with store.database.session() as session:
        session.add(Grant(bill_id=bill.id, user_id=user.id, level="edit"))


def test_the_bill_with_the_most_doubts_comes_first_and_is_kept_for_its_reviewer(store, user, read):
    read("sure.png", confidence=0.99)
    doubtful = read("doubtful.png", confidence=0.4)
    found = review(store, user)
    assert (found.page.bill.id, found.left) == (doubtful.id, 2)
    assert found.page.editor["review"]
    assert review(store, user).page.bill.id == doubtful.id, "the same one until it is done"
    assert bill_for(store, user, doubtful.id).review == "in_review"


def test_a_bill_that_is_done_leaves_the_queue_and_the_last_one_leaves_nothing(store, user, read):
    first, second = read("a.png", confidence=0.5), read("b.png", confidence=0.8)
    for bill, left in ((first, 2), (second, 1)):
        found = review(store, user)
        assert (found.page.bill.id, found.left) == (bill.id, left)
        mark(store, user, bill.id, reviewed=True)
    assert review(store, user).page is None
    assert review(store, user).left == 0


def test_a_bill_that_is_passed_over_makes_room_for_the_next(store, user, read):
    first, second = read("a.png", confidence=0.5), read("b.png", confidence=0.8)
    assert review(store, user).page.bill.id == first.id
    assert review(store, user, skip=[first.id]).page.bill.id == second.id


def test_two_reviewers_get_different_bills_and_the_page_says_who_is_at_it(store, user, colleague, read):
    bill = read(confidence=0.5)
    share(store, bill, colleague)
    assert review(store, colleague).page.bill.id == bill.id
    assert review(store, user).page is None
    with pytest.raises(BeingReviewed, match="Anna"):
        mark(store, user, bill.id, reviewed=True)
    now = datetime.now(UTC)
    assert bill_page(store, user, bill.id, now, UTC).claimed
    assert not bill_page(store, colleague, bill.id, now, UTC).claimed
    assert not bill_page(store, user, bill.id, now + timedelta(hours=1), UTC).claimed


def test_the_page_puts_the_bill_into_the_editor_and_says_when_nothing_is_left(database_url, store, user, read):
    bill = read(confidence=0.5)
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    app.switch_page("views/review.py").run()
    assert not app.exception
    (editor,) = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    assert (editor["bill"], editor["review"]) == (bill.id, True)
    mark(store, user, bill.id, reviewed=True)
    app.run()
    assert not app.exception
    assert app.subheader[0].value == "Nothing to review"
