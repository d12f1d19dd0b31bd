"""People who try Bill OCR without an account."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from billocr_assets.store.accounts.audit import record
from billocr_assets.store.accounts.rates import network, take
from billocr_assets.store.errors import NotAllowed
from billocr_assets.store.schema import User, now
from billocr_assets.store.store import Store

DEMO_LIFE, DEMOS_PER_ADDRESS = timedelta(hours=24), 5


def create_demo_user(store: Store, address: str | None) -> User:
    """Somebody who tries Bill OCR out, for ``DEMO_LIFE`` and within small quotas.

    Raises:
        NotAllowed: there is no demo here, or as many as may be are trying it.
        TooManyTries: from this address.
    """
    most = store.settings.demo_users
    if not most:
        raise NotAllowed("There is no demo here.", "no_demo")
    with store.database.session() as session:
        store.database.in_order(session)  # what is counted here is still so at the end
        take(session, f"demo:address:{network(address)}", DEMOS_PER_ADDRESS, DEMO_LIFE)
        if (session.scalar(select(func.count()).where(User.kind == "demo")) or 0) >= most:
            raise NotAllowed("All demo places are taken. Please try again in a few hours.", "demo_full")
        user = User(name="Demo", kind="demo", expires_at=now() + DEMO_LIFE)
        session.add(user)
        session.flush()
        record(session, user, "account_created", kind="demo")
        return user
