"""Logging in by OIDC providers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from billocr_assets.settings import OidcProvider
from billocr_assets.store import Store
from billocr_assets.store.accounts import identities, invitations, users
from billocr_assets.store.errors import AccountNotFound, AccountRefused, NotAllowed, WrongCredentials
from billocr_assets.store.schema import Identity, User
from tests.store.accounts.logins import MAIL, PASSWORD, login


def provider(**options: Any) -> OidcProvider:
    facts = {
        "name": "x",
        "title": "X",
        "issuer": "https://x.example",
        "client_id": "a",
        "client_secret": SecretStr("b"),
    }
    return OidcProvider(**{**facts, **options})


def test_somebody_is_known_by_issuer_and_subject_and_never_by_address(store: Store, ada: User) -> None:
    open_ = provider(sign_up=True)
    made = identities.login_by_provider(store, open_, "1", "eve@example.org", "Eve")
    assert identities.login_by_provider(store, open_, "1", MAIL, "Renamed").id == made.id
    other = provider(issuer="https://y.example", sign_up=True)
    assert identities.login_by_provider(store, other, "1", None, "Eve").id != made.id
    with pytest.raises(AccountRefused) as refusal:
        identities.login_by_provider(store, open_, "2", MAIL, "Ada?")
    assert refusal.value.code == "email_taken"


def test_a_verified_address_opens_an_account_only_where_that_is_configured(store: Store, ada: User) -> None:
    linking = provider(link_by_email=True)
    with pytest.raises(NotAllowed):
        identities.login_by_provider(store, linking, "1", None, "Ada")
    assert identities.login_by_provider(store, linking, "1", MAIL.upper(), "Ada").id == ada.id
    assert identities.login_by_provider(store, provider(), "1", None, "Ada").id == ada.id


def test_a_provider_makes_no_accounts_unless_that_is_configured_or_by_invitation(
    store: Store, user: User, settle: Callable[..., None]
) -> None:
    with pytest.raises(NotAllowed):
        identities.login_by_provider(store, provider(), "1", MAIL, "Ada")
    settle(sign_up="invitation")
    invitation = invitations.invite(store, user, MAIL, "admin")
    with pytest.raises(NotAllowed):
        identities.login_by_provider(store, provider(), "1", None, "Eve", invitation)
    made = identities.login_by_provider(store, provider(), "1", MAIL, "Ada", invitation)
    assert (made.role, made.email, made.password_hash) == ("admin", MAIL, None)
    with pytest.raises(WrongCredentials):
        login(store, MAIL, "")


def test_a_logged_in_user_adds_a_provider_that_nobody_else_has(store: Store, user: User, ada: User) -> None:
    assert identities.login_by_provider(store, provider(), "1", "other@example.org", "A", link_to=ada).id == ada.id
    bob = users.create_user(store, user, "bob@example.org", "Bob", PASSWORD)
    with pytest.raises(AccountRefused) as refusal:
        identities.login_by_provider(store, provider(), "1", None, "B", link_to=bob)
    assert refusal.value.code == "identity_taken"


def test_a_login_of_a_provider_is_removed_but_never_the_last_way_in(
    store: Store, ada: User, settle: Callable[..., None]
) -> None:
    settle(oidc=[provider(sign_up=True), provider(issuer="https://y.example")])
    x, y = store.settings.providers
    eve = identities.login_by_provider(store, x, "1", None, "Eve")
    (only,) = identities.identities_of(store, eve)
    with pytest.raises(AccountRefused) as refusal:
        identities.remove_identity(store, eve, only.id)
    assert refusal.value.code == "last_login"

    identities.login_by_provider(store, y, "1", None, "Eve", link_to=eve)
    identities.remove_identity(store, eve, only.id)
    (left,) = identities.identities_of(store, eve)
    assert left.issuer == y.issuer
    assert identities.login_by_provider(store, x, "1", None, "Eve").id != eve.id
    with pytest.raises(AccountNotFound):
        identities.remove_identity(store, ada, left.id)

    identities.login_by_provider(store, x, "2", None, "Ada", link_to=ada)
    identities.remove_identity(store, ada, identities.identities_of(store, ada)[0].id)  # she has a password
    assert identities.identities_of(store, ada) == []


def test_a_provider_that_is_asked_no_more_counts_for_nothing(store: Store, settle: Callable[..., None]) -> None:
    x, gone = provider(sign_up=True), provider(issuer="https://gone.example")
    settle(oidc=[x])
    eve = identities.login_by_provider(store, x, "1", None, "Eve")
    identities.login_by_provider(store, gone, "1", None, "Eve", link_to=eve)
    by_x, by_gone = identities.identities_of(store, eve)
    with pytest.raises(AccountRefused):
        identities.remove_identity(store, eve, by_x.id)
    identities.remove_identity(store, eve, by_gone.id)


def test_of_two_logins_that_are_removed_at_once_one_stays(store: Store, settle: Callable[..., None]) -> None:
    settle(oidc=[provider(sign_up=True)])
    eve = identities.login_by_provider(store, provider(sign_up=True), "0", None, "Eve")
    for subject in "1234567":
        identities.login_by_provider(store, provider(), subject, None, "Eve", link_to=eve)

    def attempt(identity: Identity) -> str:
        try:
            identities.remove_identity(store, eve, identity.id)
        except AccountRefused as error:
            return error.code
        return "removed"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(attempt, identities.identities_of(store, eve)))
    assert outcomes == ["last_login"] + ["removed"] * 7


def test_a_provider_does_not_let_in_who_is_disabled(store: Store, user: User) -> None:
    made = identities.login_by_provider(store, provider(sign_up=True), "1", MAIL, "Ada")
    users.set_status(store, user, made.id, "disabled")
    with pytest.raises(NotAllowed):
        identities.login_by_provider(store, provider(sign_up=True), "1", MAIL, "Ada")


def test_a_new_subject_that_comes_twice_at_once_is_one_user(store: Store) -> None:
    def attempt(_: int) -> int:
        return identities.login_by_provider(store, provider(sign_up=True), "1", MAIL, "Ada").id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(attempt, range(6)))) == 1
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Identity)) == 1
