"""What everybody sees who is not logged in, at whatever address."""

from __future__ import annotations

import streamlit as st

from billocr_assets.store.accounts import invitations, users
from billocr_ui.components.login_form import login_form
from billocr_ui.identity import the_store
from billocr_ui.services import wording
from billocr_ui.strings import language_of, words

store = the_store()
say = words(language_of(None, st.context.locale))
settings = store.settings
invitation, email, refused = st.query_params.get("invitation"), None, ""
if code := st.query_params.get("refused"):
    refused = wording.refused_login(code, say)
if invitation and settings.sign_up != "closed":
    good, email = invitations.invited_email(store, invitation)
    if not good:
        invitation, refused = None, say("login.used_invitation")
else:
    invitation = None

with st.container(horizontal_alignment="center"), st.container(width=400, key="login"):
    st.title("Bill OCR", anchor=False)
    st.markdown(say("login.lead"))
    if not users.has_accounts(store) and settings.sign_up != "open":
        st.info(say("login.no_accounts"))
    login_form(
        say,
        key="login-form",
        providers=[(provider.title, provider.name) for provider in settings.providers],
        demo=settings.demo_users > 0,
        sign_up=settings.sign_up == "open" or invitation is not None,
        invitation=invitation,
        email=email,
        refused=refused,
    )
