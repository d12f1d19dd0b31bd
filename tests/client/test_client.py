"""The JavaScript client: its own tests under Node, against a live server whose bills are really read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import playwright
import pytest
import requests

from billocr_assets.fields import extract_fields
from billocr_assets.ocr.errors import BillError
from billocr_assets.ocr.models import load_models
from billocr_assets.ocr.pipeline import read_bill
from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.accounts import users
from billocr_assets.store.bills import local_user
from billocr_assets.store.reading import (
    begin_reading,
    bill_bytes,
    open_attempts_after,
    publish_result,
    record_failure,
    sync_shipped_models,
)
from billocr_assets.store.schema import Bill
from tests.readings import bill_picture, spoil
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "billocr_ui" / "samples" / "bakery-scan.jpg"
PASSWORD = "four quiet words here"
# Playwright brings a Node of its own, so that there is always one; a system's is tried as well.
NODES = [Path(playwright.__file__).parent / "driver" / "node", *filter(None, [shutil.which("node")])]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with accounts for ada and ben, whose bills are read as they come."""
    port, home = free_port(), tmp_path_factory.mktemp("client")
    settings = Settings(home=home, accounts=True, ui_port=port)
    store = open_store(settings)
    store.database.migrate()
    sync_shipped_models(store)
    for name in ("ada", "ben"):
        users.create_user(store, local_user(store), f"{name}@example.org", name, PASSWORD)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BILLOCR_")}
    environment |= {"BILLOCR_HOME": str(home), "BILLOCR_ACCOUNTS": "true", "BILLOCR_UI_PORT": str(port)}
    log = home / "ui.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "billocr_ui"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process, log)
        with reading(store):
            yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        store.database.engine.dispose()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            requests.get(f"{url}/api/v1/health/live", timeout=5).raise_for_status()
            return
        except requests.RequestException:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.2)


@contextmanager
def reading(store: Store) -> Iterator[None]:
    """Reads bills with the shipped networks as they come, as the runs of a whole installation do."""
    models, stop = load_models(None), threading.Event()

    def read_all() -> None:
        cursor = 0
        while not stop.wait(0.1):
            for attempt in open_attempts_after(store, cursor, 10):
                cursor = attempt.id
                read_one(attempt.bill_id)

    def read_one(bill_id: str) -> None:
        attempt = begin_reading(store, [bill_id], "run", "upload").get(bill_id)
        if attempt is None:  # deleted meanwhile
            return
        with store.database.reading() as session:
            name = session.query(Bill.name).filter(Bill.id == bill_id).scalar()
        if name == "spoil-me.png":
            spoil(store, bill_id)
        try:
            document = read_bill(bill_bytes(store, bill_id), models)
        except (BillError, FileNotFoundError) as error:
            record_failure(store, attempt, "bill_image", str(error))
        else:
            publish_result(store, attempt, document, extract_fields(document).to_dict())

    thread = threading.Thread(target=read_all, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("node", NODES, ids=["playwright", "system"][: len(NODES)])
def test_the_client_does_what_it_promises(node: str | Path, server: str, tmp_path: Path):
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version[1:].split(".")[0]) < 20:
        pytest.skip(f"Node {version.strip()} is older than the client needs; the other one is tried")
    # Every run uploads pictures of its own.
    first = 100 * NODES.index(node)
    for number in range(1, 31):
        (tmp_path / f"{number}.png").write_bytes(bill_picture(first + number))
    done = subprocess.run(
        [node, "--test", "--test-reporter=spec", str(Path(__file__).parent / "billocr.test.mjs")],
        env={
            "BILLOCR_CLIENT": str(ROOT / "billocr_ui" / "client" / "billocr.js"),
            "URL_UNDER_TEST": server,
            "EMAIL": "ada@example.org" if not first else "ben@example.org",
            "FRIEND": "ben@example.org" if not first else "ada@example.org",
            "PASSWORD": PASSWORD,
            "PICTURES": str(tmp_path),
            "SAMPLE": str(SAMPLE),
        },
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests 17" in done.stdout, done.stdout


def test_the_client_and_its_example_are_served_to_everybody_under_the_strict_policy(server: str):
    for name, media_type in (("billocr.js", "javascript"), ("example.html", "text/html")):
        answer = requests.get(f"{server}/client/{name}", timeout=30)
        assert answer.status_code == 200
        assert media_type in answer.headers["content-type"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "<script>" not in answer.text
        assert "style=" not in answer.text
    # As no well-behaved program asks.
    connection = HTTPConnection(server.removeprefix("http://"), timeout=30)
    connection.request("GET", "/client/../routes.py")
    assert b"def routes" not in connection.getresponse().read()
