"""Invitations."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from billocr_assets.store import Store
from billocr_assets.store.accounts import hashes, invitations, users
from billocr_assets.store.errors import AccountRefused, BillError, NotAllowed
from billocr_assets.store.schema import User
from tests.store.accounts.logins import MAIL, PASSWORD


def test_an_invitation_is_good_once_and_for_its_address(store: Store, user: User, settle: Callable[..., None]) -> None:
    settle(sign_up="invitation")
    invitation = invitations.invite(store, user, MAIL, "operator")
    assert invitations.invited_email(store, invitation) == (True, MAIL)
    for email, given in (("eve@example.org", invitation), (MAIL, None), (MAIL, "made up")):
        with pytest.raises(NotAllowed):
            users.sign_up(store, email, "Eve", PASSWORD, None, given)
    assert users.sign_up(store, MAIL, "Ada", PASSWORD, None, invitation).role == "operator"
    assert invitations.invited_email(store, invitation) == (False, None)
    with pytest.raises(AccountRefused):
        invitations.invite(store, user, MAIL)


def test_an_invitation_that_many_use_at_once_makes_one_account(
    store: Store, user: User, settle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(sign_up="invitation")
    monkeypatch.setattr(hashes, "hash_password", lambda password: "hash")
    invitation = invitations.invite(store, user)

    def attempt(number: int) -> str:
        try:
            return users.sign_up(store, f"{number}@example.org", "", PASSWORD, f"192.0.2.{number}", invitation).role
        except BillError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(8))) == ["not_allowed"] * 7 + ["user"]
