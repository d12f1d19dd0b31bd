"""The whole product, started once as ``make run`` starts it, and a real Chromium in front of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.servers import free_port

ROOT = Path(__file__).parent.parent.parent
FAILURES = ROOT / ".cache" / "browser"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
# The machine may be busy: an expectation waits long, and a test ends as soon as it is met.
expect.set_options(timeout=30_000)
# Streamlit asks for these under every deep link before it finds them at the root.
EXPECTED_404 = ("/_stcore/health", "/_stcore/host-config")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the UI; every process that belongs to it ends with the session."""
    home, port = tmp_path_factory.mktemp("product"), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BILLOCR_")}
    environment |= {
        "BILLOCR_HOME": str(home),
        "BILLOCR_UI_PORT": str(port),
        "BILLOCR_DAGSTER_PORT": str(free_port()),
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.local"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops everything" in line:
                break
        else:
            pytest.fail("the product did not start:\n" + "".join(said))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture
def open_page(product: str, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens a page of the product; at the end, no page may have logged an error or called another host."""
    troubles: list[str] = []
    pages: list[Page] = []

    def open_(path: str = "/", width: int = 1280, height: int = 800, **options) -> Page:
        phone = width < 600
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            base_url=product,
            is_mobile=phone,
            has_touch=phone,
            permissions=["camera"],
            **options,
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                troubles.append(f"console: {message.text} {message.location.get('url', '')}")
                if message.type == "error" and not message.location.get("url", "").endswith(EXPECTED_404)
                else None
            ),
        )
        page.on(
            "request",
            lambda sent: (
                None if sent.url.startswith((product, "data:", "blob:")) else troubles.append(f"foreign: {sent.url}")
            ),
        )
        pages.append(page)
        page.goto(path)
        return page

    yield open_
    report = getattr(request.node, "report_call", None)
    if report is not None and report.failed:
        FAILURES.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(pages):
            page.screenshot(path=FAILURES / f"{request.node.name}-{number}.png", full_page=True)
    for page in pages:
        page.context.close()
    assert not troubles
