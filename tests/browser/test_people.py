"""The journeys of people who log in, in a real browser on the real product with accounts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from billocr_assets.exports import FORMATS
from billocr_assets.settings import Settings
from billocr_assets.store import Store, administration, open_store
from billocr_assets.store.accounts import sessions, users
from billocr_assets.store.bills import local_user
from billocr_assets.store.errors import AccountNotFound
from billocr_assets.store.schema import User
from tests.browser.conftest import run_product, violations, watched_pages
from tests.browser.rendered import bill_picture
from tests.browser.test_journey import Open, card, read_bill, upload

PASSWORD = "four quiet words here"
# Address to what is there when the page is whole.
PAGES = {
    "": "Latest bills",
    "bills": "Choose several",
    "review": "Done, next",
    "models": "Line recogniser",
    "account": "Change password",
}
MAIL = "ada@example.org"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def people(home: Path) -> Iterator[str]:
    """The address of an installation that has accounts, a demo and the development provider."""
    with run_product(home, accounts="true", sign_up="open", demo_users="5", dev_idp="true") as url:
        yield url


@pytest.fixture
def open_page(people: str, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Open]:
    with watched_pages(people, chromium, request) as open_:
        yield open_


@pytest.fixture(scope="module")
def operators_store(home: Path, people: str) -> Store:
    """What whoever runs the installation has at hand."""
    return open_store(Settings(home=home, accounts=True))


@pytest.fixture(scope="module")
def ada(operators_store: Store) -> str:
    """The address of somebody who has an account."""
    users.create_user(operators_store, local_user(operators_store), MAIL, "Ada", PASSWORD)
    return MAIL


def log_in(page: Page, email: str = MAIL) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("navigation")).to_be_visible()


def at_the_door(page: Page) -> None:
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)


def test_somebody_signs_up_and_reads_their_first_bill(open_page: Open):
    page = open_page()
    page.get_by_role("button", name="No account yet? Sign up").click()
    page.get_by_label("Name", exact=True).fill("Grace")
    page.get_by_label("E-mail address").fill("grace@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Upload bills")).to_be_visible()
    read_bill(page, "first.jpg", bill_picture("THE FIRST OF MANY"))
    assert not [cookie for cookie in page.context.cookies() if "grace" in str(cookie) or PASSWORD in str(cookie)]
    assert page.evaluate("document.cookie").find("bill_session") == -1, "no script reads the cookie"
    stranger = open_page(page.url)
    at_the_door(stranger)
    picture = f"/pictures/{page.url.rpartition('=')[2]}/1"
    assert page.request.get(picture).status == 200
    assert stranger.request.get(picture).status == 401


def test_a_wrong_password_is_said_and_a_deep_link_is_kept(open_page: Open, ada: str):
    page = open_page("/bills?search=bread", refused=True)
    page.get_by_label("E-mail address").fill(ada)
    page.get_by_label("Password", exact=True).fill("not my password")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="do not belong together")).to_be_visible()
    log_in(page)
    expect(page).to_have_url(re.compile(r"/bills\?search=bread"))
    expect(page.get_by_role("heading", name="Bills", exact=True)).to_be_visible()


def test_a_provider_vouches_for_somebody(open_page: Open):
    page = open_page("/bills")
    page.get_by_role("link", name="Continue with Dev").click()
    page.get_by_label("E-mail").fill("edsger@example.org")
    page.get_by_label("Name").fill("Edsger")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Bills", exact=True)).to_be_visible()
    assert page.request.get("/api/v1/session").json()["email"] == "edsger@example.org"


def test_a_login_of_a_provider_is_added_to_an_account_and_removed(open_page: Open, operators_store: Store):
    account(operators_store, "edith")
    page = open_page("/account", cut=True)  # leaving for the provider cuts the page's connection
    log_in(page, "edith@example.org")
    page.get_by_role("link", name="Add a login of Dev").click()
    page.get_by_label("E-mail").fill("somebody.else@example.org")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Remove Dev")).to_be_visible()
    expect(page.get_by_role("link", name="Add a login of Dev")).to_have_count(0)

    other = open_page("/account", cut=True)
    other.get_by_role("link", name="Continue with Dev").click()
    other.get_by_label("E-mail").fill("somebody.else@example.org")
    other.get_by_role("button", name="Continue").click()
    expect(other.get_by_role("button", name="Remove Dev")).to_be_visible()
    assert other.request.get("/api/v1/session").json()["email"] == "edith@example.org"

    page.get_by_role("button", name="Remove Dev").click()
    expect(page.get_by_role("link", name="Add a login of Dev")).to_be_visible()


def test_somebody_leaves_with_everything_and_nothing_of_them_stays(open_page: Open, operators_store: Store):
    account(operators_store, "rosalind")
    page = open_page("/account", refused=True)
    log_in(page, "rosalind@example.org")
    with page.expect_download() as started:
        page.get_by_role("link", name="Export everything").click()
    assert started.value.suggested_filename == "bill-ocr.zip"
    page.get_by_text("Delete this account").click()
    leaving = page.locator(".login-form").filter(has=page.get_by_role("button", name="Delete my account"))
    leaving.get_by_role("textbox", name="Password").fill("not my password")
    leaving.get_by_role("button", name="Delete my account").click()
    expect(leaving.get_by_role("alert")).to_contain_text("Please try again")
    leaving.get_by_role("textbox", name="Password").fill(PASSWORD)
    leaving.get_by_role("button", name="Delete my account").click()
    at_the_door(page)
    with pytest.raises(AccountNotFound):
        users.user_by_email(operators_store, local_user(operators_store), "rosalind@example.org")


def test_somebody_tries_it_out_for_a_day(open_page: Open):
    page = open_page()
    page.get_by_role("button", name="Try it for a day, without an account").click()
    page.get_by_role("button", name="Try the samples").click()
    expect(card(page, "bakery-scan.jpg")).to_be_visible()
    me = page.request.get("/api/v1/session").json()
    assert (me["kind"], me["email"]) == ("demo", None)
    assert page.request.get("/api/v1/usage").json()["bills_per_month"]["limit"] == 20


def test_logging_out_in_one_tab_closes_the_other(open_page: Open, ada: str):
    page = open_page("/bills")
    log_in(page)
    other = open_page("/", beside=page)
    expect(other.get_by_role("heading", name="Upload bills")).to_be_visible()
    assert page.evaluate("fetch('/api/v1/session', {method: 'DELETE'}).then(answer => answer.status)") == 204
    other.get_by_role("link", name="Bills", exact=True).click()
    at_the_door(other)
    log_in(other)
    expect(other.get_by_role("heading", name="Bills", exact=True)).to_be_visible()


def test_a_login_that_is_ended_elsewhere_is_over_at_the_next_click(open_page: Open, ada: str, operators_store: Store):
    page = open_page()
    log_in(page)
    user = users.user_by_email(operators_store, local_user(operators_store), ada)
    assert sessions.end_sessions(operators_store, user) >= 1
    page.get_by_text("Camera", exact=True).click()
    at_the_door(page)


def test_a_new_password_ends_the_login_in_the_other_browser(open_page: Open, operators_store: Store):
    users.create_user(operators_store, local_user(operators_store), "alan@example.org", "Alan", PASSWORD)
    page, other = open_page("/account"), open_page()
    log_in(page, "alan@example.org")
    log_in(other, "alan@example.org")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill("another four words")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Password changed")).to_be_visible()
    other.get_by_role("link", name="Bills", exact=True).click()
    at_the_door(other)
    page.get_by_role("link", name="Bills", exact=True).click()
    expect(page.get_by_role("heading", name="Bills", exact=True)).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (390, "dark")])
def test_the_login_page_fits_and_everybody_can_use_it(open_page: Open, width: int, scheme: str):
    page = open_page(width=width, height=844, color_scheme=scheme, bypass_csp=True)
    at_the_door(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    page.get_by_role("button", name="No account yet? Sign up").click()
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    assert violations(page) == []


def account(store: Store, name: str, plan: str | None = None) -> User:
    """Somebody who has an account, on a plan."""
    admin = local_user(store)
    user = users.create_user(store, admin, f"{name}@example.org", name.title(), PASSWORD)
    if plan:
        administration.set_plan(store, admin, user.id, plan, {})
    return user


def test_a_quota_that_is_used_up_is_said_with_what_how_much_and_when(open_page: Open, operators_store: Store):
    admin = local_user(operators_store)
    administration.save_plan(operators_store, admin, "one", {"bills_per_month": 1})
    account(operators_store, "barbara", "one")
    page = open_page()
    log_in(page, "barbara@example.org")
    expect(page.get_by_text("1 of 1 bills left until")).to_be_visible()
    upload(page, ("first.jpg", bill_picture("ONE AND ONLY")))
    expect(card(page, "first.jpg")).to_be_visible()
    upload(page, ("second.jpg", bill_picture("ONE TOO MANY")))
    expect(page.get_by_text("You have uploaded 1 of 1 bills this month")).to_be_visible()
    expect(page.get_by_text("There is room again from")).to_be_visible()
    page.goto("/account")
    expect(page.get_by_text("1 of 1 · renews on")).to_be_visible()
    page.goto("/bills")
    expect(page.locator(".card")).to_have_count(1)


def test_a_bill_is_shared_corrected_by_the_other_and_taken_back(open_page: Open, operators_store: Store, ada: str):
    account(operators_store, "katherine")
    owner = open_page()
    log_in(owner)
    read_bill(owner, "shared.jpg", bill_picture("SHARED AMONG FRIENDS"))
    path = owner.url.rpartition("/")[2]
    friend = open_page("/bills")
    log_in(friend, "katherine@example.org")
    expect(friend.get_by_text("No bills yet")).to_be_visible()

    owner.get_by_role("button", name="Share", exact=True).click()
    dialog = owner.get_by_role("dialog")
    dialog.get_by_label("E-mail address").fill("katherine@example.org")
    dialog.get_by_text("look and correct").click()
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(owner.get_by_text("1 bill shared.")).to_be_visible()

    friend.goto("/bills")
    expect(friend.locator(".card .facts")).to_contain_text("From Ada")
    friend.goto(f"/{path}")
    expect(friend.get_by_role("button", name="Read again")).to_be_visible()
    expect(friend.get_by_role("button", name="Delete", exact=True)).to_have_count(0)
    friend.goto("/bills")

    owner.reload()
    owner.get_by_role("button", name="Share", exact=True).click()
    owner.get_by_role("dialog").get_by_role("button", name="End", exact=True).click()
    expect(owner.get_by_role("dialog").get_by_text("katherine@example.org")).to_have_count(0)
    friend.goto(f"/{path}")
    expect(friend.get_by_text("no such bill")).to_be_visible()
    assert friend.request.get(f"/pictures/{path.rpartition('=')[2]}/1").status == 404


def test_every_format_is_downloaded_from_the_bills_page(open_page: Open, ada: str):
    page = open_page()
    log_in(page)
    read_bill(page, "exported.jpg", bill_picture("EXPORTED IN EVERY FORM"))
    page.get_by_role("button", name="Download").click()
    for kind in FORMATS.values():
        with page.expect_download() as started:
            page.get_by_role("link", name=kind.label, exact=True).click()
        file = started.value
        assert file.suggested_filename.endswith(kind.suffix), kind.label
        assert file.path().stat().st_size > 100, kind.label


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_and_everybody_can_use_it(open_page: Open, ada: str, width: int):
    page = open_page(width=width, height=844, bypass_csp=True)
    at_the_door(page)
    credentials = {"email": ada, "password": PASSWORD}
    post = "body => fetch('/api/v1/session', {method: 'POST', headers: {'Content-Type': 'application/json'}, body})"
    page.evaluate(f"({post})({json.dumps(json.dumps(credentials))})")
    for path, shown in PAGES.items():
        page.goto(f"/{path}")
        expect(page.get_by_text(shown, exact=True).first).to_be_visible()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert violations(page) == [], path
