"""Hand in bills, and watch them being read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from billocr_assets.store.bills import list_bills, read_again
from billocr_ui.components.bill_cards import bill_cards
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording
from billocr_ui.services.cards import all_final, cards
from billocr_ui.services.uploads import SUFFIXES, Outcome, has_bills, keep_both, samples, submit

LATEST = 4

store, user = the_store(), page_user()
# Outcomes by the upload's own id: a script that is interrupted half way must not hand in a file twice.
outcomes: dict[str, Outcome] = st.session_state.setdefault("outcomes", {})
round_ = st.session_state.setdefault("upload_round", 0)


def hand_in(file_id: str, name: str, data: bytes) -> None:
    if file_id not in outcomes:
        outcomes[file_id] = submit(store, user, name, data)


def hand_in_samples() -> None:
    for path in samples():
        hand_in(f"sample-{path.name}", path.name, path.read_bytes())


def keep(file_id: str) -> None:
    outcomes[file_id] = keep_both(store, user, outcomes[file_id])


def clear() -> None:
    outcomes.clear()


def show_bills(bill_ids: list[str], key: str, compact: bool, polling: bool) -> None:
    shown = load(bill_ids)
    if bill_id := bill_cards(shown, key=key, compact=compact):
        read_again(store, user, bill_id)
        st.rerun(scope="app")
    if polling and all_final(shown):
        st.rerun(scope="app")


def load(bill_ids: list[str]) -> list[dict[str, Any]]:
    return cards(store, user, bill_ids, datetime.now(UTC), wording.time_zone(st.context.timezone))


def show_live(bill_ids: list[str], key: str, compact: bool) -> bool:
    """Cards that follow the reading without a reload; whether any still changes."""
    polling = not all_final(load(bill_ids))
    st.fragment(show_bills, run_every=0.7 if polling else None)(bill_ids, key, compact, polling)
    return polling


with st.container():
    st.title("Upload bills", anchor=False)
    st.write(
        f"Photos, scans and PDFs of bills and receipts, up to {store.settings.max_upload_mb} MB "
        f"and {wording.pages(store.settings.max_pages)} each. Their text is read within seconds."
    )
    source = st.segmented_control(
        "Where from", ["Files", "Camera"], default="Files", required=True, label_visibility="collapsed", key="source"
    )
    if source == "Files":
        files = st.file_uploader(
            "Bills",
            type=SUFFIXES,
            accept_multiple_files=True,
            label_visibility="collapsed",
            key=f"files-{round_}",
        )
    else:
        photo = st.camera_input(
            "Photo of a bill", label_visibility="collapsed", resolution="1080p", width=640, key=f"photo-{round_}"
        )
        files = [photo] if photo else []

    if files:
        with st.spinner("Checking the files…" if len(files) > 1 else "Checking the file…"):
            for file in files:
                name = file.name if source == "Files" else f"Photo {datetime.now(UTC):%Y-%m-%d %H%M%S}.jpg"
                hand_in(file.file_id, name, file.getvalue())
        # A fresh widget: the list below says what became of the files, and their bytes leave the memory.
        st.session_state["upload_round"] = round_ + 1
        st.rerun()

    for file_id, outcome in outcomes.items():
        if outcome.state == "refused":
            st.error(f"**{wording.literal(outcome.name)}** was not taken. {outcome.sentence}")
        elif outcome.state == "duplicate":
            with st.container(border=True, key=f"duplicate-{file_id}"):
                st.markdown(f"**{wording.literal(outcome.name)}** {wording.literal(outcome.sentence)}")
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.page_link("views/bill.py", label="Open the first", query_params={"id": outcome.bill_id or ""})
                    st.button("Keep both", key=f"keep-{file_id}", on_click=keep, args=(file_id,))

    accepted = [outcome.bill_id for outcome in outcomes.values() if outcome.state == "accepted" and outcome.bill_id]
    if outcomes:
        heading = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
        reading = show_live(accepted, "uploaded", compact=True) if accepted else False
        with heading:
            title = f"{'Reading ' if reading else ''}{wording.bills(len(accepted))}{'' if reading else ' done'}"
            st.subheader(title if accepted else "Nothing to read", anchor=False, width="content")
            if not reading:
                st.button("Clear this list", type="tertiary", on_click=clear)
    elif samples() and not has_bills(store, user):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="samples"):
            st.markdown("**No bill at hand?** Try the sample bills that come with Bill OCR.")
            st.button("Try the samples", on_click=hand_in_samples)

if not outcomes and (latest := list_bills(store, user, limit=LATEST).bills):
    st.space("small")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Latest bills", anchor=False, width="content")
        st.page_link("views/bills.py", label="All bills →")
    show_live([bill.id for bill in latest], "latest", compact=False)
