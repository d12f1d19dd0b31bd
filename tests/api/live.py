"""The UI's process with the API in it, on a free port of loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.servers import free_port
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def serve(home: Path, **settings: Any) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start ``python -m billocr_ui`` with these settings; gives address and process. Its log lies in ``home``."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BILLOCR_")}
    environment |= {"BILLOCR_HOME": str(home), "BILLOCR_UI_PORT": str(port), "OMP_NUM_THREADS": "1"}
    environment |= {f"BILLOCR_{name.upper()}": str(value) for name, value in settings.items()}
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, (home / "ui.log").read_text()
        try:
            return requests.get(f"{url}/api/v1/health/ready", timeout=5).ok
        except requests.ConnectionError:
            return False

    with (home / "ui.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "billocr_ui"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            until(ready, "the UI answers")
            yield url, process
        finally:
            process.terminate()
            process.wait(30)
