"""Bills as cards, for the list and for the progress of an upload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from billocr_assets.store import Store
from billocr_assets.store.bills import BillFilter, Order, list_bills
from billocr_assets.store.overview import BillOverview, overview
from billocr_assets.store.schema import Bill, User
from billocr_ui.services import wording
from billocr_ui.strings import Words

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
    wanted: BillFilter,
    page: int,
    now: datetime,
    zone: tzinfo | None,
    say: Words = wording.ENGLISH,
    order: Order = "-created",
) -> CardPage:
    """One page of the bills that the user may see; a page past the end is the last one."""
    found = list_bills(store, user, wanted, order, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    pages = max(1, -(-found.total // PAGE_SIZE))
    if page > pages:
        return card_page(store, user, wanted, pages, now, zone, say, order)
    return CardPage(
        cards=cards(store, user, [bill.id for bill in found.bills], now, zone, say),
        total=found.total,
        pages=pages,
        page=page,
        counts={"all": sum(found.counts.values()), **found.counts},
        unfinished=any(_unfinished(bill) for bill in found.bills),
    )


def cards(
    store: Store,
    user: User,
    bill_ids: Sequence[str],
    now: datetime,
    zone: tzinfo | None,
    say: Words = wording.ENGLISH,
) -> list[dict[str, Any]]:
    """The bills among these that the user may see, as cards in the order given."""
    return [_card(entry, now, zone, say) for entry in overview(store, user, bill_ids)]


def all_final(cards: Sequence[dict[str, Any]]) -> bool:
    return all(card["status"] in ("read", "failed") for card in cards)


def _card(entry: BillOverview, now: datetime, zone: tzinfo | None, say: Words) -> dict[str, Any]:
    bill = entry.bill
    done, doing = wording.progress(bill.status, entry.stage, say)
    facts = [wording.day(bill.billed_on, say)] if bill.billed_on else []
    if bill.pages > 1:
        facts.append(wording.pages(bill.pages, say))
    if entry.owner:
        facts.append(say("card.shared", name=entry.owner))
    if bill.review != "unreviewed":
        facts.append(say(f"review_state.{bill.review}"))
    total = "" if bill.total_cents is None else wording.money(Decimal(bill.total_cents) / 100, bill.currency, say)
    return {
        "id": bill.id,
        "href": f"/bill?id={bill.id}",
        "title": bill.merchant or bill.name,
        "name": bill.name,
        "facts": " · ".join(facts),
        "total": total,
        "when": wording.when(bill.created_at, now, zone, say),
        "status": bill.status,
        "label": say(f"status.{bill.status}"),
        "progress": done,
        "detail": _detail(entry, doing, say),
        "picture": f"/pictures/{bill.id}/1?size=640",
    }


def _detail(entry: BillOverview, doing: str, say: Words) -> str:
    """What to say of the state: why it failed, what is done now, or that the bill seems to be here twice."""
    if entry.bill.status == "failed":
        return entry.bill.failed_why or say("card.wrong")
    return doing or (say("card.duplicate") if entry.duplicates else "")


def _unfinished(bill: Bill) -> bool:
    return bill.status in ("received", "reading")
