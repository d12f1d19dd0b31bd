"""Dagster's processes for one installation, on loopback, kept running as a supervisor would and killed on request."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import yaml

from billocr_assets.instance import prepare_instance
from billocr_assets.settings import Settings
from tests.servers import free_port

ROOT = Path(__file__).parent.parent


class Dagster:
    """A code server and a daemon; ``with`` starts them, and leaves nothing behind.

    Args:
        settings: of the installation; its ``home`` holds ``DAGSTER_HOME`` and the logs.
        overrides: what differs from ``deploy/dagster.yaml``, by top-level key.
        environment: further variables, such as ``BILLOCR_BATCH_SIZE``.
    """

    def __init__(self, settings: Settings, overrides: dict | None = None, environment: dict[str, str] | None = None):
        self.home = settings.home / "dagster"
        self._logs = settings.home / "logs"
        self._environment = {
            **os.environ,
            "BILLOCR_HOME": str(settings.home),
            "BILLOCR_DATABASE_URL": settings.database_url,
            "BILLOCR_OBJECTS": settings.objects,
            "DAGSTER_HOME": str(self.home),
            "OMP_NUM_THREADS": "1",
            **(environment or {}),
        }
        self._logs.mkdir(parents=True, exist_ok=True)
        config = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text())
        for key, values in (overrides or {}).items():
            config[key] = {**config.get(key, {}), **values}
        template = settings.home / "dagster.yaml"
        template.write_text(yaml.safe_dump(config))
        prepare_instance(self.home, template)
        port = free_port()
        workspace = settings.home / "workspace.yaml"
        location = {"host": "127.0.0.1", "port": port, "location_name": "billocr_assets"}
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": location}]}))
        python, tools = sys.executable, Path(sys.executable).parent
        server = ["code-server", "start", "-m", "billocr_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]
        self._commands = {
            "code server": [python, "-m", "dagster", *server],
            "daemon": [str(tools / "dagster-daemon"), "run", "-w", str(workspace)],
        }
        self._processes: dict[str, subprocess.Popen] = {}
        self._stopping = threading.Event()

    def __enter__(self) -> Dagster:
        for name in self._commands:
            self._start(name)
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._supervisor.join()
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        for process in self._ours():
            process.kill()

    def workers(self) -> list[psutil.Process]:
        """The processes of runs."""
        return [process for process in self._ours() if "multiprocessing.spawn" in " ".join(_command(process))]

    def kill(self, name: str) -> bool:
        """SIGKILL for the ``daemon``, the ``code server`` with what loads our code for it, or a run's ``worker``.

        Returns:
            False if there was none.
        """
        if name == "worker":
            victims = self.workers()[:1]
        else:
            process = self._processes[name]
            victims = [psutil.Process(process.pid)] if process.poll() is None else []
            victims += [child for each in victims for child in each.children() if "grpc" in _command(child)]
        for victim in victims:
            victim.kill()
        return bool(victims)

    def _start(self, name: str) -> None:
        with (self._logs / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                self._commands[name], stdout=log, stderr=subprocess.STDOUT, env=self._environment, cwd=ROOT
            )

    def _supervise(self) -> None:
        while not self._stopping.wait(0.5):
            for name, process in list(self._processes.items()):
                if process.poll() is not None:
                    self._start(name)

    def _ours(self) -> list[psutil.Process]:
        """Every process of this instance, also those whose parent is gone."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.environ().get("DAGSTER_HOME") == str(self.home):
                    found.append(process)
            except psutil.Error:
                continue
        return found


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
