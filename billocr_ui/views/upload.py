"""Hand in bills, and watch them being read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from billocr_assets.store.bills import list_bills, read_again
from billocr_assets.store.quotas import usage
from billocr_ui.components.bill_cards import bill_cards
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording
from billocr_ui.services.cards import all_final, cards
from billocr_ui.services.uploads import SUFFIXES, Outcome, bring_back, has_bills, keep_both, samples, submit
from billocr_ui.services.usage import meters

LATEST = 4

store, user = the_store(), page_user()
say = wording.page_words(user)
# Outcomes by the upload's own id: a script that is interrupted half way must not hand in a file twice.
outcomes: dict[str, Outcome] = st.session_state.setdefault("outcomes", {})
round_ = st.session_state.setdefault("upload_round", 0)


def hand_in(file_id: str, name: str, data: bytes) -> None:
    if file_id not in outcomes:
        outcomes[file_id] = submit(store, user, name, data, say=say)


def hand_in_samples() -> None:
    for path in samples():
        hand_in(f"sample-{path.name}", path.name, path.read_bytes())


def keep(file_id: str) -> None:
    outcomes[file_id] = keep_both(store, user, outcomes[file_id], say)


def restore(file_id: str) -> None:
    outcomes[file_id] = bring_back(store, user, outcomes[file_id])


def clear() -> None:
    outcomes.clear()
    fresh_widget()


def fresh_widget() -> None:
    """Lets the bytes of files that have been handed in leave the memory; one that still arrives would be lost."""
    st.session_state["upload_round"] = round_ + 1


def show_bills(bill_ids: list[str], key: str, compact: bool, polling: bool) -> None:
    shown = load(bill_ids)
    if bill_id := bill_cards(shown, key, say, compact=compact):
        read_again(store, user, bill_id)
        st.rerun(scope="app")
    if polling and all_final(shown):
        st.rerun(scope="app")


def load(bill_ids: list[str]) -> list[dict[str, Any]]:
    return cards(store, user, bill_ids, datetime.now(UTC), wording.page_zone(), say)


def show_live(bill_ids: list[str], key: str, compact: bool) -> bool:
    """Cards that follow the reading without a reload; whether any still changes."""
    polling = not all_final(load(bill_ids))
    st.fragment(show_bills, run_every=0.7 if polling else None)(bill_ids, key, compact, polling)
    return polling


with st.container():
    st.title(say("upload.title"), anchor=False)
    limits = usage(store, user)
    largest, most_pages = limits["max_file_bytes"].limit or 0, limits["max_pages"].limit or 0
    st.write(say("upload.lead", size=wording.size(largest, say), pages=wording.pages(most_pages, say)))
    for share, sentence in meters(limits, say):
        st.progress(share, text=sentence)
    source = st.segmented_control(
        say("upload.source"),
        ["files", "camera"],
        format_func=lambda name: say(f"upload.{name}"),
        default="files",
        required=True,
        label_visibility="collapsed",
        key="source",
    )
    if source == "files":
        st.html(f"<style>:root {{ --drop-hint: {json.dumps(say('upload.drop'), ensure_ascii=False)} }}</style>")
        files = st.file_uploader(
            say("upload.uploader"),
            type=SUFFIXES,
            accept_multiple_files=True,
            label_visibility="collapsed",
            key=f"files-{round_}",
        )
    else:
        photo = st.camera_input(
            say("upload.photo"), label_visibility="collapsed", resolution="1080p", width=640, key=f"photo-{round_}"
        )
        files = [photo] if photo else []

    if new := [file for file in files if file.file_id not in outcomes]:
        with st.spinner(say("upload.checking_many" if len(new) > 1 else "upload.checking_one")):
            for file in new:
                photo_name = say("upload.photo_name", moment=f"{datetime.now(UTC):%Y-%m-%d %H%M%S}")
                hand_in(file.file_id, file.name if source == "files" else photo_name, file.getvalue())
        if source == "camera":
            fresh_widget()
        st.rerun()

    for file_id, outcome in outcomes.items():
        if outcome.state == "refused":
            st.error(say("upload.refused", name=wording.literal(outcome.name), why=outcome.sentence))
        elif outcome.state == "duplicate":
            with st.container(border=True, key=f"duplicate-{file_id}"):
                name, why = wording.literal(outcome.name), wording.literal(outcome.sentence)
                st.markdown(say("upload.duplicate", name=name, why=why))
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.page_link(
                        "views/bill.py", label=say("upload.open_first"), query_params={"id": outcome.bill_id or ""}
                    )
                    st.button(say("upload.keep_both"), key=f"keep-{file_id}", on_click=keep, args=(file_id,))

        elif outcome.trashed_id:
            with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"trashed-{file_id}"):
                st.markdown(say("upload.trashed", name=wording.literal(outcome.name)), width="stretch")
                st.button(say("upload.bring_back"), key=f"restore-{file_id}", on_click=restore, args=(file_id,))

    accepted = [outcome.bill_id for outcome in outcomes.values() if outcome.state == "accepted" and outcome.bill_id]
    if outcomes:
        heading = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
        reading = show_live(accepted, "uploaded", compact=True) if accepted else False
        with heading:
            title = say("upload.reading" if reading else "upload.done", bills=wording.bills(len(accepted), say))
            st.subheader(title if accepted else say("upload.nothing"), anchor=False, width="content")
            if not reading:
                st.button(say("upload.clear"), type="tertiary", on_click=clear)
        # Only now: replaced while files were being handed in, the widget lost the next one of a quick person.
        if files and not new and not reading:
            fresh_widget()
            st.rerun()
    elif samples() and not has_bills(store, user):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="samples"):
            st.markdown(say("upload.no_bill"))
            st.button(say("upload.samples"), on_click=hand_in_samples)

if not outcomes and (latest := list_bills(store, user, limit=LATEST).bills):
    st.space("small")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(say("upload.latest"), anchor=False, width="content")
        st.page_link("views/bills.py", label=say("upload.all"))
    show_live([bill.id for bill in latest], "latest", compact=False)
