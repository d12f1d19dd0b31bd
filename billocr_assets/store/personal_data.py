"""All that an installation keeps of a user, for the user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billocr_assets.exports import archive
from billocr_assets.exports.names import Names, stem_of
from billocr_assets.store.bills import upload_key
from billocr_assets.store.schema import (
    ApiToken,
    AuditEvent,
    Base,
    Bill,
    Correction,
    Grant,
    Group,
    GroupMember,
    Identity,
    MachineResult,
    Revision,
    SavedFilter,
    UsageMonth,
    User,
    Webhook,
    WebSession,
    now,
)
from billocr_assets.store.store import Store

_SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/tiff": ".tiff",
    "image/heic": ".heic",
    "application/pdf": ".pdf",
}


def export_account(store: Store, user: User) -> tuple[str, str, Iterator[bytes]]:
    """Everything that is the user's, as one ZIP: its name, its media type and its content in pieces.

    ``account.json`` has the account, ``activity.json`` what the audit trail knows. Every bill has a folder under
    ``bills/``, or under ``trash/`` while it lies there, with the upload as it came (``original.…``), what is known of
    it (``bill.json``), what was read on it (``readings.json``) and what people corrected (``corrections.json``).
    Nothing in it opens anything: passwords, tokens and secrets are not there. One bill is in memory at a time.
    """
    return "bill-ocr.zip", "application/zip", archive.stream(_files(store, user))


def _files(store: Store, user: User) -> Iterator[archive.File]:
    with store.database.reading() as session:
        yield "account.json", now(), _json(_account(session, user))
        events = session.scalars(select(AuditEvent).where(AuditEvent.who == user.id).order_by(AuditEvent.id)).all()
        yield "activity.json", now(), _json([_plain(event, "when", "what", "bill", "detail") for event in events])
        bills = session.scalars(select(Bill.id).where(Bill.owner_id == user.id).order_by(Bill.number)).all()
    names = Names()
    for bill_id in bills:
        with store.database.reading() as session:
            bill = session.scalar(select(Bill).where(Bill.id == bill_id, Bill.owner_id == user.id))
            if bill is None:  # removed since the export began
                continue
            files = _bill(session, bill)
        try:
            files[f"original{_SUFFIXES[bill.media_type]}"] = store.objects.read(upload_key(bill_id))
        except FileNotFoundError:  # removed this very moment
            continue
        folder = names.of(f"{'trash' if bill.trashed_at else 'bills'}/{stem_of(bill.name)}", "")
        for name, content in files.items():
            yield f"{folder}/{name}", bill.updated_at, content


def _account(session: Session, user: User) -> dict[str, Any]:
    def theirs(table: Any, *names: str) -> list[dict[str, Any]]:
        return [_plain(row, *names) for row in session.scalars(select(table).where(table.user_id == user.id))]

    member = select(GroupMember.group_id).where(GroupMember.user_id == user.id)
    groups = session.scalars(select(Group).where(or_(Group.owner_id == user.id, Group.id.in_(member))))
    found = session.get_one(User, user.id)
    names = ("name", "email", "role", "kind", "limits", "training_consent", "language", "created_at", "expires_at")
    return {
        **_plain(found, *names),
        "identities": theirs(Identity, "issuer", "subject", "created_at"),
        "sessions": theirs(WebSession, "address", "agent", "created_at", "seen_at", "expires_at", "revoked_at"),
        "tokens": theirs(ApiToken, "name", "prefix", "scopes", "created_at", "expires_at", "used_at", "revoked_at"),
        "webhooks": theirs(Webhook, "url", "events", "active", "created_at"),
        "saved_filters": theirs(SavedFilter, "name", "query"),
        "uploads": theirs(UsageMonth, "month", "bills"),
        "groups": [{"name": group.name, "own": group.owner_id == user.id} for group in groups],
    }


def _bill(session: Session, bill: Bill) -> dict[str, bytes]:
    names = [
        "id",
        "name",
        "media_type",
        "bytes",
        "pages",
        "sha256",
        "status",
        "failed_stage",
        "failed_why",
        "merchant",
        "billed_on",
        "total_cents",
        "currency",
        "review",
        "created_at",
        "updated_at",
        "trashed_at",
    ]
    shares = session.execute(
        select(Grant.level, User.email, Group.name)
        .outerjoin(User, User.id == Grant.user_id)
        .outerjoin(Group, Group.id == Grant.group_id)
        .where(Grant.bill_id == bill.id)
    ).all()
    shared = [{"level": level, "email": email, "group": group} for level, email, group in shares]
    files = {"bill.json": _json({**_plain(bill, *names), "shared_with": shared})}
    read = session.scalars(
        select(MachineResult).where(MachineResult.bill_id == bill.id).order_by(MachineResult.id)
    ).all()
    if read:
        found = ("created_at", "models", "confidence", "fields", "text", "document")
        files["readings.json"] = _json([_plain(result, *found) for result in read])
    if corrected := session.get(Correction, bill.id):
        revisions = session.execute(
            select(Revision, User.name)
            .outerjoin(User, User.id == Revision.author_id)
            .where(Revision.bill_id == bill.id)
            .order_by(Revision.number)
        ).all()
        history = [{**_plain(each, "number", "created_at", "operation"), "author": name} for each, name in revisions]
        latest = _plain(corrected, "revision", "updated_at", "fields", "text", "document")
        files["corrections.json"] = _json({**latest, "revisions": history})
    return files


def _plain(row: Base, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_text).encode()


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
