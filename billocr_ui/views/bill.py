"""One bill: its picture, text and fields to be corrected, and what there is to say about the reading."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from billocr_assets.exports import FORMATS
from billocr_assets.store.bills import read_again
from billocr_assets.store.errors import BeingReviewed, BillNotFound
from billocr_assets.store.review import mark
from billocr_assets.store.trash import delete_bill
from billocr_ui.components.bill_editor import bill_editor
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording
from billocr_ui.services.bill_page import BillPage, bill_page
from billocr_ui.views._sharing import sharing_dialog

store, user = the_store(), page_user()
say = wording.page_words(user)
bill_id = st.query_params.get("id", "")


def load() -> BillPage:
    return bill_page(store, user, bill_id, datetime.now(UTC), wording.page_zone(), say)


def again() -> None:
    read_again(store, user, bill_id)


def reviewed() -> None:
    try:
        mark(store, user, bill_id, reviewed=not page.done)
    except BeingReviewed as error:
        st.toast(say.error(error))


def show_state() -> None:
    current = load()
    if current.final and polling:
        st.rerun(scope="app")
    if not current.final:
        st.progress(current.progress, text=f"{say(f'status.{current.status}')}: {current.doing}")


try:
    page = load()
except BillNotFound as error:
    st.title(say("bill.title"))
    st.warning(say.error(error))
    st.page_link("views/bills.py", label=say("bill.back"))
    st.stop()

polling = not page.final
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="head"):
    with st.container(width="content", gap="xxsmall"):
        with st.container(key="back"):
            st.page_link("views/bills.py", label=say("bill.back"))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.title(wording.literal(page.title), anchor=False, width="content")
            st.badge(say(f"status.{page.status}"), color=wording.STATUS_COLOURS[page.status])
            if page.bill.review != "unreviewed":
                st.badge(say(f"review_state.{page.bill.review}"), color="green" if page.done else "blue")
            st.markdown(f":gray[{wording.literal(page.facts)}]", width="content")
    with st.container(horizontal=True, width="content", gap="xsmall"):
        with st.popover(say("bill.download")):
            st.link_button(say("bill.original"), f"/downloads/{bill_id}/original", type="tertiary")
            for name, kind in FORMATS.items() if page.editor["result"] else ():
                st.link_button(kind.label, f"/downloads/{bill_id}/{name}", type="tertiary")
        if page.final and page.status != "failed" and page.editable:
            st.button(say("bill.again"), on_click=again, help=say("bill.again_help"))
        if page.editor["result"] and page.editable:
            action = "unreviewed" if page.done else "reviewed"
            st.button(say(f"bill.{action}"), on_click=reviewed, help=say(f"bill.{action}_help"))
        if page.owned and st.button(say("share.share")):
            sharing_dialog(store, user, say, [bill_id])
        if page.owned and st.button(say("bill.delete"), help=say("bill.delete_help")):
            delete_bill(store, user, bill_id)
            st.switch_page("views/bills.py")

if page.failure:
    with st.container(key="failure"):
        st.error(page.failure)
        if page.editable:
            st.button(say("bill.try_again"), type="primary", on_click=again)
if polling:
    st.fragment(show_state, run_every=0.7)()
if page.outdated:
    st.info(say("bill.outdated"))

for twin in page.twins:
    st.warning(say("bill.twin", name=wording.literal(twin.name), day=wording.day(twin.created_at.date(), say)))
    st.page_link("views/bill.py", label=say("bill.twin_open"), query_params={"id": twin.id})
if page.claimed:
    st.info(say("review.claimed", until=page.claimed))

bill_editor(page.editor, key=f"editor-{bill_id}")

if page.quality:
    with st.expander(say("bill.about")):
        figures, reading = st.columns(2, gap="large")
        with figures:
            st.subheader(say("bill.quality"), anchor=False)
            st.html(wording.facts(page.quality))
        with reading:
            st.subheader(say("bill.read_by"), anchor=False)
            st.html(wording.facts(page.read_by))
