"""How Ada logs in, and how time passes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from billocr_assets.store import Store
from billocr_assets.store.accounts import passwords

PASSWORD = "four quiet words here"
MAIL = "ada@example.org"


def login(store: Store, email: str = MAIL, password: str = PASSWORD, address: str = "192.0.2.1") -> str:
    return passwords.log_in(store, email, password, address, "Browser")


def rewrite(store: Store, table: Any, **values: Any) -> None:
    """Set columns of every row, as time would."""
    with store.database.session() as session:
        session.execute(update(table).values(**values))
