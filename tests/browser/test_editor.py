"""Correcting a bill in a real browser: by keyboard, in two tabs, without a connection, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from billocr_assets.store.bills import bill_for
from billocr_assets.store.trash import delete_bill, restore_bill
from tests.browser.conftest import violations, watched_pages
from tests.browser.long_bill import LongBill, long_bill, publish_reading, read_long_bill
from tests.browser.workplace import Workplace, run_workplace
from tests.waiting import until

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    with run_workplace(tmp_path_factory.mktemp("workplace")) as workplace:
        yield workplace


@pytest.fixture
def open_page(workplace: Workplace, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Open]:
    with watched_pages(workplace.url, chromium, request) as open_:
        yield open_


@pytest.fixture
def bill(workplace: Workplace) -> tuple[str, LongBill]:
    """A bill of twelve lines, of which the machine has misread two, and its id."""
    made = long_bill(12)
    return read_long_bill(workplace.store, workplace.user, made).id, made


def open_bill(open_page: Open, bill_id: str, **options) -> Page:
    page = open_page(f"/bill?id={bill_id}", **options)
    expect(text(page, 1)).to_be_visible()
    return page


def text(page: Page, number: int) -> Locator:
    return page.get_by_role("textbox", name=re.compile(rf"^Line {number}\b"))


def texts(page: Page) -> list[str]:
    return page.locator(".line textarea").evaluate_all("boxes => boxes.map(box => box.value)")


def expect_saved(page: Page) -> None:
    expect(page.locator(".editor .status")).to_have_text("Saved")


def focused(page: Page) -> int:
    """The number of the line that has the focus."""
    label = page.locator(".line textarea:focus").get_attribute("aria-label")
    return int(re.search(r"\d+", label).group())


def test_a_bill_of_60_lines_is_corrected_by_keyboard_alone(workplace: Workplace, open_page: Open):
    made = long_bill(60)
    bill_id = read_long_bill(workplace.store, workplace.user, made, "sixty.jpg").id
    page = open_bill(open_page, bill_id)
    assert texts(page) != list(made.truth)
    page.keyboard.press("Enter")
    for _ in made.wrong:
        page.keyboard.press("Alt+ArrowDown")
        # The unsure word is chosen as a whole, so that typing replaces it.
        page.keyboard.type(made.truth[focused(page) - 1].split()[0])
    page.keyboard.press("Enter")
    expect(page.get_by_text("No unsure words")).to_be_visible()
    expect_saved(page)
    assert workplace.lines(bill_id) == list(made.truth)
    page.reload()
    expect(text(page, 60)).to_be_visible()
    assert texts(page) == list(made.truth)


def test_the_chosen_line_is_always_in_view_in_the_picture_and_in_the_list(workplace: Workplace, open_page: Open):
    bill_id = read_long_bill(workplace.store, workplace.user, long_bill(60)).id
    page = open_bill(open_page, bill_id)
    page.keyboard.press("Enter")
    for presses, key in ((45, "Enter"), (3, "Alt+PageUp"), (12, "ArrowDown"), (50, "Shift+Enter")):
        for _ in range(presses):
            page.keyboard.press(key)
        for box, within in (
            (".line-boxes .selected", ".canvas"), (".line.chosen .crop", ".lines"), (".line.chosen textarea", ".lines")
        ):  # fmt: skip
            inner, outer = (page.locator(each).bounding_box() for each in (box, within))
            assert outer["y"] <= inner["y"], key
            assert inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1, key
        crop, typed = (page.locator(f".line.chosen {each}").bounding_box() for each in (".crop", "textarea"))
        assert 0 <= typed["y"] - crop["y"] - crop["height"] < 12, "the line's picture stands right above its text"


def test_lines_are_split_joined_added_moved_and_deleted_by_keyboard_and_all_of_it_is_undone(
    workplace: Workplace, open_page: Open, bill
):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id)
    read = texts(page)
    box = workplace.box(bill_id, 0)

    text(page, 1).focus()
    page.keyboard.press("Home")
    for _ in "GREEN ":
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+b")
    expect(text(page, 2)).to_have_value("LEAF MARKET")
    expect(text(page, 1)).to_have_value("GREEN")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Control+j")
    expect(text(page, 1)).to_have_value("GREEN LEAF MARKET")
    page.keyboard.press("Control+i")
    page.keyboard.type("since 1968")
    page.keyboard.press("Enter")
    expect(text(page, 2)).to_have_value("since 1968")
    page.keyboard.press("Control+d")
    expect(page.locator(".line")).to_have_count(12)
    text(page, 1).focus()
    page.keyboard.press("Control+m")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    expect_saved(page)
    assert focused(page) == 1
    assert workplace.box(bill_id, 0) != box
    assert workplace.lines(bill_id) == [read[0], "since 1968", *read[2:]]

    for _ in range(6):
        page.keyboard.press("Control+z")
    expect_saved(page)
    assert texts(page) == read
    assert workplace.lines(bill_id) == read
    assert workplace.box(bill_id, 0) == box
    for _ in range(6):
        page.keyboard.press("Control+y")
    expect_saved(page)
    assert workplace.lines(bill_id) == [read[0], "since 1968", *read[2:]]


def test_a_line_is_drawn_on_the_picture_and_its_box_dragged(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id)
    last = page.locator(".line-boxes polygon").last.bounding_box()
    page.get_by_role("button", name="Draw a new line").click()
    page.mouse.move(last["x"], last["y"] + 18)
    page.mouse.down()
    page.mouse.move(last["x"] + 150, last["y"] + 32, steps=5)
    page.mouse.up()
    expect(text(page, 13)).to_be_focused()
    page.keyboard.type("drawn by hand")
    expect_saved(page)
    assert workplace.lines(bill_id)[-1] == "drawn by hand"
    before = workplace.box(bill_id, -1)

    page.get_by_role("button", name="Move or resize").click()
    body = page.locator(".handles .body").bounding_box()
    page.mouse.move(body["x"] + body["width"] / 2, body["y"] + body["height"] / 2)
    page.mouse.down()
    page.mouse.move(body["x"] + body["width"] / 2 + 30, body["y"] + body["height"] / 2, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Move or resize").click()
    expect_saved(page)
    until(lambda: workplace.box(bill_id, -1)[0][0] > before[0][0] + 10, "the box to be moved")
    assert workplace.box(bill_id, -1)[0][1] == pytest.approx(before[0][1], abs=1)


def test_two_tabs_that_change_the_same_line_see_both_texts_and_choose(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    one = open_bill(open_page, bill_id)
    two = open_bill(open_page, bill_id, beside=one)
    # Both are typing before either has been saved.
    held: list[Route] = []
    one.route("**/operations", lambda route: held.append(route))
    text(one, 2).fill("One Street")
    text(one, 3).focus()
    text(two, 2).fill("Two Street")
    text(two, 3).focus()
    expect_saved(two)
    for route in held:
        route.continue_()
    one.unroute("**/operations")

    clash = one.locator(".line .clash:visible")
    expect(clash).to_be_visible()
    expect(clash.locator(".theirs")).to_have_text("Two Street")
    expect(clash.locator(".mine")).to_have_text("One Street")
    assert workplace.lines(bill_id)[1] == "Two Street", "nothing was overwritten"
    one.reload()
    expect(clash.locator(".mine")).to_have_text("One Street")
    clash.get_by_role("button", name="Use yours").click()
    expect(clash).to_have_count(0)
    expect_saved(one)
    assert workplace.lines(bill_id)[1] == "One Street"
    expect(text(two, 2)).to_have_value("One Street")


def test_different_lines_are_changed_in_two_tabs_and_both_show_both(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    one = open_bill(open_page, bill_id)
    two = open_bill(open_page, bill_id, beside=one)
    text(one, 2).fill("from the first")
    text(two, 5).fill("from the second")
    text(one, 7).focus()
    text(two, 7).focus()
    for page in (one, two):
        expect(text(page, 2)).to_have_value("from the first")
        expect(text(page, 5)).to_have_value("from the second")
        expect(page.locator(".clash:visible")).to_have_count(0)


def test_what_is_typed_while_the_connection_is_cut_is_kept_and_saved_later(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id, cut=True)
    page.context.set_offline(True)
    text(page, 2).fill("typed without a connection")
    text(page, 3).fill("and one more")
    page.keyboard.press("Enter")
    expect(page.locator(".editor .status")).to_have_text("Offline: 2 edits kept here")
    # Cut in the middle of typing: this one is no finished edit yet when the tab is gone.
    text(page, 4).press_sequentially("half a w")
    page.close(run_before_unload=False)
    assert workplace.lines(bill_id)[1] != "typed without a connection"

    page.context.set_offline(False)
    again = open_bill(open_page, bill_id, beside=page)
    expect(text(again, 2)).to_have_value("typed without a connection")
    expect(text(again, 3)).to_have_value("and one more")
    expect(text(again, 4)).to_have_value(re.compile("half a w$"))
    expect_saved(again)
    assert workplace.lines(bill_id)[1:3] == ["typed without a connection", "and one more"]
    assert workplace.lines(bill_id)[3].endswith("half a w")


def test_a_connection_that_comes_back_saves_without_a_reload(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id, cut=True)
    page.context.set_offline(True)
    text(page, 2).fill("waiting")
    page.keyboard.press("Enter")
    expect(page.locator(".editor .status")).to_have_text("Offline: 1 edit kept here")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    page.context.set_offline(False)
    expect_saved(page)
    assert workplace.lines(bill_id)[1] == "waiting"


def test_an_answer_that_is_lost_does_not_apply_an_edit_twice(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id, cut=True)
    lost: list[str] = []

    def lose_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().text())  # it arrives, but nobody hears of it
            route.abort("internetdisconnected")

    page.route("**/operations", lose_first)
    count = page.locator(".line").count()
    text(page, 1).focus()
    page.keyboard.press("Home")
    for _ in "GREEN ":
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+b")
    expect_saved(page)
    assert lost
    expect(page.locator(".line")).to_have_count(count + 1)
    assert workplace.lines(bill_id)[:2] == ["GREEN", "LEAF MARKET"]
    assert workplace.document(bill_id)["revision"] == 1


def test_a_field_takes_the_words_that_are_clicked_and_sums_warn_without_blocking(
    workplace: Workplace, open_page: Open, bill
):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id)
    merchant = page.get_by_label("Merchant")
    merchant.focus()
    words = page.locator(".word-boxes polygon")
    words.nth(0).click()
    words.nth(1).click()
    expect(merchant).to_have_value("GREEN LEAF")
    total = page.get_by_label("Total", exact=True)
    total.fill("99,90")
    total.press("Enter")
    expect(total).to_have_value("99.90")
    expect(page.locator(".warnings")).to_contain_text("99.90")
    expect_saved(page)
    fields = workplace.fields(bill_id)
    assert fields["company"]["value"] == "GREEN LEAF"
    assert len(fields["company"]["sources"]) == 2
    assert fields["total"]["value"] == "99.90"
    total.fill("a lot")
    total.press("Enter")
    expect(page.get_by_text("This is no amount")).to_be_visible()
    assert workplace.fields(bill_id)["total"]["value"] == "99.90"


def test_items_are_a_table_to_type_in_or_to_click_words_into(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id)
    before = workplace.fields(bill_id)["items"]
    assert len(before) > 2
    page.get_by_label("Item 1, name").focus()
    page.locator(".word-boxes polygon").nth(0).click()
    page.locator(".word-boxes polygon").nth(1).click()
    page.get_by_label("Item 1, quantity").fill("2")
    page.get_by_role("button", name="Remove item 2").click()
    page.get_by_role("button", name="+ Add item").click()
    page.keyboard.type("Paper bag")
    page.get_by_label(f"Item {len(before)}, amount").fill("0.30")
    page.keyboard.press("Escape")
    expect_saved(page)
    until(lambda: workplace.fields(bill_id)["items"][-1]["name"] == "Paper bag", "the items to be saved")
    items = workplace.fields(bill_id)["items"]
    assert [item["name"] for item in items] == ["GREEN LEAF", *(item["name"] for item in before[2:]), "Paper bag"]
    assert (items[0]["quantity"], items[0]["amount"]) == ("2", before[0]["amount"])
    assert items[-1]["amount"] == "0.30"


def test_history_says_who_changed_what_and_leads_back(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id)
    read = texts(page)
    text(page, 2).fill("12 Station Street, Bristol")
    page.keyboard.press("Enter")
    text(page, 1).fill("GREEN LEAF SHOP")
    page.keyboard.press("Enter")
    expect_saved(page)
    page.get_by_role("button", name="History").click()
    entries = page.get_by_role("dialog").get_by_role("listitem")
    expect(entries).to_have_count(2)
    expect(entries.nth(1)).to_contain_text("local")
    expect(entries.nth(1).locator("del")).to_have_text("Road")
    expect(entries.nth(1).locator("ins")).to_have_text("Street")
    page.get_by_role("button", name="Undo change 1").click()
    expect(text(page, 2)).to_have_value(read[1])
    expect(text(page, 1)).to_have_value("GREEN LEAF SHOP")
    page.get_by_role("button", name="History").click()
    page.get_by_role("button", name="Back to how the bill was after change 1").click()
    expect(text(page, 2)).to_have_value("12 Station Street, Bristol")
    expect(text(page, 1)).to_have_value(read[0])


def test_a_newer_reading_is_offered_line_by_line_and_changes_nothing_by_itself(
    workplace: Workplace, open_page: Open, bill
):
    bill_id, made = bill
    page = open_bill(open_page, bill_id)
    text(page, 6).fill("Coffee beans, as I have it")
    page.keyboard.press("Enter")
    expect_saved(page)
    publish_reading(workplace.store, bill_id, long_bill(12, every=5).document)
    page.get_by_role("button", name="Show").click()
    # Lines 5 and 10 are misread now, 6 and 12 were before; 6 has been corrected by a person.
    rows = page.get_by_role("dialog").get_by_role("listitem")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("Coffee beans, as I have it")
    expect(rows.nth(1).get_by_role("radio").first).to_be_checked()
    for wrong in (0, 2):
        rows.nth(wrong).get_by_role("radio").first.check()
    page.get_by_role("button", name="Take over 1 line").click()
    expect(text(page, 12)).to_have_value(made.truth[11])
    expect(text(page, 6)).to_have_value("Coffee beans, as I have it")
    expect(text(page, 5)).to_have_value(made.truth[4])
    expect(page.get_by_role("button", name="Show")).to_have_count(0)


def test_a_reviewer_goes_from_bill_to_bill_with_one_key(workplace: Workplace, open_page: Open):
    for _ in range(2):
        read_long_bill(workplace.store, workplace.user, long_bill(20, every=2))
    page = open_page("/review")
    link = page.get_by_role("link", name="The bill’s page")
    seen = []
    for number in range(2):
        # The first unsure word is chosen already: typing begins at once.
        expect(page.locator(".line textarea:focus")).to_have_count(1)
        expect(page.locator(".editor .status")).to_be_visible()
        bill_id = link.get_attribute("href").split("id=")[1]
        page.keyboard.type(f"Reviewed{number}")
        page.keyboard.press("Control+Enter")
        expect(link).not_to_have_attribute("href", re.compile(bill_id))
        row = bill_for(workplace.store, workplace.user, bill_id)
        assert row.review == "reviewed"
        assert any(f"Reviewed{number}" in line for line in workplace.lines(bill_id)), "saved before it was left"
        seen.append(bill_id)
    assert len(set(seen)) == 2


def test_text_that_looks_like_markup_stays_text(workplace: Workplace, open_page: Open, bill):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id)
    text(page, 1).fill("<img src=x onerror=alert(1)>")
    page.keyboard.press("Enter")
    expect_saved(page)
    page.reload()
    expect(text(page, 1)).to_have_value("<img src=x onerror=alert(1)>")
    expect(page.locator(".editor img")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_editor_has_nothing_that_axe_objects_to(open_page: Open, bill, scheme: str):
    page = open_bill(open_page, bill[0], color_scheme=scheme, bypass_csp=True)
    text(page, 6).focus()
    assert violations(page) == []
    page.keyboard.press("F1")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_picture_stays_above_while_lines_are_corrected(
    workplace: Workplace, open_page: Open, scheme: str
):
    made = long_bill(40)
    bill_id = read_long_bill(workplace.store, workplace.user, made).id
    page = open_bill(open_page, bill_id, width=390, height=844, color_scheme=scheme, bypass_csp=True)
    text(page, 30).tap()
    text(page, 30).fill("Typed on a phone")
    selected, canvas = page.locator(".line-boxes .selected").bounding_box(), page.locator(".canvas").bounding_box()
    assert canvas["y"] >= 0
    assert canvas["y"] <= selected["y"] <= canvas["y"] + canvas["height"]
    typed = text(page, 30).bounding_box()
    assert canvas["y"] + canvas["height"] <= typed["y"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.locator(".tools button:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 40, button
    page.get_by_role("tab", name="Fields").tap()
    page.get_by_label("Merchant").fill("Phone shop")
    page.get_by_role("tab", name="Text").tap()
    expect_saved(page)
    assert workplace.lines(bill_id)[29] == "Typed on a phone"
    until(lambda: workplace.fields(bill_id)["company"]["value"] == "Phone shop", "the field to be saved")
    assert violations(page) == []


def test_an_edit_that_the_server_refuses_is_taken_back_with_a_reason_and_the_others_are_saved(
    workplace: Workplace, open_page: Open, bill
):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id, refused=True)
    currency = page.get_by_label("Currency")
    currency.fill("XXQ")
    currency.press("Enter")
    text(page, 2).fill("12 Station Street")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is no currency")).to_be_visible()
    expect_saved(page)
    expect(currency).to_have_value("GBP")
    assert workplace.lines(bill_id)[1] == "12 Station Street"


def test_edits_of_a_bill_that_went_to_the_trash_are_kept_until_it_comes_back(
    workplace: Workplace, open_page: Open, bill
):
    bill_id, _ = bill
    page = open_bill(open_page, bill_id, refused=True)
    delete_bill(workplace.store, workplace.user, bill_id)
    text(page, 2).fill("written meanwhile")
    page.keyboard.press("Enter")
    expect(page.locator(".editor .status")).to_have_text("This bill cannot be changed now: 1 edit kept here")
    restore_bill(workplace.store, workplace.user, bill_id)
    expect_saved(page)
    assert workplace.lines(bill_id)[1] == "written meanwhile"
