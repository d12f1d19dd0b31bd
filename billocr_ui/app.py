"""The frame around every page: title, icon and navigation, nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

# A file, not an icon's name: a name would be fetched from another host.
ICON = str(Path(__file__).parent / "assets" / "icon.png")

st.set_page_config(page_title="Bill OCR", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
st.navigation(
    [
        st.Page("pages/upload.py", title="Upload", url_path="upload", default=True),
        st.Page("pages/bills.py", title="Bills", url_path="bills"),
        st.Page("pages/bill.py", title="Bill", url_path="bill", visibility="hidden"),
    ],
    position="top",
).run()
