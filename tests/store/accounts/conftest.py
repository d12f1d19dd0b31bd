from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billocr_assets.store import Store
from billocr_assets.store.accounts import users
from billocr_assets.store.schema import User
from tests.store.accounts.logins import MAIL, PASSWORD


@pytest.fixture
def ada(store: Store, user: User) -> User:
    """An account with a password; ``user`` is the local one, an admin."""
    return users.create_user(store, user, MAIL, "Ada", PASSWORD)


@pytest.fixture
def settle(store: Store) -> Callable[..., None]:
    def change(**settings: Any) -> None:
        for name, value in settings.items():
            setattr(store.settings, name, value)

    return change
