"""The frame around every page: title, icon and navigation, nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from billocr_assets.store.accounts import roles
from billocr_ui.identity import page_login
from billocr_ui.services import wording
from billocr_ui.strings import language_of, words

ASSETS = Path(__file__).parent / "assets"
# A file, not an icon's name: a name would be fetched from another host.
ICON = str(ASSETS / "icon.png")

st.set_page_config(page_title="Bill OCR", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
st.html(ASSETS / "style.css")
login = page_login()
say = wording.page_words(login.user) if login else words(language_of(None, st.context.locale))
# Not in a folder "pages": Streamlit would show that one by itself to the first visitor of a deep link.
pages = [
    st.Page("views/upload.py", title=say("pages.upload"), url_path="upload", default=True),
    st.Page("views/bills.py", title=say("pages.bills"), url_path="bills"),
    st.Page("views/review.py", title=say("pages.review"), url_path="review"),
    st.Page("views/bill.py", title=say("pages.bill"), url_path="bill", visibility="hidden"),
    st.Page("views/models.py", title=say("pages.models"), url_path="models"),
    st.Page("views/account.py", title=say("pages.account"), url_path="account"),
]
if login is None or roles.has_role(login.user, "operator"):
    pages.append(st.Page("views/admin.py", title=say("pages.admin"), url_path="admin"))
if login is None:
    # At every address, so that after the login the page is there that was asked for.
    st.navigation(
        [
            st.Page("views/login.py", title=say("pages.login"), url_path=page.url_path, default=not page.url_path)
            for page in pages
        ],
        position="hidden",
    ).run()
else:
    st.navigation(pages, position="top").run()
