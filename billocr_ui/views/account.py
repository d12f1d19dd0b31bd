"""One's own account: usage, training consent, tokens, logins, and leaving with everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from billocr_assets.store import sharing
from billocr_assets.store.accounts import identities, sessions, tokens, users
from billocr_assets.store.errors import BillError
from billocr_assets.store.quotas import usage
from billocr_ui.components.login_form import leave_form, password_form
from billocr_ui.identity import page_login, page_user, the_store
from billocr_ui.services import wording
from billocr_ui.services.usage import rows
from billocr_ui.strings import LANGUAGES

store, user = the_store(), page_user()
login = page_login()
say = wording.page_words(user)
now, zone = datetime.now(UTC), wording.page_zone()


def attempt(do: Callable[[], object], done: str | None = None) -> bool:
    """Does something that may be refused, and says how it went."""
    try:
        do()
    except BillError as error:
        st.toast(say.error(error), icon=":material/error:")
        return False
    if done:
        st.toast(done)
    return True


def show_profile() -> None:
    with st.form("profile", border=False):
        name = st.text_input(say("account.name"), value=user.name, max_chars=255)
        if user.email:
            st.text_input(say("account.email"), value=user.email, disabled=True)
        language = st.selectbox(
            say("account.language"),
            [None, *LANGUAGES],
            index=[None, *LANGUAGES].index(user.language if user.language in LANGUAGES else None),
            format_func=lambda code: LANGUAGES[code] if code else say("account.language_browser"),
        )
        if st.form_submit_button(say("account.save")):
            attempt(lambda: users.set_profile(store, user, name, language), say("account.saved"))
            st.rerun()


def show_usage() -> None:
    st.subheader(say("account.usage"), anchor=False)
    st.write(say("account.usage_lead"))
    for name, share, stands in rows(usage(store, user), say):
        if share is None:
            st.markdown(f"**{name}:** {stands}")
        else:
            st.progress(share, text=f"**{name}:** {stands}")


def show_consent() -> None:
    st.subheader(say("account.training"), anchor=False)
    if user.kind == "demo":
        st.write(say("account.consent_demo"))
        return
    wanted = st.toggle(say("account.consent"), value=user.training_consent)
    st.write(say("account.consent_lead"))
    if wanted != user.training_consent:
        attempt(lambda: users.set_training_consent(store, user, wanted), say("account.saved"))
        st.rerun()


def show_ways_in() -> None:
    st.subheader(say("account.ways_in"), anchor=False)
    providers = {provider.issuer: provider for provider in store.settings.providers}
    known = identities.identities_of(store, user)
    for identity in known:
        provider = providers.get(identity.issuer)
        name = provider.title if provider else identity.issuer
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            since = wording.day(identity.created_at.astimezone(zone).date(), say)
            st.markdown(say("account.way_row", name=wording.literal(name), since=since))
            if st.button(say("account.way_remove", name=name), key=f"way-{identity.id}"):
                attempt(partial(identities.remove_identity, store, user, identity.id))
                st.rerun()
    left = providers.keys() - {identity.issuer for identity in known}
    password_form(
        say,
        "password",
        has_password=user.password_hash is not None,
        providers=[(each.title, each.name) for each in store.settings.providers if each.issuer in left],
    )


def show_tokens() -> None:
    st.subheader(say("account.tokens"), anchor=False)
    st.write(say("account.tokens_lead"))
    if secret := st.session_state.pop("new_token", None):
        st.success(say("account.token_shown"))
        st.code(secret, language=None)
    scope_names = {"bills:read": say("account.scope_read"), "bills:write": say("account.scope_write")}
    kept = tokens.tokens_of(store, user)
    for token in kept:
        used = say("account.used_never")
        if token.used_at:
            used = say("account.used_when", when=wording.when(token.used_at, now, zone, say))
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                say(
                    "account.token_row",
                    name=wording.literal(token.name),
                    prefix=f"`bo_{token.prefix}`",
                    scopes=", ".join(scope_names[scope] for scope in token.scopes),
                    until=wording.day(token.expires_at.date(), say) if token.expires_at else "–",
                    used=used,
                )
            )
            if st.button(say("account.revoke"), key=f"revoke-{token.id}"):
                attempt(partial(tokens.revoke_token, store, user, token.id))
                st.rerun()
    if not kept:
        st.write(say("account.token_none"))
    with st.form("token", clear_on_submit=True):
        name = st.text_input(say("account.token_name"), max_chars=255)
        scopes = st.pills(
            say("account.token_scopes"),
            list(scope_names),
            selection_mode="multi",
            default=["bills:read"],
            format_func=scope_names.__getitem__,
        )
        days = st.selectbox(
            say("account.token_days"),
            [30, 90, 365],
            index=1,
            format_func=lambda count: say("account.days", count=count),
        )
        if st.form_submit_button(say("account.token_make")):
            try:
                _, st.session_state["new_token"] = tokens.create_token(store, user, name, scopes, days)
                st.rerun()
            except BillError as error:
                st.error(say.error(error))


def show_sessions() -> None:
    st.subheader(say("account.sessions"), anchor=False)
    st.write(say("account.sessions_lead"))
    living = sessions.sessions_of(store, user)
    for session in living:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                say(
                    "account.session_row",
                    agent=wording.literal(session.agent or "?"),
                    address=wording.literal(session.address or "?"),
                    when=wording.when(session.seen_at, now, zone, say),
                )
            )
            if login and session.id == login.session_id:
                st.badge(say("account.session_this"))
            elif st.button(say("account.end"), key=f"end-{session.id}"):
                attempt(partial(sessions.end_session, store, user, session.id))
                st.rerun()
    if len(living) > 1 and st.button(say("account.end_others")):
        sessions.end_sessions(store, user, but=login.session_id if login else None)
        st.rerun()


def show_groups() -> None:
    st.subheader(say("account.groups"), anchor=False)
    st.write(say("account.groups_lead"))
    for group in sharing.groups_of(store, user):
        with st.expander(wording.literal(group.name)):
            for member in group.members:
                with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                    st.markdown(wording.literal(member.email or member.name))
                    leaves = member.id == user.id
                    if leaves == group.own:  # the one who made it stays in it, and only they remove others
                        continue
                    label = say("account.group_leave") if leaves else say("account.group_remove", name=member.name)
                    if st.button(label, key=f"member-{group.id}-{member.id}"):
                        attempt(partial(sharing.remove_member, store, user, group.id, member.id))
                        st.rerun()
            if group.own:
                with st.form(f"group-{group.id}", border=False, clear_on_submit=True):
                    email = st.text_input(say("account.group_member"))
                    if st.form_submit_button(say("account.group_add")) and attempt(
                        partial(sharing.add_member, store, user, group.id, email)
                    ):
                        st.rerun()
                if st.button(say("account.group_delete"), key=f"delete-{group.id}"):
                    attempt(partial(sharing.delete_group, store, user, group.id))
                    st.rerun()
    with st.form("group", border=False, clear_on_submit=True):
        name = st.text_input(say("account.group_name"), max_chars=255)
        if st.form_submit_button(say("account.group_make")) and attempt(
            partial(sharing.create_group, store, user, name)
        ):
            st.rerun()


def show_leaving() -> None:
    st.subheader(say("account.your_data"), anchor=False)
    st.write(say("account.export_lead"))
    st.link_button(say("account.export"), "/api/v1/me/export", icon=":material/download:")
    if user.kind == "local":
        return
    with st.expander(say("account.delete")):
        st.write(say("account.delete_lead"))
        has_password = user.password_hash is not None
        if user.email and not has_password:
            st.write(say("account.delete_fresh"))
            if st.text_input(say("account.delete_confirm")).strip().lower() != user.email:
                return
        leave_form(say, "leave", has_password)


def log_out() -> None:
    if login and login.session_id:
        sessions.end_session(store, user, login.session_id)


with st.container(width=760):
    if code := st.query_params.get("refused"):  # adding a provider's login has failed
        del st.query_params["refused"]
        st.error(wording.refused_login(code, say))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(say("account.title"), anchor=False, width="content")
        if user.kind == "local":
            st.write(say("account.local"))
        else:
            st.button(say("account.log_out"), on_click=log_out)
    show_profile()
    show_usage()
    show_consent()
    if user.kind == "account":
        show_ways_in()
        show_groups()
        show_tokens()
    if user.kind != "local":
        show_sessions()
    show_leaving()
