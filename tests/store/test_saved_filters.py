from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from billocr_assets.store import Store
from billocr_assets.store.bills import BillFilter
from billocr_assets.store.errors import BadFilter, FilterNotFound, NotAllowed
from billocr_assets.store.saved_filters import MOST, delete_filter, save_filter, saved_filters
from billocr_assets.store.schema import User
from tests.store.people import add_user

FULL = BillFilter(
    search="müller milch",
    status="read",
    review="unreviewed",
    billed_from=date(2026, 1, 1),
    billed_to=date(2026, 12, 31),
    total_from=Decimal("0.05"),
    total_to=Decimal("100"),
    whose="shared",
    trash=True,
)


def test_a_search_comes_back_as_it_was_saved(store: Store, user: User) -> None:
    save_filter(store, user, "Full", FULL)
    save_filter(store, user, "all", BillFilter())
    save_filter(store, user, "free", BillFilter(total_to=Decimal(0)))
    assert [(each.name, each.wanted) for each in saved_filters(store, user)] == [
        ("all", BillFilter()),
        ("free", BillFilter(total_to=Decimal(0))),
        ("Full", FULL),
    ]


def test_the_same_name_again_replaces(store: Store, user: User) -> None:
    first = save_filter(store, user, "Milk", BillFilter(search="milk"))
    again = save_filter(store, user, " Milk ", BillFilter(search="oat milk"))
    assert saved_filters(store, user) == [again]
    assert again.id == first.id


def test_searches_are_their_users_own(store: Store, user: User) -> None:
    saved = save_filter(store, user, "Milk", BillFilter(search="milk"))
    other = add_user(store, "ann")
    assert saved_filters(store, other) == []
    with pytest.raises(FilterNotFound):
        delete_filter(store, other, saved.id)
    delete_filter(store, user, saved.id)
    assert saved_filters(store, user) == []
    with pytest.raises(FilterNotFound):
        delete_filter(store, user, saved.id)


def test_there_are_only_so_many(store: Store, user: User) -> None:
    for number in range(MOST):
        save_filter(store, user, f"{number}", BillFilter())
    with pytest.raises(NotAllowed, match="delete one"):
        save_filter(store, user, "one more", BillFilter())
    save_filter(store, user, "0", FULL)  # replacing one is no more


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"status": "eaten"},
        {"status": ["read"]},
        {"billed_from": "yesterday"},
        {"billed_to": 5},
        {"total_from": "a lot"},
        {"total_from": "NaN"},
        {"total_to": "1e30"},
        {"total_to": 5},
        {"trash": "yes"},
        {"search": None},
        {"search": "a" * 501},
        {"whose": "mine"},
    ],
    ids=str,
)
def test_what_is_no_search_is_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(BadFilter, match=next(iter(wrong))) as refusal:
        BillFilter.from_dict(wrong)
    assert refusal.value.name == next(iter(wrong))
