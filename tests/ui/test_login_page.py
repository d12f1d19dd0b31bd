"""Who sees which page: the login page at every address, and everything else only while the login lives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import billocr_ui
from billocr_assets.store import Store
from billocr_assets.store.accounts import identities, invitations, sessions, users
from billocr_assets.store.schema import User
from billocr_ui.identity import the_store
from tests.ui.pages import open_page, sent

APP = Path(billocr_ui.__file__).parent / "app.py"
PASSWORD = "four quiet words here"


@pytest.fixture
def app(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("BILLOCR_ACCOUNTS", "true")
    the_store.cache_clear()
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.user = {}
    return app


@pytest.fixture
def ada(store: Store, user: User) -> User:
    return users.create_user(store, user, "ada@example.org", "Ada", PASSWORD)


def form(app: AppTest) -> dict[str, Any]:
    """What the login form on the page was given."""
    assert not app.exception
    (component,) = app.get("bidi_component")
    data = json.loads(component.proto.json)
    assert {"words", "language", "kind"} <= data.keys()
    return data


def log_in(app: AppTest, store: Store, user: User) -> str:
    token = sessions.open_session(store, user, None, None)
    login = sessions.login_by_cookie(store, token)
    assert login is not None
    app.user = {"sub": str(user.id), "sid": login.session_id}
    return str(login.session_id)


@pytest.mark.parametrize("user_info", [{}, {"sub": None, "sid": None}, {"sub": "1"}, {"sub": "1", "sid": "made up"}])
def test_nobody_without_a_living_login_sees_more_than_the_login_page(
    app: AppTest, ada: User, user_info: dict[str, Any]
):
    app.user = user_info
    assert form(app.run())["kind"] == "login"
    assert [title.value for title in app.title] == ["Bill OCR"]
    assert not app.file_uploader


def test_the_pages_are_there_until_the_login_ends_elsewhere(app: AppTest, store: Store, ada: User):
    session_id = log_in(app, store, ada)
    assert app.run().title[0].value == "Upload bills"
    sessions.end_session(store, ada, session_id)
    assert form(app.run())["kind"] == "login"
    log_in(app, store, ada)
    assert app.run().title[0].value == "Upload bills"


def test_the_account_page_adds_the_providers_that_are_not_known_yet_and_removes_those_that_are(
    app: AppTest, store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
):
    facts = {"client_id": "a", "client_secret": "b"}
    offered = [{"name": n, "title": n.upper(), "issuer": f"https://{n}.example", **facts} for n in ("x", "y")]
    monkeypatch.setenv("BILLOCR_OIDC", json.dumps(offered))
    the_store.cache_clear()
    x, _ = the_store().settings.providers
    log_in(app, store, ada)
    open_page(app, "account")
    assert [each["name"] for each in sent(app)[0]["providers"]] == ["x", "y"]

    identities.login_by_provider(the_store(), x, "1", None, "Ada", link_to=ada)
    app.run()
    assert [each["name"] for each in sent(app)[0]["providers"]] == ["y"]
    next(button for button in app.button if button.label == "Remove X").click().run()
    assert not app.exception
    assert [each["name"] for each in sent(app)[0]["providers"]] == ["x", "y"]
    assert identities.identities_of(store, ada) == []


def test_why_a_login_could_not_be_added_is_said_on_the_account_page(app: AppTest, store: Store, ada: User):
    log_in(app, store, ada)
    open_page(app, "account", refused="identity_taken")
    assert "Somebody else logs in here" in app.error[0].value


def test_a_disabled_user_sees_the_login_page(app: AppTest, store: Store, user: User, ada: User):
    log_in(app, store, ada)
    assert app.run().file_uploader
    users.set_status(store, user, ada.id, "disabled")
    assert form(app.run())["kind"] == "login"


def test_the_form_offers_what_the_installation_allows(app: AppTest, ada: User, monkeypatch: pytest.MonkeyPatch):
    offered = form(app.run())
    assert (offered["sign_up"], offered["demo"], offered["providers"]) == (False, False, [])
    provider = {"name": "x", "title": "X", "issuer": "https://x.example", "client_id": "a", "client_secret": "hush"}
    for name, value in {"SIGN_UP": "open", "DEMO_USERS": "1", "OIDC": json.dumps([provider])}.items():
        monkeypatch.setenv(f"BILLOCR_{name}", value)
    the_store.cache_clear()
    offered = form(app.run())
    assert (offered["sign_up"], offered["demo"]) == (True, True)
    assert offered["providers"] == [{"title": "X", "name": "x"}]
    assert "hush" not in json.dumps(offered)


def test_an_invitation_leads_to_signing_up_while_it_is_good(
    app: AppTest, store: Store, user: User, ada: User, monkeypatch: pytest.MonkeyPatch
):
    invitation = invitations.invite(store, user, "eve@example.org")
    app.query_params["invitation"] = invitation
    assert form(app.run())["kind"] == "login", "signing up is closed"
    monkeypatch.setenv("BILLOCR_SIGN_UP", "invitation")
    the_store.cache_clear()
    offered = form(app.run())
    assert (offered["kind"], offered["email"], offered["invitation"]) == ("sign_up", "eve@example.org", invitation)
    users.sign_up(the_store(), "eve@example.org", "Eve", PASSWORD, None, invitation)
    offered = form(app.run())
    assert (offered["kind"], offered["sign_up"]) == ("login", False)
    assert "used or expired" in offered["refused"]


@pytest.mark.parametrize(
    ("code", "words"), [("provider", "did not work"), ("not_allowed", "no account here"), ("<b>", "did not work")]
)
def test_why_a_provider_let_nobody_in_is_said(app: AppTest, ada: User, code: str, words: str):
    app.query_params["refused"] = code
    assert words in form(app.run())["refused"]


def test_before_the_first_account_the_page_says_how_to_make_it(app: AppTest, store: Store, user: User):
    assert "billocr users create --admin" in app.run().info[0].value
    users.create_user(store, user, "ada@example.org", "Ada", PASSWORD)
    assert not app.run().info
