"""Writing to the audit trail; never a secret."""

from __future__ import annotations

from sqlalchemy.orm import Session

from billocr_assets.store.schema import AuditEvent, User


def record(session: Session, who: User | None, what: str, **detail: object) -> None:
    session.add(AuditEvent(who=who and who.id, what=what, detail=detail))
