"""The whole product, started once as ``make run`` starts it, and a real Chromium in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

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
AXE = Path(__file__).parent / "axe" / "axe.min.js"
CUT = re.compile("ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|WebSocket connection")
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
    with run_product(tmp_path_factory.mktemp("product")) as url:
        yield url


@contextmanager
def run_product(home: Path, **settings: str) -> Iterator[str]:
    """Everything that ``make run`` starts, with these settings; yields the address of the UI."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BILLOCR_")}
    environment |= {f"BILLOCR_{name.upper()}": value for name, value in settings.items()}
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
    with watched_pages(product, chromium, request) as open_:
        yield open_


@contextmanager
def watched_pages(base_url: str, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """A function that opens pages of a server; at the end, none may have logged an error or called another host.

    Its ``beside`` is a page in whose context the next one is opened: another tab of the same browser. ``cut`` says that
    the connection will be cut, ``refused`` that the API will refuse something, which browsers log.
    """
    troubles: list[str] = []
    pages: list[Page] = []

    def open_(
        path: str = "/",
        width: int = 1280,
        height: int = 800,
        beside: Page | None = None,
        cut: bool = False,
        refused: bool = False,
        **options,
    ) -> Page:
        phone = width < 600
        context = (
            beside.context
            if beside
            else chromium.new_context(
                viewport={"width": width, "height": height},
                base_url=base_url,
                is_mobile=phone,
                has_touch=phone,
                permissions=["camera"],
                **options,
            )
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))

        def said(message: ConsoleMessage) -> None:
            url = message.location.get("url", "")
            expected = url.endswith(EXPECTED_404) or (cut and CUT.search(message.text))
            expected = expected or (refused and "/api/v1/" in url)
            if message.type == "error" and not expected:
                troubles.append(f"console: {message.text} {url}")

        page.on("console", said)
        page.on(
            "request",
            lambda sent: (
                None if sent.url.startswith((base_url, "data:", "blob:")) else troubles.append(f"foreign: {sent.url}")
            ),
        )
        pages.append(page)
        page.goto(path)
        return page

    yield open_
    report = getattr(request.node, "report_call", None)
    open_pages = [page for page in pages if not page.is_closed()]
    if report is not None and report.failed:
        FAILURES.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(open_pages):
            page.screenshot(path=FAILURES / f"{request.node.name}-{number}.png", full_page=True)
    for context in {page.context for page in pages}:
        context.close()
    assert not troubles


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page for people who use it otherwise than by eye and mouse, WCAG 2.2 AA."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
    return [
        f"{each['id']}: {node['target']} {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]
    ]
