"""How states, times and sizes are said to a person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from html import escape
from typing import Literal
from zoneinfo import ZoneInfo

# In the order of the road; a stage is recorded when it has ended, so the label says what comes after it.
STAGES = {
    "bill_image": "opening the file",
    "preprocessed_page": "straightening the page",
    "text_lines": "finding the lines",
    "line_segments": "finding the words",
    "recognised_text": "reading the text",
    "bill_fields": "finding date and total",
    "bill_result": "saving",
}
STATUS = {"received": "Waiting", "reading": "Reading", "read": "Read", "failed": "Not read"}
STATUS_COLOURS: dict[str, Literal["gray", "blue", "green", "red"]] = {
    "received": "gray",
    "reading": "blue",
    "read": "green",
    "failed": "red",
}

NETWORKS = {
    "line_detector": "Line detector",
    "line_segmenter": "Line segmenter",
    "line_recogniser": "Line recogniser",
}


def time_zone(name: str | None) -> tzinfo | None:
    """The browser's time zone, or None (the server's) where it names none that is known here."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def when(moment: datetime, now: datetime, zone: tzinfo | None) -> str:
    """A moment in the reader's day: ``today 14:05``, ``yesterday 09:30``, ``3 Nov 2026``."""
    moment, now = moment.astimezone(zone), now.astimezone(zone)
    if moment.date() == now.date():
        return f"today {moment:%H:%M}"
    if moment.date() == now.date() - timedelta(days=1):
        return f"yesterday {moment:%H:%M}"
    return day(moment.date())


def day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def size(count: int) -> str:
    """Bytes as ``812 kB`` or ``3.4 MB``."""
    return f"{max(1, round(count / 1000))} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def bills(count: int) -> str:
    return "1 bill" if count == 1 else f"{count:,} bills"


def some_of(shown: int, counts: dict[str, int]) -> str:
    """How many bills are listed, and how many of all that match are not read yet or could not be."""
    open_, failed = counts["received"] + counts["reading"], counts["failed"]
    parts = [bills(shown)]
    if open_:
        parts.append(f"{open_:,} still to be read")
    if failed:
        parts.append(f"{failed:,} not read")
    return " · ".join(parts)


def money(value: Decimal | str, currency: str | None) -> str:
    amount = f"{Decimal(value):,.2f}"
    return f"{amount} {currency}" if currency else amount


def progress(status: str, stage: str | None) -> tuple[float, str]:
    """How far a reading is, 0..1, and what is being done now.

    Args:
        stage: the last stage that has ended.
    """
    if status == "read":
        return 1.0, ""
    if status != "reading":
        return 0.0, "waiting for its turn" if status == "received" else ""
    names = list(STAGES)
    done = names.index(stage) + 1 if stage in STAGES else 0
    return (done + 0.5) / (len(names) + 0.5), STAGES[names[min(done, len(names) - 1)]]


def literal(text: str) -> str:
    """Text that comes from outside, for Markdown: every sign that could mean something there stands for itself."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])", r"\\\1", " ".join(text.split()))


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Label and value pairs as an HTML description list; both may come from outside."""
    return (
        f'<dl class="facts">{"".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)}</dl>'
    )
