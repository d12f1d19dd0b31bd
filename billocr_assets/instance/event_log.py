"""Dagster's event log on SQLite, with connections that are kept.

Dagster's own class makes a new SQLAlchemy engine for every event, so each statement is compiled anew and each commit
waits for the disk: 22 ms an event, where a bill has about a dozen. Kept engines write one in a third of that time
(``tests/benchmarks/bench_orchestration.py``), which is what keeps a backfill's bookkeeping below its reading.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

_KEPT = 16
_BUSY_SECONDS = 30


class KeptSqliteEventLogStorage(SqliteEventLogStorage):
    """For ``event_log_storage`` in ``dagster.yaml``; the files lie where Dagster's default puts them.

    Only how a connection is made differs, so an instance can change from one class to the other at any time.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptSqliteEventLogStorage:
        return cls(os.path.join(os.environ["DAGSTER_HOME"], "history", "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        # The lock is Dagster's: one connection at a time in a process, so none is in use when its engine goes.
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        if shard in self._engines:
            self._engines.move_to_end(shard)
            return self._engines[shard]
        engine = create_engine(
            self.conn_string_for_shard(shard),
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            pool_size=1,
        )
        event.listen(engine, "connect", _no_wait_for_the_disk)
        self._engines[shard] = engine
        if len(self._engines) > _KEPT:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def dispose(self) -> None:
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _no_wait_for_the_disk(connection: Any, _record: Any) -> None:
    # In WAL mode NORMAL keeps the file sound; a power cut may cost the last events, never a bill, which is in our
    # own database.
    connection.execute("PRAGMA synchronous = NORMAL")
