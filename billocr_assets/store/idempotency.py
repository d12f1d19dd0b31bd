"""Requests that a program may repeat: the first acts, and every other one gets its answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from billocr_assets.store.errors import BillError
from billocr_assets.store.schema import IdempotencyKey, User, now
from billocr_assets.store.store import Store

KEPT = timedelta(hours=24)
# A request that is under way for so long has died with its process.
PATIENCE = timedelta(minutes=10)

Answer = tuple[int, dict[str, Any]]


class KeyReused(BillError):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key belongs to another request. Please take a new key for a new request.")


class UnderWay(BillError):
    code = "under_way"

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still under way. Please repeat it later.")


def once(store: Store, user: User, key: str, request: str, act: Callable[[], Answer]) -> Answer:
    """The answer of ``act``, which runs once however often the same request comes within a day.

    Args:
        key: the asker's name for the request, at most 255 characters.
        request: SHA-256 of what is asked for, hexadecimal.
        act: returns HTTP status and JSON. When it raises, the key is free again, for nothing has been done.

    Raises:
        KeyReused: the key came with another request before.
        UnderWay: the same request is being worked on now.
    """
    since = now()
    if (earlier := _claim(store, user, key, request, since)) is not None:
        return earlier
    try:
        status, answer = act()
    except BaseException:
        with store.database.session() as session:
            session.execute(delete(IdempotencyKey).where(_claimed(user, key, since)))
        raise
    with store.database.session() as session:
        session.execute(update(IdempotencyKey).where(_claimed(user, key, since)).values(status=status, answer=answer))
    return status, answer


def _claim(store: Store, user: User, key: str, request: str, since: datetime) -> Answer | None:
    """None: the key is the caller's, who must act."""
    insert = sqlite.insert if store.database.is_sqlite else postgresql.insert
    with store.database.session() as session:
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < since - KEPT))
        session.execute(
            delete(IdempotencyKey).where(
                _is(user, key), IdempotencyKey.status.is_(None), IdempotencyKey.created_at < since - PATIENCE
            )
        )
        row = {"user_id": user.id, "key": key, "request": request, "status": None, "answer": {}, "created_at": since}
        # Waits for another that enters the same key now.
        entered = session.scalar(
            insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.key)
        )
        if entered is not None:
            return None
        earlier = session.scalar(select(IdempotencyKey).where(_is(user, key)))
        if earlier is None:  # its request failed between the two statements
            raise UnderWay
        if earlier.request != request:
            raise KeyReused
        if earlier.status is None:
            raise UnderWay
        return earlier.status, earlier.answer


def _is(user: User, key: str) -> ColumnElement[bool]:
    return and_(IdempotencyKey.user_id == user.id, IdempotencyKey.key == key)


def _claimed(user: User, key: str, since: datetime) -> ColumnElement[bool]:
    return and_(_is(user, key), IdempotencyKey.created_at == since, IdempotencyKey.status.is_(None))
