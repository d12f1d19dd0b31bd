"""Every page as Streamlit runs it, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import billocr_ui
from billocr_assets.store.bills import bill_for, list_bills
from billocr_assets.store.reading import begin_reading, record_failure
from billocr_ui.services.cards import PAGE_SIZE
from tests import files
from tests.ui.pages import cards, open_page, sent, text

APP = Path(billocr_ui.__file__).parent / "app.py"
BROKEN = b"\xff\xd8\xff\xe0 not much of a picture"


@pytest.fixture
def app(database_url) -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=20)


def upload(app: AppTest, *uploads: tuple[str, bytes]) -> AppTest:
    for name, data in uploads:
        app.file_uploader[0].upload(name, data)
    app.run()
    assert not app.exception
    return app


def test_upload_says_what_became_of_every_file(app, store, user):
    picture = files.encode(files.page(), "JPEG")
    upload(app.run(), ("good.jpg", picture), ("broken.jpg", BROKEN), ("again.jpg", picture))
    assert [card["name"] for card in cards(app)] == ["good.jpg"]
    assert "broken" in app.error[0].value
    assert "was not taken" in app.error[0].value
    assert "good" in text(app)
    assert list_bills(store, user).total == 1


def test_a_duplicate_is_kept_after_a_click(app, store, user):
    picture = files.encode(files.page(), "JPEG")
    upload(app.run(), ("first.jpg", picture), ("second.jpg", picture))
    next(button for button in app.button if button.label == "Keep both").click().run()
    assert [card["name"] for card in cards(app)] == ["first.jpg", "second.jpg"]
    assert list_bills(store, user).total == 2


def test_a_file_is_handed_in_once_however_often_the_page_runs(app, store, user):
    upload(app.run(), ("good.jpg", files.encode(files.page(), "JPEG")))
    app.run()
    app.run()
    assert list_bills(store, user).total == 1
    assert not any(button.label == "Keep both" for button in app.button)


def test_upload_follows_a_bill_until_it_has_been_read(app, store, read):
    upload(app.run(), ("good.jpg", files.encode(files.page(seed=99), "JPEG")))
    assert "Reading 1 bill" in text(app)
    (card,) = cards(app)
    (attempt,) = begin_reading(store, [card["id"]], "run", "upload").values()
    record_failure(store, attempt, "text_lines", "The page is empty.")
    app.run()
    assert "1 bill done" in text(app)
    assert cards(app)[0]["detail"] == "The page is empty."


def test_samples_are_offered_only_while_there_are_no_bills(app, store, user, tmp_path, monkeypatch):
    (tmp_path / "sample.jpg").write_bytes(files.encode(files.page(), "JPEG"))
    monkeypatch.setattr("billocr_ui.services.uploads._SAMPLES", tmp_path)
    app.run()
    next(button for button in app.button if button.label == "Try the samples").click().run()
    assert [card["name"] for card in cards(app)] == ["sample.jpg"]
    assert not any(button.label == "Try the samples" for button in app.button)


def test_no_bills_yet_is_said_and_leads_to_upload(app):
    open_page(app, "bills")
    assert "No bills yet" in text(app)
    next(button for button in app.button if button.label == "Upload bills").click().run()
    assert app.title[0].value == "Upload bills"


def test_bills_are_searched_and_filtered_and_the_address_keeps_it(app, read, uploaded):
    read("a.png")
    uploaded("b.png")
    open_page(app, "bills", search="brezel")
    assert [card["name"] for card in cards(app)] == ["a.png"]
    app.text_input[0].set_value("").run()
    app.get_by_key("status").set_value("received").run()
    assert [card["name"] for card in cards(app)] == ["b.png"]
    app.text_input[0].set_value("brezel").run()
    assert "No bill matches" in app.info[0].value


def test_many_bills_come_in_pages(app, uploaded):
    names = [f"{number}.png" for number in range(PAGE_SIZE + 2)]
    for name in names:
        uploaded(name)
    open_page(app, "bills", page="2")
    assert [card["name"] for card in cards(app)] == ["1.png", "0.png"]


def test_an_address_with_too_high_a_page_still_shows_bills(app, uploaded):
    for _ in range(PAGE_SIZE + 1):
        uploaded()
    open_page(app, "bills", page="9")
    assert cards(app)


def test_a_bill_shows_text_fields_and_what_read_it(app, read):
    bill = read()
    open_page(app, "bill", id=bill.id)
    (editor,) = sent(app)
    assert app.title[0].value == "Bäckerei Huber"
    assert editor["api"] == f"/api/v1/bills/{bill.id}"
    assert editor["strings"]["status_saved"] == "Saved"
    assert {link.url for link in app.link_button} >= {f"/downloads/{bill.id}/text", f"/downloads/{bill.id}/json"}
    assert any("Line recogniser" in html.value for html in app.html)


def test_a_bill_is_read_again_on_request(app, store, user, read):
    bill = read()
    open_page(app, "bill", id=bill.id)
    next(button for button in app.button if button.label == "Read again").click().run()
    assert bill_for(store, user, bill.id).status == "received"
    assert not app.exception
    assert sent(app)[0]["result"], "the text of the last reading stays until there is a new one"


def test_a_failed_bill_says_why_and_is_tried_again(app, store, user, uploaded):
    bill = uploaded()
    (attempt,) = begin_reading(store, [bill.id], "run", "upload").values()
    record_failure(store, attempt, "text_lines", "The page is empty.")
    open_page(app, "bill", id=bill.id)
    assert "The page is empty." in app.error[0].value
    next(button for button in app.button if button.label == "Try again").click().run()
    assert bill_for(store, user, bill.id).status == "received"
    assert not app.error


@pytest.mark.parametrize("query", [{}, {"id": "nonsense"}, {"id": "' OR 1=1"}])
def test_a_bill_that_is_not_there_is_said_so(app, query):
    open_page(app, "bill", **query)
    assert "no such bill" in app.warning[0].value
