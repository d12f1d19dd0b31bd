"""Users as the accounts make them, without the passwords, which cost a third of a second each."""

from __future__ import annotations

from typing import Any

from billocr_assets.store import Store
from billocr_assets.store.schema import User


def add_user(store: Store, name: str, **values: Any) -> User:
    """A user with an account and an address of their own, unless the values say otherwise."""
    user = User(name=name, **{"email": f"{name}@example.org", "kind": "account", "limits": {}} | values)
    with store.database.session() as session:
        session.add(user)
    return user
