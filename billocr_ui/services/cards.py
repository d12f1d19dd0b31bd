"""Bills as cards, for the list and for the progress of an upload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from billocr_assets.store import Store
from billocr_assets.store.bills import BillFilter, list_bills
from billocr_assets.store.overview import BillOverview, overview
from billocr_assets.store.schema import Bill, BillStatus, User
from billocr_ui.services import wording

PAGE_SIZE = 24


@dataclass(frozen=True, slots=True)
class CardPage:
    """A page of the list.

    Attributes:
        cards: as the component ``bill_cards`` takes them.
        total: how many bills match.
        pages: at least 1.
        counts: status to number of bills that match the search; ``all`` is their sum.
        unfinished: whether a card will still change by itself.
    """

    cards: list[dict[str, Any]]
    total: int
    pages: int
    page: int
    counts: dict[str, int]
    unfinished: bool


def card_page(
    store: Store,
    user: User,
    search: str,
    status: BillStatus | None,
    page: int,
    now: datetime,
    zone: tzinfo | None,
) -> CardPage:
    """One page of the user's bills, newest first; a page past the end is the last one."""
    found = list_bills(
        store, user, BillFilter(search=search, status=status), limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
    )
    pages = max(1, -(-found.total // PAGE_SIZE))
    if page > pages:
        return card_page(store, user, search, status, pages, now, zone)
    return CardPage(
        cards=cards(store, user, [bill.id for bill in found.bills], now, zone),
        total=found.total,
        pages=pages,
        page=page,
        counts={"all": sum(found.counts.values()), **found.counts},
        unfinished=any(_unfinished(bill) for bill in found.bills),
    )


def cards(
    store: Store, user: User, bill_ids: Sequence[str], now: datetime, zone: tzinfo | None
) -> list[dict[str, Any]]:
    """The user's bills among these as cards, in the order given."""
    return [_card(entry, now, zone) for entry in overview(store, user, bill_ids)]


def all_final(cards: Sequence[dict[str, Any]]) -> bool:
    return all(card["status"] in ("read", "failed") for card in cards)


def _card(entry: BillOverview, now: datetime, zone: tzinfo | None) -> dict[str, Any]:
    bill, fields = entry.bill, entry.fields or {}
    done, doing = wording.progress(bill.status, entry.stage)
    merchant, total, currency, printed = (fields.get(name) for name in ("company", "total", "currency", "date"))
    facts = [wording.day(date.fromisoformat(printed["value"]))] if printed else []
    if bill.pages > 1:
        facts.append(wording.pages(bill.pages))
    return {
        "id": bill.id,
        "href": f"/bill?id={bill.id}",
        "title": merchant["value"] if merchant else bill.name,
        "name": bill.name,
        "facts": " · ".join(facts),
        "total": wording.money(total["value"], currency and currency["value"]) if total else "",
        "when": wording.when(bill.created_at, now, zone),
        "status": bill.status,
        "label": wording.STATUS[bill.status],
        "progress": done,
        "detail": (bill.failed_why or "Something went wrong.") if bill.status == "failed" else doing,
        "picture": f"/pictures/{bill.id}/1?size=640",
    }


def _unfinished(bill: Bill) -> bool:
    return bill.status in ("received", "reading")
