"""Review: one bill after the other, the most rewarding first, each kept for one person at a time."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from billocr_assets.store.errors import BeingReviewed
from billocr_assets.store.review import mark, release
from billocr_ui.components.bill_editor import bill_editor
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording
from billocr_ui.services.review_page import review_page

store, user = the_store(), page_user()
say = wording.page_words(user)
skipped: list[str] = st.session_state.setdefault("skipped", [])


def done(bill_id: str, title: str) -> None:
    try:
        mark(store, user, bill_id, reviewed=True)
    except BeingReviewed as error:
        st.toast(say.error(error))
        skipped.append(bill_id)
    else:
        st.toast(say("review.done", name=wording.literal(title)))


def skip(bill_id: str) -> None:
    release(store, user, bill_id)
    skipped.append(bill_id)


found = review_page(store, user, skipped, datetime.now(UTC), wording.page_zone(), say)
if found.page is None and skipped:
    # Once round: those that were passed over come again.
    skipped.clear()
    found = review_page(store, user, skipped, datetime.now(UTC), wording.page_zone(), say)

if found.page is None:
    st.title(say("review.title"), anchor=False)
    with st.container(border=True, horizontal_alignment="center", key="empty"):
        st.space("small")
        st.subheader(say("review.empty"), anchor=False, text_alignment="center")
        st.markdown(say("review.empty_lead"), text_alignment="center")
        st.page_link("views/upload.py", label=say("review.upload"))
        st.space("small")
    st.stop()

page, bill_id = found.page, found.page.bill.id
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="head"):
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.title(wording.literal(page.title), anchor=False, width="content")
        st.badge(say(f"review_state.{page.bill.review}"), color="blue")
        st.markdown(f":gray[{wording.literal(page.facts)}]", width="content")
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        st.markdown(f"**{say('review.left', count=found.left)}**", width="content")
        st.page_link("views/bill.py", label=say("review.open"), query_params={"id": bill_id})

bill_editor(
    page.editor,
    key=f"review-{bill_id}",
    on_done=lambda: done(bill_id, page.title),
    on_skip=lambda: skip(bill_id),
)
