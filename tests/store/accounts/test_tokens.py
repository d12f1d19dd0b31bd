"""API tokens."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from billocr_assets.store import Store
from billocr_assets.store.accounts import tokens
from billocr_assets.store.errors import AccountNotFound, AccountRefused
from billocr_assets.store.schema import ApiToken, User, now
from tests.store.accounts.logins import rewrite


def test_a_token_opens_what_its_scopes_say_and_is_kept_as_a_hash(store: Store, ada: User) -> None:
    token, secret = tokens.create_token(store, ada, "my script", ["bills:read"], 30)
    assert secret.startswith(f"bo_{token.prefix}_")
    found = tokens.login_by_token(store, secret)
    assert found is not None
    assert (found.user.id, found.scopes, found.session_id) == (ada.id, {"bills:read"}, None)
    with store.database.reading() as session:
        kept = session.scalars(select(ApiToken)).one()
    assert secret not in vars(kept).values()
    assert kept.used_at is not None
    assert [each.id for each in tokens.tokens_of(store, ada)] == [token.id]


def test_a_token_ends_by_time_and_by_its_owner_only(store: Store, user: User, ada: User) -> None:
    token, secret = tokens.create_token(store, ada, "a", ["bills:read", "bills:write"], 1)
    with pytest.raises(AccountNotFound):
        tokens.revoke_token(store, user, token.id)
    assert tokens.login_by_token(store, secret)
    tokens.revoke_token(store, ada, token.id)
    assert tokens.login_by_token(store, secret) is None
    assert tokens.tokens_of(store, ada) == []
    _, secret = tokens.create_token(store, ada, "b", ["bills:read"], 1)
    rewrite(store, ApiToken, expires_at=now())
    assert tokens.login_by_token(store, secret) is None


@pytest.mark.parametrize(
    ("scopes", "days"),
    [([], 30), (["bills:all"], 30), (["bills:read", "x"], 30), (["bills:read"], 0), (["bills:read"], 400)],
)
def test_a_token_without_known_scopes_or_without_an_end_is_refused(
    store: Store, ada: User, scopes: list[str], days: int
) -> None:
    with pytest.raises(AccountRefused):
        tokens.create_token(store, ada, "a", scopes, days)
