"""Logging in by password."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from billocr_assets.store import Store
from billocr_assets.store.accounts import hashes, passwords, sessions, users
from billocr_assets.store.errors import AccountRefused, BillError, TooManyTries, WrongCredentials
from billocr_assets.store.schema import RateCount, User, WebSession, now
from tests.store.accounts.logins import MAIL, PASSWORD, login, rewrite

REAL_HASHER = hashes._hasher  # before the tests' own takes its place


def test_the_right_password_opens_a_session_and_the_database_keeps_no_secret(
    store: Store, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "_hasher", REAL_HASHER)
    ada = users.create_user(store, user, MAIL, "Ada", PASSWORD)
    token = login(store, " ADA@Example.org ")
    found = sessions.login_by_cookie(store, token)
    assert found is not None
    assert (found.user.id, found.scopes) == (ada.id, None)
    with store.database.reading() as session:
        row = session.scalars(select(WebSession)).one()
        kept = session.scalars(select(User).where(User.id == ada.id)).one()
    assert (row.address, row.agent, row.id) == ("192.0.2.1", "Browser", found.session_id)
    assert token not in (row.token_hash, row.id)
    assert (kept.password_hash or "").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize(
    ("email", "password"),
    [(MAIL, "not the password"), ("nobody@example.org", PASSWORD), ("", ""), ("\0", "\ud800"), (MAIL, PASSWORD + " ")],
)
def test_an_unknown_address_and_a_wrong_password_are_told_apart_by_nothing(
    store: Store, ada: User, email: str, password: str
) -> None:
    with pytest.raises(WrongCredentials) as refusal:
        login(store, email, password)
    assert str(refusal.value) == str(WrongCredentials())


def test_an_unknown_address_costs_the_work_of_a_known_one(
    store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    class Watched:
        def verify(self, hashed: str, password: bytes) -> bool:
            compared.append(hashed)
            return hasher.verify(hashed, password)

        hash = staticmethod(lambda password: hasher.hash(password))

    hasher = hashes._hasher
    hashes._nobodys_hash.cache_clear()
    monkeypatch.setattr(hashes, "_hasher", Watched())
    for email in (MAIL, "nobody@example.org"):
        with pytest.raises(WrongCredentials):
            login(store, email, "wrong")
    work = [each.rpartition("$")[0].rpartition("$")[0] for each in compared]
    assert work == [work[0]] * 2


@pytest.mark.parametrize("password", ["elevenchars", "", "aaaaaaaaaaaaaaaa", MAIL, "x1y" * 100])
def test_a_weak_password_is_refused(store: Store, user: User, password: str) -> None:
    with pytest.raises(AccountRefused) as refusal:
        users.create_user(store, user, MAIL, "Ada", password)
    assert refusal.value.code == "weak_password"
    assert not users.has_accounts(store)


def test_a_password_typed_on_another_system_is_the_same(store: Store, user: User) -> None:
    users.create_user(store, user, MAIL, "Ada", "Zwölf Böxkämpfer")
    assert login(store, MAIL, "Zwölf Böxkämpfer")


def test_logging_in_rightly_is_never_counted(store: Store, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "password_is", lambda hashed, password: True)
    for _ in range(passwords.TRIES + 2):
        assert login(store)


def test_guessing_right_once_does_not_free_the_address(
    store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "password_is", lambda hashed, password: password == PASSWORD)
    for number in range(passwords.TRIES - 1):
        with pytest.raises(WrongCredentials):
            login(store, f"{number}@example.org", "wrong")
    login(store)
    with pytest.raises(WrongCredentials):
        login(store, "nobody@example.org", "wrong")
    with pytest.raises(TooManyTries):
        login(store, "nobody@example.org", "wrong")


def test_of_sixteen_wrong_tries_at_once_ten_are_looked_at(
    store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "password_is", lambda hashed, password: False)

    def attempt(number: int) -> str:
        try:
            return login(store, MAIL, "wrong", f"192.0.2.{number}")
        except BillError as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(attempt, range(16)))
    assert sorted(outcomes) == ["too_many_tries"] * 6 + ["wrong_credentials"] * 10


def test_after_ten_wrong_tries_even_the_right_password_waits_and_then_it_is_good_again(
    store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "password_is", lambda hashed, password: False)
        for number in range(passwords.TRIES):
            with pytest.raises(WrongCredentials):
                login(store, address=f"192.0.2.{number}")
    with pytest.raises(TooManyTries) as refusal:
        login(store)
    assert 0 < refusal.value.retry_after <= 15 * 60
    rewrite(store, RateCount, since=now() - passwords.TRIES_WITHIN)
    assert login(store)


def test_one_address_cannot_guess_at_many_accounts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "password_is", lambda hashed, password: False)
    # An IPv6 client has a whole /64 to itself.
    for number in range(passwords.TRIES):
        with pytest.raises(WrongCredentials):
            login(store, f"{number}@example.org", address=f"2001:db8::{number:x}")
    with pytest.raises(TooManyTries):
        login(store, "one-more@example.org", address="2001:db8::ffff")
    with pytest.raises(WrongCredentials):
        login(store, "one-more@example.org", address="2001:db8:0:1::1")


def test_a_new_password_ends_every_session_but_the_one_that_set_it(store: Store, ada: User) -> None:
    here, there = login(store), login(store)
    current = sessions.login_by_cookie(store, here)
    assert current is not None
    with pytest.raises(WrongCredentials):
        passwords.change_password(store, current, "not the password", "another four words")
    passwords.change_password(store, current, PASSWORD, "another four words")
    assert sessions.login_by_cookie(store, here) is not None
    assert sessions.login_by_cookie(store, there) is None
    with pytest.raises(WrongCredentials):
        login(store)
    assert login(store, password="another four words")


def test_an_admins_new_password_for_somebody_ends_their_sessions_and_their_lock(
    store: Store, user: User, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = login(store)
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "password_is", lambda hashed, password: False)
        for number in range(passwords.TRIES):
            with pytest.raises(WrongCredentials):
                login(store, address=f"192.0.2.{number}")
    passwords.reset_password(store, user, ada.id, "another four words")
    assert sessions.login_by_cookie(store, cookie) is None
    assert login(store, password="another four words")
