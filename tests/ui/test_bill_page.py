from datetime import UTC, datetime

import pytest

from billocr_assets.store.bills import read_again
from billocr_assets.store.errors import BillNotFound
from billocr_assets.store.reading import begin_reading, publish_result, record_failure
from billocr_assets.store.schema import Grant, ModelVersion, User
from billocr_ui.services.bill_page import bill_page, quality
from billocr_ui.strings import words
from tests import files
from tests.ui.conftest import LINES, document_of


def show(store, user, bill):
    return bill_page(store, user, bill.id, datetime.now(UTC), UTC)


def test_a_read_bill_tells_the_editor_where_its_text_and_its_pictures_are(store, user, read):
    bill = read()
    page = show(store, user, bill)
    (shown,) = page.editor["pages"]
    assert shown["picture"] == f"/pictures/{bill.id}/1?size=2560"
    assert page.editor["api"] == f"/api/v1/bills/{bill.id}"
    assert page.editor["editable"]
    assert page.editor["result"] > 0
    assert page.title == "Bäckerei Huber"
    assert page.final
    assert ("Line recogniser", "1.0.0") in page.read_by


def test_somebody_who_may_only_look_gets_an_editor_that_changes_nothing(store, user, read):
    bill = read()
    with store.database.session() as session:
        session.add(reader := User(name="reader"))
        session.flush()
        session.add(Grant(bill_id=bill.id, user_id=reader.id, level="view"))
    page = show(store, reader, bill)
    assert not page.editable
    assert not page.editor["editable"]


def test_the_page_is_in_the_language_of_its_reader(store, user, read):
    bill = read()
    page = bill_page(store, user, bill.id, datetime.now(UTC), UTC, words("de"))
    assert page.editor["strings"]["locale"].startswith("de")


def test_a_bill_that_waits_shows_its_pages_without_text(store, user, uploaded):
    page = show(store, user, uploaded("three.pdf", files.pdf_pages(3)))
    assert [shown["number"] for shown in page.editor["pages"]] == [1, 2, 3]
    assert (page.editor["result"], page.quality, page.final) == (0, [], False)


def test_a_failed_bill_says_where_and_why_and_keeps_the_text_it_had(store, user, read):
    bill = read()
    read_again(store, user, bill.id)
    (attempt,) = begin_reading(store, [bill.id], "run 2", "upload").values()
    record_failure(store, attempt, "line_segments", "The machine was switched off.")
    page = show(store, user, bill)
    assert page.failure == "It went wrong while finding the words: The machine was switched off."
    assert page.editor["result"]


def test_a_bill_read_by_an_older_model_says_so(store, user, read):
    bill = read()
    assert not show(store, user, bill).outdated
    with store.database.session() as session:
        session.add(
            ModelVersion(
                network="line_recogniser",
                version="1.1.0",
                sha256="0",
                path="x",
                figures={},
                origin="trained",
                state="promoted",
            )
        )
    assert show(store, user, bill).outdated
    read_again(store, user, bill.id)
    (attempt,) = begin_reading(store, [bill.id], "run 2", "upload").values()
    publish_result(store, attempt, document_of(LINES, version="1.1.0"), {})
    assert not show(store, user, bill).outdated


def test_poor_pictures_and_unsure_words_come_with_a_remark():
    assert dict(quality(document_of(LINES)))["Unsure words"] == "0"
    figures = dict(quality(document_of(LINES, confidence=0.5)))
    assert "please check" in figures["Unsure words"]
    assert dict(quality(document_of(())))["Words"].endswith("no text was found")


def test_somebody_elses_bill_does_not_exist(store, read):
    bill = read()
    with store.database.session() as session:
        session.add(other := User(name="other"))
    with pytest.raises(BillNotFound):
        show(store, other, bill)
