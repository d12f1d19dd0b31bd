"""Components lie in the package as plain files; there is no build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st


def component(name: str) -> Any:
    """The component whose ``.html``, ``.css`` and ``.js`` lie in the folder ``name``, ready to be mounted."""
    folder = Path(__file__).parent / name
    html, css, js = ((folder / f"{name}{suffix}").read_text(encoding="utf-8") for suffix in (".html", ".css", ".js"))
    return st.components.v2.component(name, html=html, css=css, js=js)
