"""For operators and admins: people and their plans, bills that could not be read, the log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import get_args

import streamlit as st

from billocr_assets.store import administration
from billocr_assets.store.accounts import invitations, roles, users
from billocr_assets.store.errors import BillError
from billocr_assets.store.quotas import NAMES
from billocr_assets.store.schema import Role, UserStatus
from billocr_ui.identity import page_user, the_store
from billocr_ui.services import wording

store, user = the_store(), page_user()
say = wording.page_words(user)
now, zone = datetime.now(UTC), wording.page_zone()
is_admin = roles.has_role(user, "admin")


def parse(text: str) -> int | None:
    return int(text) if text.strip() else None


def show_users() -> None:
    people = administration.users_overview(store, user)
    st.dataframe(
        {
            say("admin.name"): [row.user.name for row in people],
            say("admin.email"): [row.user.email or "–" for row in people],
            say("admin.role"): [say(f"admin.role_{row.user.role}") for row in people],
            say("admin.plan"): [row.plan for row in people],
            say("admin.state"): [say(f"admin.status_{row.user.status}") for row in people],
            say("admin.bills"): [row.bills for row in people],
            say("admin.since"): [wording.when(row.user.created_at, now, zone, say) for row in people],
        },
        hide_index=True,
    )
    if not is_admin:
        return
    others = {row.user.id: row for row in people if row.user.kind == "account" and row.user.id != user.id}
    if others:
        with st.form("user"):
            st.markdown(f"**{say('admin.change')}**")
            chosen = st.selectbox(
                say("admin.name"),
                list(others),
                format_func=lambda user_id: f"{others[user_id].user.name} · {others[user_id].user.email}",
            )
            keep = say("admin.keep")
            role = st.selectbox(
                say("admin.role"), [None, *get_args(Role)], format_func=lambda v: say(f"admin.role_{v}") if v else keep
            )
            state = st.selectbox(
                say("admin.state"),
                [None, *get_args(UserStatus)],
                format_func=lambda v: say(f"admin.status_{v}") if v else keep,
            )
            plans = [plan.name for plan in administration.plans(store, user)]
            plan = st.selectbox(say("admin.plan"), [None, *plans], format_func=lambda v: v or keep)
            if st.form_submit_button(say("admin.save")):
                try:
                    if role:
                        users.set_role(store, user, chosen, role)
                    if state:
                        users.set_status(store, user, chosen, state)
                    if plan:
                        administration.set_plan(store, user, chosen, plan, others[chosen].user.limits)
                    st.toast(say("admin.saved"))
                    st.rerun()
                except BillError as error:
                    st.error(say.error(error))
    with st.form("invite", clear_on_submit=True):
        st.markdown(f"**{say('admin.invite')}**")
        st.write(say("admin.invite_lead"))
        email = st.text_input(say("admin.email"))
        role = st.selectbox(say("admin.role"), get_args(Role), format_func=lambda v: say(f"admin.role_{v}"))
        if st.form_submit_button(say("admin.invite")):
            try:
                token = invitations.invite(store, user, email.strip() or None, role)
                st.code(f"{str(st.context.url or '').split('/admin')[0]}/login?invitation={token}", language=None)
            except BillError as error:
                st.error(say.error(error))


def show_plans() -> None:
    plans = administration.plans(store, user)
    columns = {say("admin.plan"): [plan.name for plan in plans]}
    for name in NAMES:
        values = (getattr(plan, name) for plan in plans)
        of_bytes = name.endswith("_bytes")
        columns[say(f"account.{name}")] = [
            "–" if value is None else wording.size(value, say) if of_bytes else wording.number(value, say)
            for value in values
        ]
    st.dataframe(columns, hide_index=True)
    if not is_admin:
        return
    known = {plan.name: plan for plan in plans}
    chosen = st.selectbox(say("admin.plan"), [*known, ""], format_func=lambda name: name or say("admin.plan_new"))
    with st.form("plan"):
        name = chosen or st.text_input(say("admin.name"), max_chars=64)
        st.write(say("admin.limit_none"))
        limits = {}
        for limit in NAMES:
            held = getattr(known[chosen], limit) if chosen else None
            limits[limit] = st.text_input(
                say(f"account.{limit}") + (" (bytes)" if limit.endswith("_bytes") else ""),
                value="" if held is None else str(held),
                key=f"{chosen}-{limit}",
            )
        if st.form_submit_button(say("admin.save")):
            try:
                administration.save_plan(
                    store, user, name.strip(), {limit: parse(text) for limit, text in limits.items()}
                )
                st.toast(say("admin.saved"))
                st.rerun()
            except ValueError:
                st.error(say("admin.whole_numbers"))
            except BillError as error:
                st.error(say.error(error))


def show_failed() -> None:
    st.write(say("admin.failed_lead"))
    failed = administration.failed_bills(store, user)
    if not failed:
        st.info(say("admin.none"))
        return
    table = st.dataframe(
        {
            say("admin.bill"): [bill.name for bill in failed],
            say("admin.owner"): [bill.owner for bill in failed],
            say("admin.stage"): [say(f"stage.{bill.stage}") if bill.stage else "–" for bill in failed],
            say("admin.why"): [bill.why or "–" for bill in failed],
            say("admin.since"): [wording.when(bill.when, now, zone, say) for bill in failed],
        },
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key="failed",
    )
    chosen = [failed[row] for row in table.selection.rows if row < len(failed)] or failed
    if st.button(f"{say('admin.retry')} ({len(chosen)})"):
        done = 0
        for bill in chosen:
            try:
                administration.retry_failed(store, user, bill.id)
                done += 1
            except BillError as error:
                st.toast(f"{bill.name}: {say.error(error)}")
        st.toast(say("admin.retried", bills=wording.bills(done, say)))
        st.rerun()


def show_log() -> None:
    events = administration.audit_log(store, user, limit=500)
    st.dataframe(
        {
            say("admin.since"): [wording.when(event.when, now, zone, say) for event, _ in events],
            say("admin.who"): [name or "–" for _, name in events],
            say("admin.what"): [event.what for event, _ in events],
            say("admin.bill"): [event.bill or "–" for event, _ in events],
            say("admin.detail"): [json.dumps(event.detail, ensure_ascii=False) for event, _ in events],
        },
        hide_index=True,
    )


st.title(say("admin.title"), anchor=False)
if not roles.has_role(user, "operator"):
    st.warning(say("admin.not_allowed"))
    st.stop()
sections = {"failed": show_failed, "users": show_users, "plans": show_plans}
if is_admin:
    sections["log"] = show_log
section = st.segmented_control(
    say("admin.title"),
    list(sections),
    format_func=lambda name: say(f"admin.{name}"),
    default="failed",
    required=True,
    label_visibility="collapsed",
    key="section",
    bind="query-params",
)
sections[section]()
