"""Searches of the bills' list that a user keeps under names."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from billocr_assets.store.accounts.text import clean
from billocr_assets.store.bills import BillFilter
from billocr_assets.store.errors import FilterNotFound, NotAllowed
from billocr_assets.store.schema import SavedFilter, User
from billocr_assets.store.store import Store

MOST = 50


@dataclass(frozen=True, slots=True)
class NamedFilter:
    id: int
    name: str
    wanted: BillFilter


def save_filter(store: Store, user: User, name: str, wanted: BillFilter) -> NamedFilter:
    """Keep a search under a name; one that has the name already is replaced.

    Raises:
        NotAllowed: the user keeps :data:`MOST` already.
    """
    name = clean(name, 64) or "–"
    with store.database.session() as session:
        store.database.in_order(session)
        kept = session.scalars(select(SavedFilter).where(SavedFilter.user_id == user.id)).all()
        saved = next((each for each in kept if each.name == name), None)
        if saved is None:
            if len(kept) >= MOST:
                raise NotAllowed(
                    f"There are {MOST} saved searches already. Please delete one first.", "searches", most=MOST
                )
            saved = SavedFilter(user_id=user.id, name=name)
            session.add(saved)
        saved.query = wanted.to_dict()
        session.flush()
        return NamedFilter(saved.id, name, wanted)


def saved_filters(store: Store, user: User) -> list[NamedFilter]:
    """All of the user's, by name."""
    with store.database.reading() as session:
        kept = session.scalars(select(SavedFilter).where(SavedFilter.user_id == user.id)).all()
    found = [NamedFilter(each.id, each.name, BillFilter.from_dict(each.query)) for each in kept]
    return sorted(found, key=lambda each: each.name.casefold())


def delete_filter(store: Store, user: User, filter_id: int) -> None:
    """Forget one.

    Raises:
        FilterNotFound: the user has none with this id.
    """
    with store.database.session() as session:
        saved = session.scalar(select(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.user_id == user.id))
        if saved is None:
            raise FilterNotFound
        session.delete(saved)
