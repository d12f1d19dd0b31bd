"""The example page of the JavaScript client: no Streamlit, no inline script, only the client and the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FAILURES, violations

SAMPLE = Path(__file__).parents[2] / "billocr_ui" / "samples" / "bakery-scan.jpg"
READ_WITHIN = 120_000


def upload(page: Page) -> None:
    # The bytes after a picture's end make it another file, so that no test finds it uploaded already.
    data = SAMPLE.read_bytes() + uuid4().bytes
    file = {"name": SAMPLE.name, "mimeType": "image/jpeg", "buffer": data}
    page.get_by_label("A photo, scan or PDF of one bill").set_input_files(file)
    expect(page.locator("#text li").first).to_be_visible(timeout=READ_WITHIN)


def test_a_bill_is_uploaded_and_its_picture_text_and_fields_are_shown(open_page: Callable[..., Page]):
    page = open_page("/client/example.html")
    upload(page)
    expect(page.locator("#text")).to_contain_text("BAKERY")
    expect(page.locator("#fields dt")).to_contain_text(["Merchant"])
    expect(page.locator("#fields dd", has_text=re.compile(r"^\d+\.\d\d"))).to_have_count(1)
    assert page.locator("svg polygon").count() == page.locator("#text li").count()
    width = page.locator("svg image").evaluate(
        """image => new Promise((resolve, reject) => {
            const picture = new Image();
            picture.onload = () => resolve(picture.naturalWidth);
            picture.onerror = reject;
            picture.src = image.getAttribute("href");
        })"""
    )
    assert width > 500
    page.locator("#text li").nth(2).hover()
    expect(page.locator("svg polygon").nth(2)).to_have_class("pointed")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Searchable PDF").click()
    assert saved.value.suggested_filename == "bakery-scan.pdf"
    assert "BAKERY" in pypdfium2.PdfDocument(saved.value.path())[0].get_textpage().get_text_range()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_example_can_be_used_by_everybody(open_page: Callable[..., Page], width: int, scheme: str):
    page = open_page("/client/example.html", width=width, color_scheme=scheme)
    upload(page)
    expect(page.get_by_role("status")).to_have_text("")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    FAILURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FAILURES / f"client-example-{width}.png", full_page=True)
