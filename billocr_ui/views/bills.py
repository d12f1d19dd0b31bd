"""All bills: look through them, search, filter, open one, and export, share or delete several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Literal, cast, get_args

import streamlit as st

from billocr_assets.exports import FORMATS
from billocr_assets.store.bills import BillFilter, Order, Whose, read_again
from billocr_assets.store.errors import BillError
from billocr_assets.store.saved_filters import delete_filter, save_filter, saved_filters
from billocr_assets.store.schema import BillStatus, ReviewState
from billocr_assets.store.trash import delete_bill, restore_bill
from billocr_ui.components.bill_cards import bill_cards
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording
from billocr_ui.services.cards import CardPage, card_page
from billocr_ui.services.uploads import has_bills
from billocr_ui.views._sharing import sharing_dialog

store, user = the_store(), page_user()
say = wording.page_words(user)
ORDERS: dict[str, Order] = {
    "newest": "-created",
    "oldest": "created",
    "date": "-billed_on",
    "amount": "-total",
    "merchant": "merchant",
}
WHOSE = ("all", "own", "shared", "trash")
# What a saved filter keeps is what these widgets hold.
WIDGETS = ("search", "status", "review", "whose", "billed_from", "billed_to", "total_from", "total_to")


def first_page() -> None:
    st.session_state["page"] = 1


def wanted() -> BillFilter:
    held = {name: st.session_state.get(name) for name in WIDGETS}
    amounts = {name: None if held[name] is None else Decimal(str(held[name])) for name in ("total_from", "total_to")}
    whose = held["whose"] or "all"
    return BillFilter(
        search=held["search"] or "",
        status=_unless_all(held["status"]),
        review=_unless_all(held["review"]),
        billed_from=held["billed_from"],
        billed_to=held["billed_to"],
        whose="all" if whose == "trash" else cast(Whose, whose),
        trash=whose == "trash",
        **amounts,
    )


def _unless_all(chosen: str | None) -> Any:
    return None if chosen in (None, "all") else chosen


def put(kept: BillFilter) -> None:
    """Sets the widgets to a saved filter; of None, to none at all."""
    st.session_state.update(
        search=kept.search,
        status=kept.status or "all",
        review=kept.review or "all",
        whose="trash" if kept.trash else kept.whose,
        billed_from=kept.billed_from,
        billed_to=kept.billed_to,
        total_from=None if kept.total_from is None else float(kept.total_from),
        total_to=None if kept.total_to is None else float(kept.total_to),
    )
    first_page()


def load() -> CardPage:
    order = ORDERS[st.session_state.get("order") or "newest"]
    page = st.session_state.get("page") or 1
    return card_page(store, user, wanted(), page, datetime.now(UTC), wording.page_zone(), say, order)


def chosen() -> list[str]:
    state = st.session_state.get("cards")
    return list(state["chosen"] or []) if state and "chosen" in state else []


def show_cards() -> None:
    found = load()
    if bill_id := bill_cards(found.cards, "cards", say, choosing=bool(st.session_state.get("choosing"))):
        attempt(lambda: read_again(store, user, bill_id))
        st.rerun(scope="app")
    if not found.unfinished and polling:
        st.rerun(scope="app")


def attempt(do: Callable[[], object]) -> bool:
    """Does something that may be refused, and says why if it is."""
    try:
        do()
    except BillError as error:
        st.toast(say.error(error), icon=":material/error:")
        return False
    return True


def for_each(bill_ids: Sequence[str], do: Callable[[str], object], key: str) -> None:
    """Does something to every bill chosen, and says to how many; what is refused stops nothing."""
    if done := sum(attempt(partial(do, bill_id)) for bill_id in bill_ids):
        st.toast(say(key, bills=wording.bills(done, say)))


@st.dialog(say("bills.delete"))
def ask_to_delete(bill_ids: list[str]) -> None:
    st.write(say("bills.delete_sure", bills=wording.bills(len(bill_ids), say)))
    with st.container(horizontal=True):
        if st.button(say("bills.delete_yes"), type="primary"):
            for_each(bill_ids, lambda bill_id: delete_bill(store, user, bill_id), "bills.deleted")
            st.rerun()
        if st.button(say("bills.cancel")):
            st.rerun()


def ask_to_share(bill_ids: list[str]) -> None:
    sharing_dialog(store, user, say, bill_ids)


@st.dialog(say("bills.export"))
def ask_to_export(bill_ids: list[str]) -> None:
    st.write(say("bills.export_as", bills=wording.bills(len(bill_ids), say)))
    query = "&".join(f"bill={bill_id}" for bill_id in bill_ids)
    for name, kind in FORMATS.items():
        st.link_button(kind.label, f"/downloads/bills?format={name}&{query}")


def choice(
    name: str, options: Sequence[str], sentence: str, label: Literal["visible", "collapsed"] = "visible"
) -> None:
    st.segmented_control(
        say(f"bills.{name}"),
        options,
        # The address carries these words, so they hold no figures that change.
        format_func=lambda option: say(sentence.format(option)),
        default="all",
        required=True,
        key=name,
        label_visibility=label,
        bind="query-params",
        persist_state="session",
        on_change=first_page,
        wrap=True,
    )


def show_filters() -> None:
    with st.expander(say("bills.filters"), key="filters", icon=":material/tune:"):
        choice("whose", WHOSE, "bills.whose_{}")
        choice("review", ("all", *get_args(ReviewState)), "review_state.{}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.date_input(say("bills.dates"), value=None, key="billed_from", on_change=first_page)
            st.date_input(say("bills.dates_to"), value=None, key="billed_to", on_change=first_page)
            st.number_input(
                say("bills.amount"), value=None, min_value=0.0, step=0.01, key="total_from", on_change=first_page
            )
            st.number_input(
                say("bills.amount_to"), value=None, min_value=0.0, step=0.01, key="total_to", on_change=first_page
            )
            st.selectbox(
                say("bills.order"),
                ORDERS,
                format_func=lambda order: say(f"bills.order_{order}"),
                key="order",
                bind="query-params",
                persist_state="session",
                on_change=first_page,
            )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for kept in saved_filters(store, user):
                st.button(kept.name, key=f"filter-{kept.id}", on_click=put, args=(kept.wanted,))
                st.button(
                    "",
                    icon=":material/close:",
                    key=f"forget-{kept.id}",
                    type="tertiary",
                    help=say("bills.forget", name=wording.literal(kept.name)),
                    on_click=delete_filter,
                    args=(store, user, kept.id),
                )
            if wanted() != BillFilter():
                st.button(say("bills.clear"), type="tertiary", on_click=put, args=(BillFilter(),))
                with st.popover(say("bills.save")):
                    name = st.text_input(say("bills.save_as"), max_chars=64)
                    if st.button(say("bills.save"), key="save-filter", disabled=not name.strip()):
                        attempt(lambda: save_filter(store, user, name, wanted()))
                        st.rerun()


def show_tools(found: CardPage) -> None:
    """What can be done to several bills at once."""
    picked = [bill_id for bill_id in chosen() if bill_id in {card["id"] for card in found.cards}]
    with st.container(horizontal=True, vertical_alignment="center", key="tools"):
        st.toggle(say("bills.choose"), key="choosing")
        if not st.session_state.get("choosing"):
            return
        count = f" ({len(picked)})"
        if st.session_state.get("whose") == "trash":
            if st.button(say("bills.restore") + count, disabled=not picked):
                for_each(picked, lambda bill_id: restore_bill(store, user, bill_id), "bills.restored")
                st.rerun()
            return
        for name, ask in (("export", ask_to_export), ("share", ask_to_share), ("delete", ask_to_delete)):
            if st.button(say(f"bills.{name}") + count, key=f"do-{name}", disabled=not picked):
                ask(picked)


with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title(say("bills.title"), anchor=False, width="content")
    if has_bills(store, user):
        st.page_link("views/upload.py", label=say("bills.upload"))
if not has_bills(store, user) and wanted() == BillFilter():
    with st.container(border=True, horizontal_alignment="center", key="empty"):
        st.space("small")
        st.subheader(say("bills.none"), anchor=False, text_alignment="center")
        st.markdown(say("bills.none_lead"), text_alignment="center")
        if st.button(say("bills.none_button"), type="primary"):
            st.switch_page("views/upload.py")
        st.space("small")
    st.stop()

with st.container(horizontal=True, vertical_alignment="center", key="searching"):
    st.text_input(
        say("bills.search"),
        key="search",
        type="search",
        placeholder=say("bills.search_hint"),
        label_visibility="collapsed",
        live=True,
        bind="query-params",
        persist_state="session",
        on_change=first_page,
    )
    choice("status", ("all", *get_args(BillStatus)), "status.{}", label="collapsed")
show_filters()

heading, below = st.container(), st.container()
# The page number stands under the cards but must be known before they are looked up.
if (pages := load().pages) > 1:
    with st.container(horizontal_alignment="center"):
        st.pagination(pages, key="page", bind="query-params", persist_state="session")
found = load()
polling = found.unfinished
with heading, st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    if found.cards:
        st.markdown(f":gray[{wording.some_of(found.total, found.counts, say)}]", width="content")
        show_tools(found)
with below:
    if found.cards:
        st.fragment(show_cards, run_every=1.5 if polling else None)()
    else:
        st.info(say("bills.trash_empty" if wanted() == BillFilter(trash=True) else "bills.no_match"))
