import pytest

from billocr_assets.store.bills import list_bills, upload_bytes
from billocr_assets.store.trash import delete_bill
from billocr_ui.services.uploads import bring_back, has_bills, keep_both, submit
from tests import files


@pytest.fixture
def picture() -> bytes:
    return files.encode(files.page(), "JPEG")


def test_a_picture_is_accepted_and_becomes_a_bill(store, user, picture):
    outcome = submit(store, user, "receipt.jpg", picture)
    assert outcome.state == "accepted"
    assert upload_bytes(store, user, outcome.bill_id) == picture
    assert has_bills(store, user)


def test_a_broken_file_is_refused_with_its_sentence_and_leaves_nothing(store, user, picture):
    outcome = submit(store, user, "receipt.jpg", picture[:400])
    assert (outcome.state, outcome.bill_id) == ("refused", None)
    assert "damaged" in outcome.sentence
    assert not has_bills(store, user)


def test_a_text_file_that_calls_itself_a_picture_is_refused(store, user):
    outcome = submit(store, user, "receipt.jpg", b"Total 12.00")
    assert outcome.state == "refused"
    assert "JPEG, PNG" in outcome.sentence


def test_a_duplicate_names_the_first_and_is_kept_only_if_asked(store, user, picture):
    first = submit(store, user, "first.jpg", picture)
    second = submit(store, user, "second.jpg", picture)
    assert (second.state, second.bill_id) == ("duplicate", first.bill_id)
    assert "first.jpg" in second.sentence
    assert list_bills(store, user).total == 1

    kept = keep_both(store, user, second)
    assert kept.state == "accepted"
    assert kept.bill_id != first.bill_id
    assert [bill.name for bill in list_bills(store, user).bills] == ["second.jpg", "first.jpg"]


def test_a_duplicate_whose_first_is_gone_says_what_to_do(store, user, picture):
    first = submit(store, user, "first.jpg", picture)
    second = submit(store, user, "second.jpg", picture)
    delete_bill(store, user, first.bill_id)
    outcome = keep_both(store, user, second)
    assert outcome.state == "refused"
    assert "upload the file again" in outcome.sentence


def test_a_file_that_lies_in_the_trash_is_taken_and_can_be_brought_back_instead(store, user, picture):
    first = submit(store, user, "receipt.jpg", picture)
    delete_bill(store, user, first.bill_id)
    again = submit(store, user, "receipt.jpg", picture)
    assert (again.state, again.trashed_id) == ("accepted", first.bill_id)
    restored = bring_back(store, user, again)
    assert restored.bill_id == first.bill_id
    assert [bill.id for bill in list_bills(store, user).bills] == [first.bill_id]
