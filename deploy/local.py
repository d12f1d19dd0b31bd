"""Bill OCR on one machine: code servers, Dagster's daemon and webserver, and the UI, until Ctrl-C.

``python -m deploy.local`` prepares the database, starts every process in a process group of its own, waits until each
answers, restarts one that dies, and ends them all on SIGINT or SIGTERM. Logs lie in ``<home>/logs``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from billocr_assets.settings import Exposed, Settings, get_settings

ROOT = Path(__file__).resolve().parent.parent
TRAINING_PYTHON = ROOT / ".venv-training" / "bin" / "python"
READY_WITHIN = 120.0
# Whoever reaches Dagster may do everything: it knows no login.
DAGSTER_HOST = "127.0.0.1"


class StartError(Exception):
    """Something that the operator has to mend first; the message says what."""


@dataclass
class Service:
    """A process that is kept running."""

    name: str
    command: list[str]
    ready: Callable[[], bool]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started: float = 0.0

    def start(self) -> None:
        with self.log.open("ab") as log:
            # A group of its own: Ctrl-C in the terminal reaches this launcher alone, which then ends them in order,
            # and the runs that a code server has started end with it.
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=subprocess.STDOUT, env=self.environment, start_new_session=True
            )
        self.started = time.monotonic()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                self.process = None

    def group_lives(self) -> bool:
        if self.process is None:
            return False
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


def port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> Callable[[], bool]:
    def check() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return check


def listens(port: int) -> Callable[[], bool]:
    def check() -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return check


def training_is_installed() -> bool:
    """Whether ``make install-training`` has been run; the training location joins only then."""
    if not TRAINING_PYTHON.exists():
        return False
    probe = "import importlib.util as u, sys; sys.exit(not (u.find_spec('torch') and u.find_spec('pytorch_lightning')))"
    return subprocess.run([TRAINING_PYTHON, "-c", probe], check=False).returncode == 0


def services(settings: Settings, dagster_home: Path, logs: Path) -> list[Service]:
    """Every process of a local installation; ``workspace.yaml`` is written to ``dagster_home`` on the way."""
    # One thread a process: a bill is read fastest beside others that way, and idle ones take no core.
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home),
        "BILLOCR_HOME": str(settings.home.resolve()),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONUNBUFFERED": "1",
    }
    locations = {"billocr_assets": (sys.executable, "billocr_assets.definitions")}
    if training_is_installed():
        locations["training"] = (str(TRAINING_PYTHON), "training.definitions")
    started, entries = [], []
    for name, (python, module) in locations.items():
        port = free_port()
        command = [python, "-m", "dagster", "code-server", "start", "-m", module, "-h", "127.0.0.1", "-p", str(port)]
        started.append(
            Service(f"code server {name}", command, listens(port), environment, logs / f"code-server-{name}.log")
        )
        entries.append(f"  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: {name}}}\n")
    workspace = dagster_home / "workspace.yaml"
    workspace.write_text("load_from:\n" + "".join(entries))

    dagster_url = f"http://{DAGSTER_HOST}:{settings.dagster_port}"
    ui_url = f"http://{settings.host}:{settings.ui_port}"
    tools = Path(sys.executable).parent
    started += [
        Service(
            "Dagster's daemon",
            [str(tools / "dagster-daemon"), "run", "-w", str(workspace)],
            lambda: True,
            environment,
            logs / "daemon.log",
        ),
        Service(
            "Dagster's webserver",
            [
                str(tools / "dagster-webserver"),
                *("-w", str(workspace), "-h", DAGSTER_HOST, "-p", str(settings.dagster_port)),
            ],
            answers(f"{dagster_url}/server_info"),
            environment,
            logs / "webserver.log",
        ),
        Service(
            "the UI",
            [sys.executable, "-m", "billocr_ui"],
            answers(f"{ui_url}/_stcore/health"),
            environment | {"BILLOCR_DAGSTER_URL": settings.dagster_url or dagster_url},
            logs / "ui.log",
        ),
    ]
    return started


def prepare(settings: Settings) -> tuple[Path, Path]:
    """Folders, Dagster's instance configuration and the migrated database: ``(dagster_home, logs)``."""
    from billocr_assets.instance import prepare_instance
    from billocr_assets.store import open_store
    from billocr_assets.store.reading import sync_shipped_models

    dagster_home, logs = settings.home.resolve() / "dagster", settings.home.resolve() / "logs"
    for folder in (dagster_home, logs):
        folder.mkdir(parents=True, exist_ok=True)
    prepare_instance(dagster_home, Path(__file__).with_name("dagster.yaml"))
    store = open_store(settings)
    store.database.migrate()
    sync_shipped_models(store)
    return dagster_home, logs


