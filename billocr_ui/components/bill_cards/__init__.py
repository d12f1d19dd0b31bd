"""Bills as cards: a grid where there is room, rows on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from billocr_ui.components._load import component
from billocr_ui.strings import Words

_mount = component("bill_cards")


def bill_cards(
    cards: list[dict[str, Any]],
    key: str,
    say: Words,
    compact: bool = False,
    choosing: bool = False,
    on_choose: Callable[[], None] = lambda: None,
) -> str | None:
    """Show cards (see ``services.cards``).

    Args:
        compact: rows at every width.
        choosing: each card has a box to tick; the ids ticked are ``st.session_state[key]["chosen"]``.

    Returns:
        The id of the bill that was just asked to be read again.
    """
    result = _mount(
        data={"cards": cards, "compact": compact, "choosing": choosing, "say": say.section("card")},
        key=key,
        on_again_change=lambda: None,
        on_chosen_change=on_choose,
    )
    return result.again
