"""Accounts that go, and what has ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from billocr_assets.store import Store
from billocr_assets.store.accounts import (
    demo,
    removal,
    sessions,
)
from billocr_assets.store.bills import register_upload, upload_key
from billocr_assets.store.errors import (
    NotAllowed,
)
from billocr_assets.store.schema import (
    Bill,
    RateCount,
    User,
    WebSession,
    now,
)
from tests import files
from tests.store.accounts.logins import login, rewrite


def test_expired_demo_users_go_with_their_bills_and_files_and_nobody_else(
    store: Store, user: User, settle: Callable[..., None]
) -> None:
    settle(demo_users=10)
    old, young = demo.create_demo_user(store, None), demo.create_demo_user(store, None)
    bills = [register_upload(store, owner, "a.png", files.encode(files.page(), "PNG")) for owner in (old, young, user)]
    with store.database.session() as session:
        session.execute(update(User).where(User.id == old.id).values(expires_at=now()))
    assert removal.remove_expired(store) == 1
    assert [store.objects.exists(upload_key(bill.id)) for bill in bills] == [False, True, True]
    with store.database.reading() as session:
        assert set(session.scalars(select(Bill.owner_id))) == {young.id, user.id}
        assert set(session.scalars(select(User.id))) == {young.id, user.id}
    assert removal.remove_expired(store) == 0


def test_the_local_user_stays(store: Store, user: User) -> None:
    with pytest.raises(NotAllowed):
        removal.delete_user(store, user)


def test_what_has_ended_is_cleared_away_and_what_lives_stays(store: Store, ada: User) -> None:
    login(store)
    removal.remove_expired(store)
    assert len(sessions.sessions_of(store, ada)) == 1
    rewrite(store, WebSession, expires_at=now())
    rewrite(store, RateCount, since=now() - timedelta(days=3))
    removal.remove_expired(store)
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 0
        assert session.scalar(select(func.count()).select_from(RateCount)) == 0
