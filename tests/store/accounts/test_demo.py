"""Demo users."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from billocr_assets.store import Store
from billocr_assets.store.accounts import demo, sessions, tokens, users
from billocr_assets.store.errors import BillError, NotAllowed
from billocr_assets.store.schema import User, now
from tests.store.accounts.logins import rewrite


def test_without_the_setting_there_is_no_demo(store: Store) -> None:
    with pytest.raises(NotAllowed):
        demo.create_demo_user(store, None)


def test_a_demo_user_has_a_day_and_no_tokens_and_never_trains(store: Store, settle: Callable[..., None]) -> None:
    settle(demo_users=10)
    somebody = demo.create_demo_user(store, None)
    assert somebody.expires_at is not None
    assert timedelta(hours=23) < somebody.expires_at - now() <= timedelta(hours=24)
    with pytest.raises(NotAllowed):
        tokens.create_token(store, somebody, "a", ["bills:read"], 1)
    with pytest.raises(NotAllowed):
        users.set_training_consent(store, somebody, True)
    cookie = sessions.open_session(store, somebody, None, None)
    assert sessions.login_by_cookie(store, cookie) is not None
    rewrite(store, User, expires_at=now())
    assert sessions.login_by_cookie(store, cookie) is None


def test_demo_users_are_limited_in_all_and_by_address(store: Store, settle: Callable[..., None]) -> None:
    settle(demo_users=8)

    def attempt(number: int) -> str:
        try:
            return demo.create_demo_user(store, f"192.0.2.{number % 2}").kind
        except BillError as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(attempt, range(16)))
    assert outcomes.count("demo") == 8
    settle(demo_users=100)
    outcomes = [attempt(0) for _ in range(demo.DEMOS_PER_ADDRESS)]
    assert outcomes[-1] == "too_many_tries"
