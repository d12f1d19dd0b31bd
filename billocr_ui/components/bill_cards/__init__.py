"""Bills as cards: a grid where there is room, rows on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from billocr_ui.components._load import component

_mount = component("bill_cards")


def bill_cards(cards: list[dict[str, Any]], key: str, compact: bool = False) -> str | None:
    """Show cards (see ``services.cards``).

    Args:
        compact: rows at every width.

    Returns:
        The id of the bill that was just asked to be read again.
    """
    ignore: Callable[[], None] = lambda: None  # noqa: E731 - declares the trigger, nothing to do in it
    result = _mount(data={"cards": cards, "compact": compact}, key=key, on_again_change=ignore)
    return result.again
