"""How states, times and sizes are said to a person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from html import escape
from typing import Literal
from zoneinfo import ZoneInfo

import streamlit as st
from babel.dates import format_date
from babel.numbers import format_decimal

from billocr_assets.store.reading import STAGES
from billocr_assets.store.schema import User
from billocr_ui.strings import Words, language_of, words

ENGLISH = words("en")
STATUS_COLOURS: dict[str, Literal["gray", "blue", "green", "red"]] = {
    "received": "gray",
    "reading": "blue",
    "read": "green",
    "failed": "red",
}


def page_words(user: User) -> Words:
    """The language of the page that runs now: the user's, else the browser's."""
    return words(language_of(user.language, st.context.locale))


def page_zone() -> tzinfo | None:
    """The time zone of the browser that the page runs for."""
    return time_zone(st.context.timezone)


def time_zone(name: str | None) -> tzinfo | None:
    """The browser's time zone, or None (the server's) where it names none that is known here."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def when(moment: datetime, now: datetime, zone: tzinfo | None, say: Words = ENGLISH) -> str:
    """A moment in the reader's day: ``today 14:05``, ``yesterday 09:30``, ``3 Nov 2026``."""
    moment, now = moment.astimezone(zone), now.astimezone(zone)
    if moment.date() == now.date():
        return say("when.today", time=f"{moment:%H:%M}")
    if moment.date() == now.date() - timedelta(days=1):
        return say("when.yesterday", time=f"{moment:%H:%M}")
    return day(moment.date(), say)


def day(value: date, say: Words = ENGLISH) -> str:
    return format_date(value, "medium", locale=say.locale)


def size(count: int, say: Words = ENGLISH) -> str:
    """Bytes as ``812 kB``, ``3.4 MB`` or ``1.5 GB``, by 1,024 as limits are set and browsers count."""
    if count < 2**20:
        return f"{max(1, round(count / 2**10)) if count else 0} kB"
    scale, unit = (2**30, "GB") if count >= 2**30 else (2**20, "MB")
    return f"{format_decimal(count / scale, format='0.#', locale=say.locale)} {unit}"


def number(value: int, say: Words = ENGLISH) -> str:
    return format_decimal(value, locale=say.locale)


def pages(count: int, say: Words = ENGLISH) -> str:
    return say("count.pages", count=count)


def bills(count: int, say: Words = ENGLISH) -> str:
    return say("count.bills.one") if count == 1 else say("count.bills.other", count=number(count, say))


def some_of(shown: int, counts: dict[str, int], say: Words = ENGLISH) -> str:
    """How many bills are listed, and how many of all that match are not read yet or could not be."""
    open_, failed = counts["received"] + counts["reading"], counts["failed"]
    parts = [bills(shown, say)]
    if open_:
        parts.append(say("bills.still", count=number(open_, say)))
    if failed:
        parts.append(say("bills.not_read", count=number(failed, say)))
    return " · ".join(parts)


def money(value: Decimal | str, currency: str | None, say: Words = ENGLISH) -> str:
    amount = format_decimal(Decimal(value), format="#,##0.00", locale=say.locale)
    return f"{amount} {currency}" if currency else amount


def progress(status: str, stage: str | None, say: Words = ENGLISH) -> tuple[float, str]:
    """How far a reading is, 0..1, and what is being done now.

    Args:
        stage: the last stage that has ended; the sentence says what comes after it.
    """
    if status == "read":
        return 1.0, ""
    if status != "reading":
        return 0.0, say("stage.waiting") if status == "received" else ""
    done = STAGES.index(stage) + 1 if stage in STAGES else 0
    return (done + 0.5) / (len(STAGES) + 0.5), say(f"stage.{STAGES[min(done, len(STAGES) - 1)]}")


def refused_login(code: str, say: Words) -> str:
    """Why logging in by a provider has failed, by the code that came back from there."""
    known = ("not_allowed", "email_taken", "identity_taken")
    return say(f"login.refused_{code if code in known else 'provider'}")


def literal(text: str) -> str:
    """Text that comes from outside, for Markdown: every sign that could mean something there stands for itself."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])", r"\\\1", " ".join(text.split()))


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Label and value pairs as an HTML description list; both may come from outside."""
    return (
        f'<dl class="facts">{"".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)}</dl>'
    )
