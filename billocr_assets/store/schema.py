"""The tables. Objects stay usable after their session; relations are followed by queries, never lazily."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

BillStatus = Literal["received", "reading", "read", "failed"]
AttemptOrigin = Literal["upload", "read_again", "backfill"]
AttemptState = Literal["open", "done", "failed"]
ModelState = Literal["candidate", "promoted", "retired"]
ModelOrigin = Literal["shipped", "trained"]


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """A UUIDv7 (RFC 9562) as 32 hexadecimal digits: sorts by the millisecond it was made in."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return f"{value:032x}"


class UTCDateTime(TypeDecorator[datetime]):
    """A timezone-aware time; SQLite has no such type and would hand back a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    # Constraints without a name could not be changed by a later migration on SQLite.
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime, dict[str, Any]: JSON, list[dict[str, Any]]: JSON}  # noqa: RUF012


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Bill(Base):
    """An upload and how far it has come.

    Attributes:
        number: insertion order, never used twice.
        id: the public key, also the partition key in Dagster.
        search: name and newest text, folded for searching.
    """

    __tablename__ = "bills"
    __table_args__ = (
        Index("ix_bills_owner_number", "owner_id", "number"),
        Index("ix_bills_owner_sha256", "owner_id", "sha256"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True, default=new_id)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    pages: Mapped[int]
    status: Mapped[BillStatus] = mapped_column(String(16), default="received")
    failed_stage: Mapped[str | None] = mapped_column(String(64))
    failed_why: Mapped[str | None] = mapped_column(Text)
    search: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Attempt(Base):
    """One reading of a bill, from the wish to its end. A bill has at most one that is open.

    Attributes:
        id: insertion order over all bills, never used twice; commits in this order, so it can be a cursor.
        run_id: the run that reads the bill now; none until one has begun.
        stage: the stage that was reached last.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("bill_id", "number"),
        Index(
            "uq_attempts_open",
            "bill_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_attempts_state_id", "state", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    bill_id: Mapped[str] = mapped_column(ForeignKey("bills.id", ondelete="CASCADE"))
    number: Mapped[int]
    origin: Mapped[AttemptOrigin] = mapped_column(String(16))
    state: Mapped[AttemptState] = mapped_column(String(16), default="open")
    run_id: Mapped[str | None] = mapped_column(String(64))
    stage: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class MachineResult(Base):
    """What one reading found: a layer that is added and never changed.

    Attributes:
        document: ``billocr_assets.ocr.document.Document.to_dict()``.
        fields: merchant, date, total, …
        text: the document's plain text.
        models: network to version, as in the document; the three columns repeat it for queries.
        seconds: stage to seconds.
        quality: one dict a page.
        confidence: mean over the words, 0..1; none without words.
    """

    __tablename__ = "machine_results"
    __table_args__ = (Index("ix_machine_results_bill_id_id", "bill_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    bill_id: Mapped[str] = mapped_column(ForeignKey("bills.id", ondelete="CASCADE"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id", ondelete="CASCADE"), unique=True)
    document: Mapped[dict[str, Any]]
    fields: Mapped[dict[str, Any]]
    text: Mapped[str] = mapped_column(Text)
    models: Mapped[dict[str, Any]]
    line_detector: Mapped[str] = mapped_column(String(64))
    line_segmenter: Mapped[str] = mapped_column(String(64))
    line_recogniser: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[dict[str, Any]]
    quality: Mapped[list[dict[str, Any]]]
    confidence: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[datetime] = mapped_column(default=now)


class AuditEvent(Base):
    """Who did what to which bill. Outlives the bill."""

    __tablename__ = "audit_events"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    who: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    what: Mapped[str] = mapped_column(String(64))
    bill: Mapped[str | None] = mapped_column(String(32), index=True)
    when: Mapped[datetime] = mapped_column(default=now)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ModelVersion(Base):
    """The registry of networks. A network has at most one promoted version.

    Attributes:
        path: where the weights lie; relative to ``Settings.models`` for those that ship.
        figures: what the version scored.
    """

    __tablename__ = "model_versions"
    __table_args__ = (
        UniqueConstraint("network", "version"),
        Index(
            "uq_model_versions_promoted",
            "network",
            unique=True,
            sqlite_where=text("state = 'promoted'"),
            postgresql_where=text("state = 'promoted'"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    network: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]]
    origin: Mapped[ModelOrigin] = mapped_column(String(16))
    state: Mapped[ModelState] = mapped_column(String(16), default="candidate")
    created_at: Mapped[datetime] = mapped_column(default=now)
    promoted_at: Mapped[datetime | None]
