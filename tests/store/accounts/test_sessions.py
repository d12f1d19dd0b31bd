"""Login sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billocr_assets.store import Store
from billocr_assets.store.accounts import sessions, users
from billocr_assets.store.errors import AccountNotFound
from billocr_assets.store.schema import User, WebSession, now
from tests.store.accounts.logins import PASSWORD, login, rewrite


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": now() - timedelta(seconds=1)},
        {"seen_at": now() - sessions.SESSION_IDLE - timedelta(seconds=1)},
        {"revoked_at": now()},
    ],
    ids=["at its end", "after a week unused", "when revoked"],
)
def test_a_session_ends(store: Store, ada: User, change: dict[str, Any]) -> None:
    token = login(store)
    found = sessions.login_by_cookie(store, token)
    assert found is not None
    assert found.session_id is not None
    rewrite(store, WebSession, **change)
    assert sessions.login_by_cookie(store, token) is None
    assert sessions.login_by_session(store, found.session_id) is None
    assert sessions.sessions_of(store, ada) == []


def test_using_a_session_keeps_it_but_not_beyond_its_end(store: Store, ada: User) -> None:
    token = login(store)
    rewrite(store, WebSession, seen_at=now() - timedelta(days=6))
    assert sessions.login_by_cookie(store, token)
    (session,) = sessions.sessions_of(store, ada)
    assert now() - session.seen_at < timedelta(minutes=1)
    assert timedelta(days=29) < session.expires_at - now() <= sessions.SESSION_LIFE


def test_one_session_is_ended_or_all_of_them_and_only_ones_own(store: Store, user: User, ada: User) -> None:
    other = users.create_user(store, user, "bob@example.org", "Bob", PASSWORD)
    tokens = [login(store) for _ in range(3)]
    first = sessions.login_by_cookie(store, tokens[0])
    assert first is not None
    assert first.session_id is not None
    with pytest.raises(AccountNotFound):
        sessions.end_session(store, other, first.session_id)
    sessions.end_session(store, ada, first.session_id)
    assert [sessions.login_by_cookie(store, token) is not None for token in tokens] == [False, True, True]
    assert sessions.end_sessions(store, ada) == 2
    assert sessions.sessions_of(store, ada) == []


def test_a_session_id_is_no_cookie_and_a_cookie_is_no_session_id(store: Store, ada: User) -> None:
    token = login(store)
    found = sessions.login_by_cookie(store, token)
    assert found is not None
    assert found.session_id is not None
    assert sessions.login_by_cookie(store, found.session_id) is None
    assert sessions.login_by_session(store, token) is None
    assert sessions.login_by_session(store, found.session_id) is not None
