"""The UI alone, over a store that the test fills and looks into: for what needs no reading by the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import local_user
from billocr_assets.store.corrections import current
from billocr_assets.store.schema import User
from tests.servers import free_port
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Workplace:
    """The UI's address, and what lies behind it."""

    url: str
    store: Store
    user: User

    def document(self, bill_id: str) -> dict[str, Any]:
        return current(self.store, self.user, bill_id).to_dict()

    def lines(self, bill_id: str) -> list[str]:
        return [line["text"] for line in self.document(bill_id)["pages"][0]["lines"]]

    def box(self, bill_id: str, line: int) -> list[list[float]]:
        return self.document(bill_id)["pages"][0]["lines"][line]["polygon"]

    def fields(self, bill_id: str) -> dict[str, Any]:
        return self.document(bill_id)["fields"]


@contextmanager
def run_workplace(home: Path) -> Iterator[Workplace]:
    """A UI process with its home in ``home``; it ends with the block."""
    port = free_port()
    store = open_store(Settings(home=home))
    store.database.migrate()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BILLOCR_")}
    environment |= {"BILLOCR_HOME": str(home), "BILLOCR_UI_PORT": str(port)}
    with (home / "ui.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "billocr_ui"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or _answers(f"{url}/_stcore/health"), "the UI to answer")
        assert process.poll() is None, (home / "ui.log").read_text()
        yield Workplace(url, store, local_user(store))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
        store.database.engine.dispose()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False
