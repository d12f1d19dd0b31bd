"""Users, and who may change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from billocr_assets.store import Store
from billocr_assets.store.accounts import hashes, invitations, passwords, sessions, tokens, users
from billocr_assets.store.errors import AccountNotFound, AccountRefused, NotAllowed, TooManyTries, WrongCredentials
from billocr_assets.store.schema import AuditEvent, User
from tests.store.accounts.logins import MAIL, PASSWORD, login


def test_disabling_a_user_ends_sessions_and_tokens_at_once(store: Store, user: User, ada: User) -> None:
    cookie, (_, secret) = login(store), tokens.create_token(store, ada, "a", ["bills:read"], 30)
    users.set_status(store, user, ada.id, "disabled")
    assert sessions.login_by_cookie(store, cookie) is None
    assert tokens.login_by_token(store, secret) is None
    with pytest.raises(WrongCredentials):
        login(store)
    users.set_status(store, user, ada.id, "active")
    assert sessions.login_by_cookie(store, cookie) is None
    assert login(store)


def test_only_admins_manage_users_and_never_themselves(store: Store, user: User, ada: User) -> None:
    bob = users.create_user(store, user, "bob@example.org", "", PASSWORD, "operator")
    assert bob.name == "bob"
    attempts: list[Callable[[User], Any]] = [
        lambda by: users.set_role(store, by, ada.id, "admin"),
        lambda by: users.set_status(store, by, ada.id, "disabled"),
        lambda by: passwords.reset_password(store, by, ada.id, PASSWORD),
        lambda by: users.create_user(store, by, "c@example.org", "C", PASSWORD),
        lambda by: invitations.invite(store, by),
        lambda by: users.user_by_email(store, by, MAIL),
    ]
    for attempt in attempts:
        for by in (ada, bob):
            with pytest.raises(NotAllowed):
                attempt(by)
    with pytest.raises(NotAllowed):
        users.list_users(store, ada)
    assert {each.id for each in users.list_users(store, bob)} == {user.id, ada.id, bob.id}
    users.set_role(store, user, ada.id, "admin")
    ada = users.user_by_email(store, user, MAIL)
    with pytest.raises(NotAllowed):
        users.set_role(store, ada, ada.id, "user")
    with pytest.raises(AccountNotFound):
        users.set_role(store, ada, user.id, "user")
    with pytest.raises(AccountNotFound):
        users.set_role(store, ada, 12345, "user")


def test_one_address_has_one_account_however_it_is_written(store: Store, user: User, ada: User) -> None:
    with pytest.raises(AccountRefused) as refusal:
        users.create_user(store, user, "ADA@EXAMPLE.ORG", "Other", PASSWORD)
    assert refusal.value.code == "email_taken"


def test_who_did_what_to_an_account_is_kept(store: Store, user: User, ada: User) -> None:
    users.set_role(store, user, ada.id, "operator")
    with store.database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(event.who, event.what) for event in events] == [(user.id, "account_created"), (user.id, "role_changed")]
    assert events[-1].detail == {"user": ada.id, "before": "user", "after": "operator"}


def test_sign_up_is_closed_by_default(store: Store, user: User) -> None:
    for invitation in (None, "made up", invitations.invite(store, user)):
        with pytest.raises(NotAllowed):
            users.sign_up(store, MAIL, "Ada", PASSWORD, None, invitation)


@pytest.mark.parametrize("email", ["", "ada", "a b@example.org", "@example.org", "ada@", f"{'a' * 65}@example.org"])
def test_open_sign_up_refuses_what_is_no_address(store: Store, settle: Callable[..., None], email: str) -> None:
    settle(sign_up="open")
    with pytest.raises(AccountRefused) as refusal:
        users.sign_up(store, email, "Ada", PASSWORD, None)
    assert refusal.value.code == "bad_email"


def test_open_sign_up_makes_users_without_rights_and_not_without_end(
    store: Store, settle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(sign_up="open")
    monkeypatch.setattr(hashes, "hash_password", lambda password: "hash")
    for number in range(users.SIGN_UPS):
        made = users.sign_up(store, f"{number}@example.org", "\0 A\x1b[31m ", PASSWORD, "192.0.2.1")
        assert (made.role, made.kind, made.training_consent, made.name) == ("user", "account", False, "A[31m")
    with pytest.raises(TooManyTries):
        users.sign_up(store, MAIL, "Ada", PASSWORD, "192.0.2.1")
