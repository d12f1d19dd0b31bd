"""All bills: look through them, search, filter, open one, try a failed one again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast, get_args

import streamlit as st

from billocr_assets.store.bills import BillFilter, read_again
from billocr_assets.store.schema import BillStatus
from billocr_ui.components.bill_cards import bill_cards
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording
from billocr_ui.services.cards import CardPage, card_page
from billocr_ui.services.uploads import has_bills

store, user = the_store(), page_user()
say = wording.page_words(user)
STATES = ("all", *get_args(BillStatus))


def first_page() -> None:
    st.session_state["page"] = 1


def load() -> CardPage:
    state = st.session_state.get("status") or "all"
    return card_page(
        store,
        user,
        BillFilter(
            search=st.session_state.get("search") or "", status=None if state == "all" else cast(BillStatus, state)
        ),
        st.session_state.get("page") or 1,
        datetime.now(UTC),
        wording.page_zone(),
        say,
    )


def show_cards() -> None:
    found = load()
    if bill_id := bill_cards(found.cards, "bills", say):
        read_again(store, user, bill_id)
        st.rerun(scope="app")
    if not found.unfinished and polling:
        st.rerun(scope="app")


with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title("Bills", anchor=False, width="content")
    if has_bills(store, user):
        st.page_link("views/upload.py", label="Upload bills →")
if not has_bills(store, user):
    with st.container(border=True, horizontal_alignment="center", key="empty"):
        st.space("small")
        st.subheader("No bills yet", anchor=False, text_alignment="center")
        st.markdown("Upload a photo, scan or PDF, and its text appears here.", text_alignment="center")
        if st.button("Upload bills", type="primary"):
            st.switch_page("views/upload.py")
        st.space("small")
    st.stop()

with st.container(horizontal=True, vertical_alignment="center", key="filters"):
    st.text_input(
        "Search",
        key="search",
        type="search",
        placeholder="Search in names and text",
        label_visibility="collapsed",
        live=True,
        bind="query-params",
        persist_state="session",
        on_change=first_page,
    )
    st.segmented_control(
        "Status",
        STATES,
        # The address carries these words, so they hold no figures that change.
        format_func=lambda state: say(f"status.{state}"),
        default="all",
        required=True,
        key="status",
        label_visibility="collapsed",
        bind="query-params",
        persist_state="session",
        on_change=first_page,
        wrap=True,
    )

heading, below = st.container(), st.container()
# The page number stands under the cards but must be known before they are looked up.
if (pages := load().pages) > 1:
    with st.container(horizontal_alignment="center"):
        st.pagination(pages, key="page", bind="query-params", persist_state="session")
found = load()
polling = found.unfinished
with below:
    if found.cards:
        heading.markdown(f":gray[{wording.some_of(found.total, found.counts, say)}]")
        st.fragment(show_cards, run_every=1.5 if polling else None)()
    else:
        st.info("No bill matches. Try fewer or other words, or another status.")
