"""The local start, as a newcomer meets it: real processes on free ports in an empty folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import free_port, port_is_free

READY_WITHIN = 120


def environment(home: Path, **ports: int) -> dict[str, str]:
    return {
        **os.environ,
        "BILLOCR_HOME": str(home),
        "BILLOCR_UI_PORT": str(ports.get("ui") or free_port()),
        "BILLOCR_DAGSTER_PORT": str(ports.get("dagster") or free_port()),
    }


def processes_of(home: Path) -> list[psutil.Process]:
    """Every process that was started for this home, however deep."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("BILLOCR_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for_line(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError("the launcher ended: " + "".join(lines))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str], Path]]:
    settings = environment(tmp_path / "home")
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.local"],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for_line(process, "Ctrl-C stops everything")
        yield process, settings, tmp_path / "home"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_one_command_starts_everything_and_ctrl_c_leaves_nothing_behind(
    started: tuple[subprocess.Popen[str], dict[str, str], Path],
) -> None:
    process, settings, home = started
    ui, dagster = settings["BILLOCR_UI_PORT"], settings["BILLOCR_DAGSTER_PORT"]
    assert urllib.request.urlopen(f"http://127.0.0.1:{ui}/", timeout=10).status == 200
    assert b"dagster" in urllib.request.urlopen(f"http://127.0.0.1:{dagster}/server_info", timeout=10).read()
    assert len(processes_of(home)) >= 5

    process.send_signal(signal.SIGINT)

    assert process.wait(30) == 0
    assert processes_of(home) == []
    assert port_is_free("127.0.0.1", int(ui))
    assert port_is_free("127.0.0.1", int(dagster))


def test_a_service_that_dies_is_started_again(
    started: tuple[subprocess.Popen[str], dict[str, str], Path],
) -> None:
    process, settings, home = started
    url = f"http://127.0.0.1:{settings['BILLOCR_UI_PORT']}/_stcore/health"
    time.sleep(5)  # one that dies in its first seconds is left alone
    ui = next(p for p in processes_of(home) if "billocr_ui" in " ".join(p.cmdline()))
    ui.kill()
    wait_for_line(process, "the UI has ended; starting it again")
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            assert urllib.request.urlopen(url, timeout=2).status == 200
            break
        except OSError:
            assert time.monotonic() < deadline, "the UI did not come back"
            time.sleep(0.3)


def test_a_taken_port_is_said_in_a_sentence_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "deploy.local"],
            env=environment(tmp_path / "home", ui=port),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 1
    assert f"Port {port} for the UI is taken" in result.stderr
    assert "Traceback" not in result.stderr
    assert processes_of(tmp_path / "home") == []


@pytest.mark.parametrize("module", ["deploy.local", "billocr_ui"])
def test_without_accounts_nothing_starts_on_a_public_address(tmp_path: Path, module: str):
    settings = environment(tmp_path / "home") | {"BILLOCR_HOST": "0.0.0.0"}
    done = subprocess.run([sys.executable, "-m", module], env=settings, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("With BILLOCR_HOST=0.0.0.0 others can reach Bill OCR")
    assert "BILLOCR_ACCOUNTS=true" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()
