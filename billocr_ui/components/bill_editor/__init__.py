"""A bill's picture, lines and fields, to be corrected by keyboard.

Edits do not pass through Streamlit: the browser sends them to the API itself, so they survive a lost WebSocket and need
no run of the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from billocr_ui.components._load import component

_mount = component("bill_editor")


def _nothing() -> None:
    """Declares a trigger where nothing is to be done about it."""


def bill_editor(
    data: dict[str, Any],
    key: str,
    on_done: Callable[[], None] = _nothing,
    on_skip: Callable[[], None] = _nothing,
) -> None:
    """Show the editor for ``services.bill_page.editor_data``.

    Args:
        on_done, on_skip: a reviewer has ended with the bill, or passes it over; both after its last edit was handed in.
    """
    _mount(data=data, key=key, on_done_change=on_done, on_skip_change=on_skip)
