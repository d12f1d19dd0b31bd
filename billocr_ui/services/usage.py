"""How far the quotas are used, for the uploader and the account page."""

from __future__ import annotations

from collections.abc import Mapping

from billocr_assets.store.quotas import Use
from billocr_ui.services import wording
from billocr_ui.strings import Words


def meters(limits: Mapping[str, Use], say: Words) -> list[tuple[float, str]]:
    """What bounds further uploads: the share that is used, 0..1, and a sentence that says what is left."""
    found = []
    for name, sentence in (("bills_per_month", "upload.left_month"), ("storage_bytes", "upload.left_bytes")):
        use = limits[name]
        if use.limit is None or use.used is None:
            continue
        left, limit = _amount(name, max(0, use.limit - use.used), say), _amount(name, use.limit, say)
        when = wording.day(use.resets_at.date(), say) if use.resets_at else ""
        found.append((_share(use), say(sentence, left=left, limit=limit, when=when)))
    return found


def rows(limits: Mapping[str, Use], say: Words) -> list[tuple[str, float | None, str]]:
    """Every limit as its name, the share that is used (None where nothing adds up) and how it stands."""
    found: list[tuple[str, float | None, str]] = []
    for name, use in limits.items():
        used = "" if use.used is None else _amount(name, use.used, say)
        limit = None if use.limit is None else _amount(name, use.limit, say)
        if use.used is None:
            stands = limit or say("account.unlimited", used="").strip(" ,")
        elif limit is None:
            stands = say("account.unlimited", used=used)
        else:
            stands = say("account.of", used=used, limit=limit)
        if use.resets_at and limit is not None:
            stands += f" · {say('account.renews', when=wording.day(use.resets_at.date(), say))}"
        found.append((say(f"account.{name}"), _share(use) if use.used is not None and limit else None, stands))
    return found


def _share(use: Use) -> float:
    return min(1.0, (use.used or 0) / use.limit) if use.limit else 1.0


def _amount(name: str, value: int, say: Words) -> str:
    return wording.size(value, say) if name.endswith("_bytes") else wording.number(value, say)
