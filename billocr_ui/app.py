"""The frame around every page: title, icon and navigation, nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).parent / "assets"
# A file, not an icon's name: a name would be fetched from another host.
ICON = str(ASSETS / "icon.png")

st.set_page_config(page_title="Bill OCR", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
st.html(ASSETS / "style.css")
st.navigation(
    # Not in a folder "pages": Streamlit would show that one by itself to the first visitor of a deep link.
    [
        st.Page("views/upload.py", title="Upload", url_path="upload", default=True),
        st.Page("views/bills.py", title="Bills", url_path="bills"),
        st.Page("views/bill.py", title="Bill", url_path="bill", visibility="hidden"),
    ],
    position="top",
).run()
