"""The database: SQLite on one machine, PostgreSQL elsewhere, behind one interface."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
from pydantic_core import from_json, to_json
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.orm import Session

MIGRATIONS = Path(__file__).parent / "migrations"
# To SQLite, that are kept open: as many as threads that answer requests.
_CONNECTIONS = 40


class Database:
    """Sessions on one database.

    Args:
        url: ``sqlite:///file`` or ``postgresql://…``.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = create_engine(
            parsed,
            json_serializer=_to_json,
            json_deserializer=_from_json,
            # A connection to SQLite is a file, and one that is opened anew reads all tables' descriptions first.
            **({"pool_size": _CONNECTIONS} if self.is_sqlite else {"pool_pre_ping": True}),
        )
        self._writers = _Queue() if self.is_sqlite else None
        self._reading = self.engine.execution_options(read_only=True)
        event.listen(self.engine, "before_cursor_execute", _make_storable, retval=True)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction that may write: committed at the end, rolled back on an error."""
        turn = self._writers.turn() if self._writers else nullcontext()
        with turn, Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that only reads and so never waits for a writer."""
        with Session(self._reading, expire_on_commit=False) as session, session.begin():
            yield session

    def in_order(self, session: Session) -> None:
        """Let only one transaction at a time go on from here, until it has ended.

        Bills and attempts are numbered under this, so that they become visible in the order of their numbers: a reader
        with a cursor would otherwise step over a number whose transaction is still under way.
        """
        if not self.is_sqlite:  # there, every writing transaction is alone already
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x62696C6C})

    def migrate(self, to: str = "head") -> None:
        """Bring the tables up to date, or as far as revision ``to``, in one transaction.

        Safe to run from several processes at once.
        """
        config = alembic.config.Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.engine.connect() as connection:
            if self.is_sqlite:
                # A changed table is made anew and the old one dropped, which would delete every row that refers to it.
                # The pragma does nothing inside a transaction, hence not through SQLAlchemy, which begins one.
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA foreign_keys = OFF")
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x62696C6D})
                config.attributes["connection"] = connection
                alembic.command.upgrade(config, to)
                if self.is_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                    raise RuntimeError(f"the migration left rows that refer to nothing: {broken[:5]}")
            if self.is_sqlite:
                driver.execute("PRAGMA foreign_keys = ON")


class _Queue:
    """Lets this process's writers to SQLite in one by one, in the order they came.

    SQLite itself has them look again after a nap, and those who have waited longest nap longest; a plain lock lets in
    who comes just then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._writer: int | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        if self._writer == threading.get_ident():  # within its own turn: whether that can be is SQLite's to say
            yield
            return
        mine = threading.Event()
        with self._lock:
            self._waiting.append(mine)
            self._waiting[0].set()
        try:
            mine.wait()
            self._writer = threading.get_ident()
            yield
        finally:
            with self._lock:
                if self._writer == threading.get_ident():
                    self._writer = None
                self._waiting.remove(mine)
                if self._waiting:
                    self._waiting[0].set()


def _to_json(value: Any) -> str:
    try:
        return to_json(value).decode()
    except ValueError:  # half a surrogate pair, which only an escape can write
        return json.dumps(value)


def _from_json(text: str | bytes) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)


def _make_storable(
    _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    """Take out of texts what no database keeps, such as an id with a NUL that somebody asks for: it finds nothing."""
    return statement, _storable(parameters)


def _storable(parameters: Any) -> Any:
    if isinstance(parameters, dict):
        return {name: _storable(value) for name, value in parameters.items()}
    if isinstance(parameters, tuple | list):
        return type(parameters)(_storable(value) for value in parameters)
    if not isinstance(parameters, str):
        return parameters
    # PostgreSQL has no NUL, and half a surrogate pair is no character.
    return parameters.replace("\0", "").encode("utf-8", "replace").decode()


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own idea of when a transaction begins is switched off; _begin_sqlite says it.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "busy_timeout = 30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes must have the write lock from its start: taken later, it can fail
    # at once with "database is locked" however long the timeout is.
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
