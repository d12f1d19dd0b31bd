"""Components lie in the package as plain files; there is no build."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import streamlit as st

# What a module takes from its neighbours, which stand in the same module here.
_NEIGHBOURS = re.compile(r'^import .* from "\./.*"$', re.MULTILINE)


def component(name: str, isolate_styles: bool = True) -> Any:
    """The component whose ``.html``, ``.css`` and ``.js`` lie in the folder ``name``, ready to be mounted.

    Streamlit takes one module. Where a component has several, they become one: the others stand before its own.

    Args:
        isolate_styles: keep the page's styles and scripts out, by a shadow root.
    """
    folder = Path(__file__).parent / name
    own = folder / f"{name}.js"
    modules = [*sorted(path for path in folder.glob("*.js") if path != own), own]
    js = "\n".join(_NEIGHBOURS.sub("", module.read_text(encoding="utf-8")) for module in modules)
    html, css = ((folder / f"{name}{suffix}").read_text(encoding="utf-8") for suffix in (".html", ".css"))
    return st.components.v2.component(name, html=html, css=css, js=js, isolate_styles=isolate_styles)
