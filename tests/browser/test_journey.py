"""The journeys of a person, in a real browser on the real product: from a picture to its text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests import files
from tests.browser.rendered import bill_picture

# Reading takes seconds; the machine of a test run may be busy with something else.
READ_WITHIN = 120_000
Open = Callable[..., Page]


def upload(page: Page, *named: tuple[str, bytes]) -> None:
    payloads = [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in named]
    page.locator("input[type=file]").set_input_files(payloads)


def card(page: Page, name: str):
    """A card by the name of its file, whatever merchant has been found."""
    return page.locator(".card").filter(has=page.locator(f'.title[title="{name}"]'))


def read_bill(page: Page, name: str, data: bytes) -> None:
    """Uploads a bill and opens it as soon as its card says that it has been read."""
    upload(page, (name, data))
    expect(card(page, name).locator(".badge")).to_have_text("Read", timeout=READ_WITHIN)
    card(page, name).locator(".open").click()
    expect(page.locator(".editor .line").first).to_be_visible()


def picture_has_loaded(page: Page) -> bool:
    return page.locator(".canvas .photo").evaluate(
        "photo => fetch(photo.getAttribute('href')).then(answer => answer.ok)"
    )


@pytest.fixture(scope="session")
def read_once(product: str, chromium) -> str:
    """The path of a bill that has been uploaded and read, for the tests of what comes after."""
    page = chromium.new_page(base_url=product)
    page.goto("/")
    read_bill(page, "once.jpg", bill_picture("ONCE AND FOR ALL"))
    path = page.url.removeprefix(product)
    page.close()
    return path


def test_a_picture_goes_in_and_its_text_stands_beside_it(open_page: Open):
    page = open_page()
    read_bill(page, "market.jpg", bill_picture())

    lines = page.locator(".line textarea")
    read = lines.evaluate_all("boxes => boxes.map(box => box.value)")
    assert sum("station" in line.lower() for line in read) == 1
    assert any("14.45" in line for line in read)
    assert len(read) == page.locator(".line-boxes polygon").count()
    assert picture_has_loaded(page)
    picture, text = page.locator(".canvas").bounding_box(), page.locator(".lines").bounding_box()
    assert picture is not None
    assert text is not None
    assert picture["x"] + picture["width"] <= text["x"], "side by side"


def test_a_line_and_its_box_are_chosen_together_from_either_side(open_page: Open, read_once: str):
    page = open_page(read_once)
    line, box = page.locator('[data-line="p1l2"] textarea'), page.locator('.line-boxes [data-line="p1l2"]')
    line.click()
    expect(box).to_have_class(re.compile("selected"))

    page.locator('.line-boxes [data-line="p1l4"]').click(force=True)
    expect(page.locator('.line[data-line="p1l4"] textarea')).to_be_focused()
    expect(box).not_to_have_class(re.compile("selected"))


def test_the_keyboard_moves_through_the_lines_and_zooms(open_page: Open, read_once: str):
    page = open_page(read_once)
    page.locator(".line textarea").first.focus()
    for key in ("ArrowDown", "Enter", "ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator(".line.chosen")).to_have_attribute("data-line", "p1l1")
    whole = page.locator(".canvas").get_attribute("viewBox")
    page.keyboard.press("Alt+PageUp")
    expect(page.locator(".canvas")).not_to_have_attribute("viewBox", whole)
    expect(page.locator(".percent")).to_have_text("135 %")
    page.keyboard.press("Alt+Home")
    expect(page.locator(".canvas")).to_have_attribute("viewBox", whole)


def test_boxes_stay_on_the_print_when_the_picture_is_moved(open_page: Open, read_once: str):
    page = open_page(read_once)
    page.locator('[data-do="in"]').click()
    page.locator('[data-do="in"]').click()

    def offset() -> tuple[float, float]:
        photo = page.locator(".canvas .photo").bounding_box()
        box = page.locator('.line-boxes [data-line="p1l3"]').bounding_box()
        return box["x"] - photo["x"], box["y"] - photo["y"]

    before, pane = offset(), page.locator(".canvas").bounding_box()
    view = page.locator(".canvas").get_attribute("viewBox")
    page.mouse.move(pane["x"] + 200, pane["y"] + 300)
    page.mouse.down()
    page.mouse.move(pane["x"] + 120, pane["y"] + 180, steps=6)
    page.mouse.up()
    expect(page.locator(".canvas")).not_to_have_attribute("viewBox", view)
    assert offset() == pytest.approx(before, abs=1.5)


def test_a_bill_is_found_by_what_is_printed_on_it(open_page: Open):
    page = open_page()
    read_bill(page, "lamp.jpg", bill_picture("LAMPSHADE PALACE"))
    printed = page.locator(".line textarea").first.input_value()
    page.get_by_text("← All bills").click()
    expect(card(page, "lamp.jpg")).to_be_visible()
    page.get_by_label("Search").fill(printed.upper())
    expect(page.locator(".card")).to_have_count(1)
    expect(page).to_have_url(re.compile("search="))
    page.reload()
    expect(card(page, "lamp.jpg")).to_be_visible()
    page.get_by_label("Search").fill("nothing of the kind")
    expect(page.get_by_text("No bill matches")).to_be_visible()


def test_a_bill_is_read_again_without_a_reload(open_page: Open, read_once: str):
    page = open_page(read_once)
    page.get_by_role("button", name="Read again").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator(".line").first).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0, timeout=READ_WITHIN)
    expect(page.get_by_role("button", name="Read again")).to_be_visible()


def test_the_pages_of_a_pdf_are_turned(open_page: Open):
    page = open_page()
    upload(page, ("two.pdf", files.pdf_pages(2)))
    card(page, "two.pdf").locator(".open").click()
    expect(page.locator(".page")).to_have_text("1 of 2")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".page")).to_have_text("2 of 2")
    assert "/2?" in page.locator(".canvas .photo").get_attribute("href")
    assert picture_has_loaded(page)


def test_text_and_json_are_downloaded_and_the_picture_needs_its_route(open_page: Open, read_once: str, product: str):
    page = open_page(read_once)
    page.get_by_role("button", name="Download").click()
    text = page.request.get(page.get_by_role("link", name="Text", exact=True).get_attribute("href"))
    assert "14.45" in text.text()
    data = json.loads(page.request.get(page.get_by_role("link", name="JSON").get_attribute("href")).body())
    assert data["models"].keys() == {"line_detector", "line_segmenter", "line_recogniser"}
    assert "/media/" not in page.locator(".canvas .photo").get_attribute("href")


def test_a_broken_file_is_refused_with_its_sentence_and_the_others_go_on(open_page: Open):
    page = open_page()
    upload(page, ("torn.jpg", bill_picture()[:5000]), ("whole.jpg", bill_picture("WHOLE AND HALE")))
    expect(page.get_by_text("damaged or cut off")).to_be_visible()
    expect(card(page, "whole.jpg")).to_be_visible()
    expect(card(page, "torn.jpg")).to_have_count(0)


def test_the_same_file_again_leads_to_the_first_and_is_kept_if_asked(open_page: Open):
    page = open_page()
    picture = files.encode(files.page(400, 600, seed=7), "JPEG")
    upload(page, ("twin.jpg", picture))
    expect(card(page, "twin.jpg")).to_be_visible()
    page.reload()
    upload(page, ("twin again.jpg", picture))
    expect(page.get_by_text("already here as")).to_be_visible()
    page.get_by_role("button", name="Keep both").click()
    expect(card(page, "twin again.jpg")).to_be_visible()


def test_a_photo_taken_with_the_camera_becomes_a_bill(open_page: Open):
    page = open_page()
    page.get_by_text("Camera", exact=True).click()
    # Before its first picture the camera takes none, and says nothing.
    page.locator("video").evaluate(
        """video => video.readyState >= 2
            || new Promise(done => video.addEventListener('loadeddata', done, {once: true}))"""
    )
    page.get_by_role("button", name="Take Photo").click()
    expect(page.locator(".card .title").filter(has_text=re.compile(r"^Photo \d{4}-"))).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_fits_on_a_phone(open_page: Open, read_once: str, scheme: str):
    page = open_page(read_once, width=390, height=844, color_scheme=scheme)
    page.locator(".line textarea").nth(5).tap()
    box, pane = page.locator(".line-boxes .selected").bounding_box(), page.locator(".canvas").bounding_box()
    assert pane["y"] <= box["y"] <= pane["y"] + pane["height"], "the picture stays in view while the text is read"
    for path in ("/", "/bills", read_once):
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_text_from_a_bill_is_never_markup(open_page: Open):
    page = open_page()
    name = "<img src=x onerror=alert(1)> **x**.jpg"
    upload(page, (name, files.encode(files.page(500, 700, seed=9), "JPEG")))
    expect(page.locator(".card .title").first).to_have_text(name)
    page.goto("/bills")
    expect(page.locator(".card .title", has_text="onerror")).to_be_visible()


def test_the_page_allows_no_foreign_scripts_and_streamlits_inner_routes_are_closed(open_page: Open):
    page = open_page()
    expect(page.locator("h1")).to_be_visible()
    policy = page.request.get("/").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert page.request.get("/_stcore/metrics").status == 404
    assert page.request.get("/_stcore/agent/openapi.json").status == 404
    assert page.request.get("/api/v1/health/ready").json()["status"] == "ok"


def test_two_files_that_come_in_quick_succession_both_arrive(open_page: Open):
    page = open_page()
    upload(page, ("quick.jpg", bill_picture("QUICK")))
    upload(page, ("quicker.jpg", bill_picture("QUICKER")))
    for name in ("quick.jpg", "quicker.jpg"):
        expect(card(page, name).locator(".badge")).to_have_text("Read", timeout=READ_WITHIN)
