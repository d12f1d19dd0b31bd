"""The dialog in which bills are shared and shares ended, for the list and for a bill's own page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import streamlit as st

from billocr_assets.store import Store
from billocr_assets.store.errors import BillError
from billocr_assets.store.schema import GrantLevel, User
from billocr_assets.store.sharing import groups_of, revoke, share_with_group, share_with_person, shares_of
from billocr_ui.services import wording
from billocr_ui.strings import Words


def sharing_dialog(store: Store, user: User, say: Words, bill_ids: Sequence[str]) -> None:
    """Opens the dialog; of a single bill it shows with whom it is shared already."""

    @st.dialog(say("share.title"))
    def show() -> None:
        if len(bill_ids) == 1:
            _show_shares(store, user, say, bill_ids[0])
        groups = {group.id: group.name for group in groups_of(store, user)}
        with st.form("share", border=False):
            email = st.text_input(say("share.email"))
            group = st.selectbox(say("share.group"), list(groups), index=None, format_func=groups.__getitem__)
            level = st.segmented_control(
                say("share.level"),
                get_args(GrantLevel),
                default="view",
                required=True,
                format_func=lambda level: say(f"share.level_{level}"),
            )
            sent = st.form_submit_button(say("share.share"), type="primary")
        if not sent or not (email.strip() or group):
            return
        try:
            for bill_id in bill_ids:
                if email.strip():
                    share_with_person(store, user, bill_id, email, level)
                if group:
                    share_with_group(store, user, bill_id, group, level)
        except BillError as error:
            st.error(say.error(error))
        else:
            st.toast(say("share.done", bills=wording.bills(len(bill_ids), say)))
            st.rerun()

    show()


def _show_shares(store: Store, user: User, say: Words, bill_id: str) -> None:
    def end(share_id: int) -> None:
        try:
            revoke(store, user, bill_id, share_id)
        except BillError as error:
            st.session_state["share-refused"] = say.error(error)

    if refused := st.session_state.pop("share-refused", None):
        st.error(refused)
    for share in shares_of(store, user, bill_id):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            who = share.email or share.name
            st.markdown(f"{wording.literal(who)} · {say(f'share.level_{share.level}')}")
            # A callback: what has been ended elsewhere meanwhile is not drawn again, and its button would do nothing.
            st.button(say("share.end"), key=f"end-{share.id}", on_click=end, args=(share.id,))
