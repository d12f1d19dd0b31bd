"""The pages of accounts, administration and many bills at once, as Streamlit runs them, without a browser."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

import billocr_ui
from billocr_assets.store import administration
from billocr_assets.store.accounts import passwords, users
from billocr_assets.store.bills import BillFilter, bill_for
from billocr_assets.store.reading import begin_reading, record_failure, sync_shipped_models
from billocr_assets.store.saved_filters import saved_filters
from billocr_assets.store.schema import ModelVersion, User
from billocr_assets.store.sharing import revoke, share_with_person, shares_of
from billocr_assets.store.trash import delete_bill
from tests.ui.pages import cards, open_page, text

APP = Path(billocr_ui.__file__).parent / "app.py"


@pytest.fixture
def app(database_url) -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=30)


def button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


def test_the_account_page_shows_usage_and_keeps_consent(app, store, user):
    open_page(app, "account")
    assert "no limit" in "\n".join(element.value for element in app.markdown)
    next(toggle for toggle in app.toggle if "learned from" in toggle.label).set_value(True).run()
    assert not app.exception
    with store.database.reading() as session:
        assert session.get(User, user.id).training_consent


def test_the_pages_speak_the_users_language(app, store, user, read):
    read()
    with store.database.session() as session:
        session.execute(update(User).values(language="de"))
    open_page(app, "bills")
    assert app.title[0].value == "Belege"
    assert (cards(app)[0]["label"], cards(app)[0]["total"]) == ("Gelesen", "2,40 EUR")


def test_an_operator_sees_failed_bills_and_has_them_read_again(app, store, user, uploaded):
    bill = uploaded()
    (attempt,) = begin_reading(store, [bill.id], "run", "upload").values()
    record_failure(store, attempt, "text_lines", "The page is empty.")
    open_page(app, "admin")
    assert list(app.dataframe[0].value["Why"]) == ["The page is empty."]
    button(app, "Try again (1)").click().run()
    assert not app.exception
    assert bill_for(store, user, bill.id).status == "received"


def test_an_admin_sees_logins_in_the_log(app, store, user):
    ada = users.create_user(store, user, "ada@example.org", "Ada", "four quiet words here")
    passwords.log_in(store, "ada@example.org", "four quiet words here", "192.0.2.1", None)
    open_page(app, "admin").get_by_key("section").set_value("log").run()
    assert not app.exception
    (first, *_) = app.dataframe[0].value.to_dict("records")
    assert (first["Who"], first["What"], "192.0.2.1" in first["Detail"]) == (ada.name, "login", True)


def test_a_share_that_somebody_else_has_ended_is_said_in_the_dialog(store, user, read, database_url):
    bill = read()
    users.create_user(store, user, "ada@example.org", "Ada", "four quiet words here")
    share_with_person(store, user, bill.id, "ada@example.org", "view")

    def dialog() -> None:
        import streamlit as st

        from billocr_ui.identity import page_user, the_store
        from billocr_ui.strings import words
        from billocr_ui.views._sharing import sharing_dialog

        sharing_dialog(the_store(), page_user(), words("en"), [st.session_state["bill"]])

    app = AppTest.from_function(dialog, default_timeout=30)
    app.session_state["bill"] = bill.id
    app.run()
    revoke(store, user, bill.id, shares_of(store, user, bill.id)[0].id)
    button(app, "End").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == ["The bill is no longer shared that way."]
    assert "ada@example.org" not in text(app)


def test_an_admin_makes_a_plan(app, store, user):
    open_page(app, "admin").get_by_key("section").set_value("plans").run()
    app.selectbox[0].set_value("").run()
    next(field for field in app.text_input if field.label == "Name").set_value("office")
    next(field for field in app.text_input if field.label == "Bills this month").set_value("500")
    button(app, "Save").click().run()
    assert not app.exception
    plans = {plan.name: plan for plan in administration.plans(store, user)}
    assert (plans["office"].bills_per_month, plans["office"].max_pages) == (500, None)


def test_a_limit_that_is_no_number_is_said_and_nothing_saved(app, store, user):
    open_page(app, "admin").get_by_key("section").set_value("plans").run()
    before = {plan.name for plan in administration.plans(store, user)}
    app.selectbox[0].set_value("").run()
    next(field for field in app.text_input if field.label == "Name").set_value("office")
    next(field for field in app.text_input if field.label == "Bills this month").set_value("many")
    button(app, "Save").click().run()
    assert "whole numbers" in app.error[0].value
    assert {plan.name for plan in administration.plans(store, user)} == before


def test_bills_are_found_by_their_date_and_the_search_is_kept_under_a_name(app, store, user, read, uploaded):
    read("christmas.png")
    uploaded("undated.png")
    open_page(app, "bills")
    next(field for field in app.date_input if field.key == "billed_from").set_value(date(2025, 12, 1)).run()
    assert [card["name"] for card in cards(app)] == ["christmas.png"]
    next(field for field in app.text_input if field.label == "Save these filters as").set_value("winter").run()
    app.get_by_key("save-filter").click().run()
    assert not app.exception
    (kept,) = saved_filters(store, user)
    assert (kept.name, kept.wanted) == ("winter", BillFilter(billed_from=date(2025, 12, 1)))

    button(app, "Clear filters").click().run()
    assert len(cards(app)) == 2
    button(app, "winter").click().run()
    assert [card["name"] for card in cards(app)] == ["christmas.png"]


def test_the_trash_is_listed_apart_from_the_bills(app, store, user, uploaded):
    kept, gone = uploaded("kept.png"), uploaded("gone.png")
    delete_bill(store, user, gone.id)
    open_page(app, "bills")
    assert [card["id"] for card in cards(app)] == [kept.id]
    app.get_by_key("whose").set_value("trash").run()
    assert [card["id"] for card in cards(app)] == [gone.id]


def test_the_models_page_says_how_many_bills_another_version_has_read(app, store, user, read):
    sync_shipped_models(store)
    with store.database.session() as session:
        facts = {"sha256": "0", "path": "", "origin": "shipped", "state": "retired"}
        figures = {"figures": {"receipts": {"cer": 0.02}}}
        session.add(ModelVersion(network="line_recogniser", version="1.0.0", figures=figures, **facts))
    read()  # by version 1.0.0 of every network
    open_page(app, "models")
    assert sum("1 bill of yours" in element.value for element in app.markdown) == 1
    assert [list(table.value["State"]) for table in app.dataframe if "State" in table.value] == [
        ["reads now"],
        ["reads now"],
        ["retired", "reads now"],
    ]
    assert any("receipts cer" in list(table.value.get("Figure", [])) for table in app.dataframe)