def check_ports(settings: Settings) -> None:
    for what, host, port, variable in (
        ("the UI", settings.host, settings.ui_port, "BILLOCR_UI_PORT"),
        ("Dagster", DAGSTER_HOST, settings.dagster_port, "BILLOCR_DAGSTER_PORT"),
    ):
        if not port_is_free(host, port):
            raise StartError(
                f"Port {port} for {what} is taken. Stop what uses it, or choose another: {variable}={port + 1} make run"
            )


def wait_until_ready(running: list[Service], stopping: Callable[[], bool]) -> None:
    waiting = list(running)
    deadline = time.monotonic() + READY_WITHIN
    while waiting and not stopping():
        for service in list(waiting):
            if not service.alive():
                raise StartError(f"{service.name} ended while starting; {service.log} says why.")
            if service.ready():
                print(f"  {service.name} is up ({time.monotonic() - service.started:.1f} s)", flush=True)
                waiting.remove(service)
        if time.monotonic() > deadline:
            names = ", ".join(service.name for service in waiting)
            raise StartError(f"Not up after {READY_WITHIN:.0f} s: {names}; see {waiting[0].log.parent}.")
        time.sleep(0.2)


def stop_all(running: list[Service]) -> None:
    """SIGTERM to every process group, SIGKILL to what is still there after ten seconds."""
    for service in reversed(running):
        service.signal(signal.SIGTERM)
    deadline = time.monotonic() + 10
    while any(service.group_lives() for service in running) and time.monotonic() < deadline:
        time.sleep(0.1)
    for service in running:
        service.signal(signal.SIGKILL)


def supervise(running: list[Service], stopping: Callable[[], bool]) -> None:
    """Restarts what dies, at most once in five seconds each, until it is time to stop."""
    while not stopping():
        for service in running:
            if not service.alive() and time.monotonic() - service.started > 5:
                print(f"{service.name} has ended; starting it again ({service.log} says why).", flush=True)
                service.signal(signal.SIGKILL)  # what it left behind in its group
                service.start()
        time.sleep(0.5)


def main() -> int:
    asked = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    began = time.monotonic()
    settings = get_settings()
    running: list[Service] = []
    try:
        settings.refuse_exposure()
        check_ports(settings)
        print(f"Preparing {settings.home.resolve()} ...", flush=True)
        dagster_home, logs = prepare(settings)
        for service in services(settings, dagster_home, logs):
            running.append(service)
            service.start()
        print("Starting ...", flush=True)
        wait_until_ready(running, lambda: asked)
        if not asked:
            print(
                f"\nBill OCR is ready after {time.monotonic() - began:.0f} s:\n"
                f"  upload and read bills   http://{settings.host}:{settings.ui_port}\n"
                f"  Dagster (operators)     http://{DAGSTER_HOST}:{settings.dagster_port}\n"
                f"  logs                    {logs}\nCtrl-C stops everything.",
                flush=True,
            )
        supervise(running, lambda: asked)
    except (Exposed, StartError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if running:
            print("\nStopping ...", flush=True)
            stop_all(running)
            print("Stopped.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
