"""A bill's picture beside its text, linked both ways. Selection, zoom and pan never leave the browser."""

from __future__ import annotations

from typing import Any

from billocr_ui.components._load import component

_mount = component("bill_viewer")


def bill_viewer(data: dict[str, Any], key: str) -> None:
    """Show the viewer for ``services.bill_page.viewer_data``."""
    _mount(data=data, key=key)
