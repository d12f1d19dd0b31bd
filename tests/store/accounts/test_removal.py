"""Accounts that go, and what has ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from billocr_assets.store import Store
from billocr_assets.store.accounts import demo, passwords, removal, sessions, tokens, users
from billocr_assets.store.bills import register_upload, upload_key
from billocr_assets.store.errors import LoginTooOld, MissingScope, NotAllowed, TooManyTries, WrongCredentials
from billocr_assets.store.schema import Bill, RateCount, User, WebSession, now
from tests import files
from tests.store.accounts.logins import PASSWORD, login, rewrite
from tests.store.people import add_user


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


def test_an_account_is_deleted_only_with_its_password(store: Store, ada: User) -> None:
    here = sessions.login_by_cookie(store, login(store))
    assert here is not None
    with pytest.raises(WrongCredentials):
        removal.delete_account(store, here, "not the password")
    _, secret = tokens.create_token(store, ada, "a", ["bills:write"], 1)
    program = tokens.login_by_token(store, secret)
    assert program is not None
    with pytest.raises(MissingScope):
        removal.delete_account(store, program, PASSWORD)
    removal.delete_account(store, here, PASSWORD)
    assert not users.has_accounts(store)


def test_somebody_without_a_password_deletes_their_account_soon_after_a_login(store: Store) -> None:
    eve = add_user(store, "eve")
    here = sessions.login_by_cookie(store, sessions.open_session(store, eve, None, None))
    assert here is not None
    rewrite(store, WebSession, created_at=now() - passwords.FRESH)
    with pytest.raises(LoginTooOld):
        removal.delete_account(store, here, "")
    again = sessions.login_by_cookie(store, sessions.open_session(store, eve, None, None))
    assert again is not None
    removal.delete_account(store, again, "")
    assert not users.has_accounts(store)


def test_a_password_is_not_guessed_at_by_deleting_an_account(store: Store, ada: User) -> None:
    here = sessions.login_by_cookie(store, login(store))
    assert here is not None
    for _ in range(passwords.TRIES):
        with pytest.raises(WrongCredentials):
            removal.delete_account(store, here, "wrong")
    with pytest.raises(TooManyTries):
        removal.delete_account(store, here, PASSWORD)


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
