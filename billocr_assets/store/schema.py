"""The tables. Objects stay usable after their session; relations are followed by queries, never lazily."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
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
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

BillStatus = Literal["received", "reading", "read", "failed"]
AttemptOrigin = Literal["upload", "read_again", "backfill"]
AttemptState = Literal["open", "done", "failed"]
ModelState = Literal["candidate", "promoted", "retired"]
ModelOrigin = Literal["shipped", "trained"]
Role = Literal["user", "operator", "admin"]
UserKind = Literal["local", "account", "demo"]
UserStatus = Literal["active", "disabled"]
GrantLevel = Literal["view", "edit"]
HoldState = Literal["held", "committed", "released"]
ReviewState = Literal["unreviewed", "in_review", "reviewed"]
DeliveryState = Literal["waiting", "delivered", "given_up"]


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
    type_annotation_map = {datetime: UTCDateTime, dict[str, Any]: JSON, list[dict[str, Any]]: JSON, list[str]: JSON}  # noqa: RUF012


class Plan(Base):
    """What a user may use; None in a limit means as much as they like.

    Attributes:
        bills_per_month: uploads a calendar month (UTC).
        storage_bytes: of uploads kept, those in the trash included.
        bills_in_flight: uploads that are waiting or being read.
        max_file_bytes, max_pages: of one upload, where lower than the installation's.
    """

    __tablename__ = "plans"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    bills_per_month: Mapped[int | None]
    storage_bytes: Mapped[int | None] = mapped_column(BigInteger)
    bills_in_flight: Mapped[int | None]
    max_file_bytes: Mapped[int | None] = mapped_column(BigInteger)
    max_pages: Mapped[int | None]


class User(Base):
    """Somebody who owns bills.

    Attributes:
        email: what one logs in with, in lower case; none for the one local user and for demo users.
        password_hash: Argon2id; none where only a provider vouches for the user.
        kind: ``local`` is the one user of a machine without accounts.
        limits: name of a limit of :class:`Plan` to this user's own value, before the plan's.
        expires_at: of demo users, when they and their bills go.
        training_consent: whether corrections may be learned from; a demo user's never are.
        language: of the pages; none: the browser's.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(String(16), default="user", server_default="user")
    kind: Mapped[UserKind] = mapped_column(String(16), default="account", server_default="account")
    status: Mapped[UserStatus] = mapped_column(String(16), default="active", server_default="active")
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    training_consent: Mapped[bool] = mapped_column(default=False, server_default=false())
    language: Mapped[str | None] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Identity(Base):
    """Who a user is for an OIDC provider. The pair is the key, never the e-mail address."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)


class WebSession(Base):
    """A login of a browser. Only the hash of what the cookie holds is kept.

    Attributes:
        id: names the session on the account page and to Streamlit; opens nothing.
        token_hash: SHA-256 of the cookie's token, hexadecimal.
    """

    __tablename__ = "web_sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    address: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiToken(Base):
    """A key for programs, shown once when it is made.

    Attributes:
        prefix: the token's first part, to tell tokens apart.
        token_hash: SHA-256 of the whole token, hexadecimal.
        scopes: ``bills:read``, ``bills:write``.
    """

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    prefix: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Invitation(Base):
    """A link by which somebody may sign up, once.

    Attributes:
        token_hash: SHA-256 of what the link holds, hexadecimal.
        email: the address that it is for; none: any.
    """

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str | None] = mapped_column(String(320))
    role: Mapped[Role] = mapped_column(String(16))
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RateCount(Base):
    """Tries at something (``login:account:…``, ``login:address:…``, ``demo:address:…``) since a moment."""

    __tablename__ = "rate_counts"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    since: Mapped[datetime]
    count: Mapped[int]


class Group(Base):
    """People that bills can be shared with at once."""

    __tablename__ = "groups"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class GroupMember(Base):
    __tablename__ = "group_members"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)


class UsageMonth(Base):
    """Uploads of a user in a calendar month, ``2026-11`` (UTC)."""

    __tablename__ = "usage_months"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    bills: Mapped[int] = mapped_column(default=0)


class UsageNow(Base):
    """What a user keeps and has under way. Locked after :class:`UsageMonth`, or two would wait in a circle."""

    __tablename__ = "usage_now"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    in_flight: Mapped[int] = mapped_column(default=0)


class QuotaHold(Base):
    """What one upload took of the quotas, until it is known whether it is charged.

    Attributes:
        key: the bill's id; the same upload twice takes once.
    """

    __tablename__ = "quota_holds"
    __table_args__ = (Index("ix_quota_holds_state_created_at", "state", "created_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    month: Mapped[str] = mapped_column(String(7))
    bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[HoldState] = mapped_column(String(16), default="held")
    created_at: Mapped[datetime] = mapped_column(default=now)


class Bill(Base):
    """An upload and how far it has come.

    Attributes:
        number: insertion order, never used twice.
        id: the public key, also the partition key in Dagster.
        search: name and newest text, folded for searching.
        merchant, billed_on, total_cents, currency: the newest fields, corrections first, for searching and ordering;
            the total in hundredths of the currency.
        revision: number of the newest :class:`Revision`, 0 before the first.
        review: how far a person has come with it.
        reviewer_id, claimed_until: who reviews it and until when it is kept for them.
        review_value: what correcting it is worth, see ``store/review.py``.
        trashed_at: in the trash since; gone for good 30 days later.
    """

    __tablename__ = "bills"
    __table_args__ = (
        Index("ix_bills_owner_trashed_at_number", "owner_id", "trashed_at", "number", "status"),
        Index("ix_bills_owner_sha256", "owner_id", "sha256"),
        Index("ix_bills_owner_billed_on_total", "owner_id", "billed_on", "total_cents"),
        Index("ix_bills_review_value", "review", "review_value"),
        # For the sweep. With the others in it, it would be used to find nearly all bills.
        Index(
            "ix_bills_trashed_at",
            "trashed_at",
            sqlite_where=text("trashed_at IS NOT NULL"),
            postgresql_where=text("trashed_at IS NOT NULL"),
        ),
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
    merchant: Mapped[str | None] = mapped_column(String(255))
    billed_on: Mapped[date | None]
    total_cents: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    review: Mapped[ReviewState] = mapped_column(String(16), default="unreviewed", server_default="unreviewed")
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    claimed_until: Mapped[datetime | None]
    review_value: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    trashed_at: Mapped[datetime | None]
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


class Grant(Base):
    """A bill that somebody other than its owner may see, or edit: one person or one group."""

    __tablename__ = "bill_grants"
    __table_args__ = (
        UniqueConstraint("bill_id", "user_id"),
        UniqueConstraint("bill_id", "group_id"),
        CheckConstraint("(user_id IS NULL) <> (group_id IS NULL)", name="ck_bill_grants_one_receiver"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[str] = mapped_column(ForeignKey("bills.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    level: Mapped[GrantLevel] = mapped_column(String(8))
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Revision(Base):
    """One edit of a bill by a person: added, never changed.

    Attributes:
        number: 1, 2, … within the bill.
        client_id, seq: the editor that sent it and its number there, so that a repeated delivery is known again.
        result_id: the machine layer on which the corrections stand.
        operation: what was done, see ``store/corrections.py``.
        inverse: the operation that takes it back.
    """

    __tablename__ = "revisions"
    __table_args__ = (
        UniqueConstraint("bill_id", "number"),
        UniqueConstraint("bill_id", "client_id", "seq"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[str] = mapped_column(ForeignKey("bills.id", ondelete="CASCADE"))
    number: Mapped[int]
    client_id: Mapped[str] = mapped_column(String(64))
    seq: Mapped[int]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("machine_results.id", ondelete="CASCADE"), index=True)
    operation: Mapped[dict[str, Any]]
    inverse: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Correction(Base):
    """A bill as people have corrected it so far: its machine layer with all revisions applied.

    Attributes:
        revision: number of the last revision that is in here.
        result_id: the machine layer that the corrections stand on.
        seen_id: the newest machine layer that somebody has declined; newer ones are offered.
        document, fields: as in :class:`MachineResult`; every line has an ``id`` that edits name it by.
    """

    __tablename__ = "corrections"

    bill_id: Mapped[str] = mapped_column(ForeignKey("bills.id", ondelete="CASCADE"), primary_key=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("machine_results.id", ondelete="CASCADE"), index=True)
    seen_id: Mapped[int | None]
    revision: Mapped[int]
    document: Mapped[dict[str, Any]]
    fields: Mapped[dict[str, Any]]
    text: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class SavedFilter(Base):
    """A search of the bills' list under a name."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    query: Mapped[dict[str, Any]]


class IdempotencyKey(Base):
    """The answer to a request that a program may repeat.

    Attributes:
        request: SHA-256 of what was asked, so that one key never answers two questions.
        status: HTTP status of the answer; none while the first request is under way.
    """

    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    answer: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Webhook(Base):
    """An address of a user's that is told about their bills.

    Attributes:
        secret: signs the deliveries.
        events: ``bill.read``, ``bill.corrected``.
    """

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(64))
    events: Mapped[list[str]]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class WebhookDelivery(Base):
    """One event on its way to one address."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index("ix_webhook_deliveries_state_next_at", "state", "next_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]]
    state: Mapped[DeliveryState] = mapped_column(String(16), default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(default=now)
    status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)


class AuditEvent(Base):
    """Who did what to which bill. Outlives the bill."""

    __tablename__ = "audit_events"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    who: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
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


class TrainingUse(Base):
    """A correction that a version has learned from, and the consent it rested on."""

    __tablename__ = "training_uses"

    model_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id", ondelete="CASCADE"), primary_key=True)
    bill_id: Mapped[str] = mapped_column(ForeignKey("bills.id", ondelete="CASCADE"), primary_key=True, index=True)
    revision: Mapped[int]
    consent_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
