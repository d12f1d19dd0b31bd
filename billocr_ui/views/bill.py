"""One bill: its picture beside its text, and what there is to say about the reading."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from billocr_assets.store.bills import read_again
from billocr_assets.store.errors import BillNotFound
from billocr_ui.components.bill_viewer import bill_viewer
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording
from billocr_ui.services.bill_page import BillPage, bill_page

store, user = the_store(), page_user()
bill_id = st.query_params.get("id", "")


def load() -> BillPage:
    return bill_page(store, user, bill_id, datetime.now(UTC), wording.time_zone(st.context.timezone))


def again() -> None:
    read_again(store, user, bill_id)


def show_state() -> None:
    current = load()
    if current.final and polling:
        st.rerun(scope="app")
    if not current.final:
        st.progress(current.progress, text=f"{wording.STATUS[current.status]}: {current.doing}")


try:
    page = load()
except BillNotFound as error:
    st.title("Bill")
    st.warning(str(error))
    st.page_link("views/bills.py", label="All bills")
    st.stop()

polling = not page.final
with st.container(key="back"):
    st.page_link("views/bills.py", label="← All bills")
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="head"):
    with st.container(width="content", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.title(wording.literal(page.title), anchor=False, width="content")
            st.badge(wording.STATUS[page.status], color=wording.STATUS_COLOURS[page.status])
        st.markdown(f":gray[{wording.literal(page.facts)}]")
    with st.container(horizontal=True, width="content", gap="xsmall"):
        if page.viewer["version"]:
            st.link_button("Text", f"/downloads/{bill_id}/text", help="Download the text")
            st.link_button("JSON", f"/downloads/{bill_id}/json", help="Download text, boxes and fields")
        st.link_button("Original", f"/downloads/{bill_id}/original", help="Download the file as it was uploaded")
        if page.final and page.status != "failed":
            st.button("Read again", on_click=again, help="Read the bill once more with today's models")

if page.failure:
    with st.container(key="failure"):
        st.error(page.failure)
        st.button("Try again", type="primary", on_click=again)
if polling:
    st.fragment(show_state, run_every=0.7)()
if page.outdated:
    st.info("A newer model has come since this bill was read. “Read again” uses it.")

bill_viewer(page.viewer, key=f"viewer-{bill_id}")

if page.quality:
    with st.expander("Quality and models"):
        figures, reading = st.columns(2, gap="large")
        with figures:
            st.subheader("Quality", anchor=False)
            st.html(wording.facts(page.quality))
        with reading:
            st.subheader("Read by", anchor=False)
            st.html(wording.facts(page.read_by))
