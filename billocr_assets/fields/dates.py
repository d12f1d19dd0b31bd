"""Dates and times in text; an order of day and month that the print leaves open is reported, not guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time
from functools import lru_cache
from typing import Literal

_DIGIT = "[0-9OoDQIl|iSBZz]"
_SEPARATOR = r" ?[-/.,'] ?"
_NUMERIC = re.compile(
    rf"(?<![\d.,/\-])({_DIGIT}{{1,2}})({_SEPARATOR})({_DIGIT}{{1,2}})({_SEPARATOR})({_DIGIT}{{4}}|{_DIGIT}{{2}})(?![\d]|[/.,\-]\d)"
)
# Day, month and year with one of the two signs between them lost.
_GLUED = re.compile(r"(?<![\d.,/\-])(\d{2})([-/.]?)(\d{2})([-/.]?)(20\d\d)(?!\d)")
_YEAR_FIRST = re.compile(r"(?<![\d.,/\-])((?:19|20)\d\d) ?([-/.]) ?(\d{1,2}) ?[-/.] ?(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(20[0-4]\d)(0[1-9]|1[0-2])([0-2]\d|3[01])(?!\d)")
_DAY_NAME_YEAR = re.compile(r"(?<!\d)(\d{1,2})\.?[-/. ']{0,2}([A-Z]{3,12})\.?[-/. ,']{0,2}(\d{4}|\d{2})(?!\d|:\d)")
_YEAR_NAME_DAY = re.compile(r"(?<!\d)(20\d\d)[., ]{1,3}([A-Z]{3,12})\.? ?(\d{1,2})(?!\d|:\d)\.?")
_NAME_DAY_YEAR = re.compile(r"(?<![A-Z])([A-Z]{3,12})\.?[-/. ]{0,2}(\d{1,2})[-/. ,']{1,2}(\d{4}|\d{2})(?!\d|:\d)")
_TIME = re.compile(
    r"(?<![\d:.])([01]?\d|2[0-3]) ?[:.] ?([0-5]\d)(?: ?[:.] ?([0-5]\d))?(?![\d:])(?: ?(AM|PM|A\.M\.|P\.M\.))?", re.I
)

# Months as bills write them, folded, in en, ms, de, cs, sk, pl, hu and fr; any three first letters are enough.
_MONTHS: tuple[tuple[str, ...], ...] = (
    ("JANUARY", "JANUARI", "JANUAR", "JANUARA", "JAENNER", "LEDEN", "LEDNA", "STYCZEN", "STYCZNIA", "JANVIER"),
    ("FEBRUARY", "FEBRUARI", "FEBRUAR", "FEBRUARA", "UNOR", "UNORA", "LUTY", "LUTEGO", "FEVRIER"),
    ("MARCH", "MAC", "MAERZ", "MARZ", "MRZ", "BREZEN", "BREZNA", "MAREC", "MARZEC", "MARCA", "MARCIUS", "MARS"),
    ("APRIL", "APRILA", "APRILIS", "DUBEN", "DUBNA", "KWIECIEN", "KWIETNIA", "AVRIL"),
    ("MAY", "MEI", "MAI", "KVETEN", "KVETNA", "MAJ", "MAJA", "MAJUS"),
    ("JUNE", "JUN", "JUNI", "JUNA", "CERVEN", "CERVNA", "CZERWIEC", "CZERWCA", "JUNIUS", "JUIN"),
    ("JULY", "JULAI", "JULI", "JULA", "CERVENEC", "CERVENCE", "LIPIEC", "LIPCA", "JULIUS", "JUILLET"),
    ("AUGUST", "AUGUSTA", "OGOS", "SRPEN", "SRPNA", "SIERPIEN", "SIERPNIA", "AUGUSZTUS", "AOUT"),
    ("SEPTEMBER", "SEPTEMBRA", "ZARI", "WRZESIEN", "WRZESNIA", "SZEPTEMBER", "SEPTEMBRE"),
    ("OCTOBER", "OKTOBER", "OKTOBRA", "RIJEN", "RIJNA", "PAZDZIERNIK", "PAZDZIERNIKA", "OCTOBRE"),
    ("NOVEMBER", "NOVEMBRA", "LISTOPAD", "LISTOPADU", "LISTOPADA", "NOVEMBRE"),
    ("DECEMBER", "DECEMBRA", "DISEMBER", "DEZEMBER", "PROSINEC", "PROSINCE", "GRUDZIEN", "GRUDNIA", "DECEMBRE"),
)


# Languages whose numeric dates begin with the day, or with the year.
_DAY_FIRST = frozenset(("cs", "de", "fr", "hu", "ms", "pl", "sk"))


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text: ``candidates`` has each date that the print allows, day before month first."""

    start: int
    end: int
    text: str
    candidates: tuple[date, ...]
    order_from: Literal["date", "language"] | None = None


@dataclass(frozen=True, slots=True)
class FoundTime:
    start: int
    end: int
    text: str
    value: time


def find_dates(text: str) -> list[FoundDate]:
    """Dates of a text from left to right. Letters that look like digits are read as digits inside a date."""
    return list(_dates(text))


@lru_cache(maxsize=4096)
def _dates(text: str) -> tuple[FoundDate, ...]:
    folded = _fold(text)
    found: list[FoundDate] = []

    def add(match: re.Match[str], candidates: Iterable[date | None], printed: str | None = None) -> None:
        if any(match.start() < other.end and other.start < match.end() for other in found):
            return
        possible = tuple(dict.fromkeys(candidate for candidate in candidates if candidate))
        if possible:
            start, end = match.span()
            found.append(FoundDate(start, end, (printed or text[start:end]).strip(), possible))

    for match in _YEAR_FIRST.finditer(folded):
        add(match, [_date(match[1], match[3], match[4])])
    for match in _NUMERIC.finditer(text):
        if sum(map(str.isdigit, match.group())) < 4:
            continue
        add(match, _numeric(match), _printed(match))
    for match in _GLUED.finditer(text):
        if match[2] or match[4]:
            add(match, _numeric(match), _printed(match))
    for match in _overlapping(_YEAR_NAME_DAY, folded):
        add(match, [_date(match[1], month, match[3]) for month in _months(match[2])])
    for match in _overlapping(_DAY_NAME_YEAR, folded):
        add(match, [_date(match[3], month, match[1]) for month in _months(match[2])])
    for match in _overlapping(_NAME_DAY_YEAR, folded):
        add(match, [_date(match[3], month, match[2]) for month in _months(match[1])])
    for match in _COMPACT.finditer(folded):
        add(match, [_date(*match.groups())])
    return tuple(sorted(found, key=lambda each: each.start))


def _overlapping(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """All matches, also those that begin within another: "32 Sat 31 Aug 2024" has two numbers before a word."""
    match = pattern.search(text)
    while match:
        yield match
        match = pattern.search(text, match.start() + 1)


def find_near_dates(text: str) -> list[FoundDate]:
    """Dates that are none because one digit was misread, with the dates they can have been.

    The digit is one of the day, of the month, or the year's second, which is known to be a nought.
    """
    found = []
    for match in _NUMERIC.finditer(text):
        day, month, year = (_digits(match[group]) for group in (1, 3, 5))
        possible = [
            candidate
            for place, part in enumerate((day, month))
            for i, digit in enumerate(part)
            for other in _LOOK_ALIKE.get(digit, "")
            for parts in [[day, month]]
            if (candidate := _date(year, *reversed(_replaced(parts, place, part[:i] + other + part[i + 1 :]))))
        ]
        if not possible and re.fullmatch(r"2[1-9]\d\d", year):
            year = f"20{year[2:]}"
            possible = [each for each in _either_order(match, year) if each]
        candidates = tuple(dict.fromkeys(possible))
        if candidates:
            sign = next((sign for sign in (match[4].strip(), match[2].strip()) if sign and sign in "-/."), ".")
            printed = f"{candidates[0].day:02}{sign}{candidates[0].month:02}{sign}{year}"
            found.append(FoundDate(*match.span(), printed, candidates))
    return found


def _replaced(parts: list[str], place: int, part: str) -> list[str]:
    return [part if i == place else other for i, other in enumerate(parts)]


# The digits that a misread one can have been, the likeliest first.
_LOOK_ALIKE = {"3": "02", "4": "1", "5": "3", "6": "0", "7": "21", "8": "03", "9": "0"}


def find_times(text: str) -> list[FoundTime]:
    """Times of day of a text; a number with a point needs seconds or AM/PM to be one, or it would be a price."""
    times = []
    for match in _TIME.finditer(text):
        if ":" not in match.group() and not (match[3] or match[4]):
            continue
        hour = int(match[1])
        if match[4] and hour <= 12:
            hour = hour % 12 + (12 if match[4].upper().startswith("P") else 0)
        times.append(FoundTime(*match.span(), match.group().strip(), time(hour, int(match[2]), int(match[3] or 0))))
    return times


def settle_order(dates: Iterable[FoundDate], language: str | None = None) -> list[FoundDate]:
    """Open orders settled by another date of the same bill with the same sign, or by the bill's language.

    English is written in both orders and settles nothing.
    """
    listed = list(dates)
    orders: dict[str, set[bool]] = {}
    for each in listed:
        if len(each.candidates) == 1 and (parts := _parts(each)):
            orders.setdefault(parts[1], set()).add(int(parts[0]) == each.candidates[0].day)
    settled = []
    for each in listed:
        parts = _parts(each)
        known = orders.get(parts[1], set()) if parts else set()
        if len(each.candidates) == 2 and len(known) == 1:
            each = replace(each, candidates=(each.candidates[0 if known == {True} else 1],), order_from="date")
        elif len(each.candidates) == 2 and language in _DAY_FIRST:
            each = replace(each, candidates=each.candidates[:1], order_from="language")
        settled.append(each)
    return settled


def _parts(each: FoundDate) -> tuple[str, str] | None:
    """The first number and the sign of a date written as two small numbers and a year."""
    match = re.fullmatch(r"(\d{1,2})(\D) ?\d{1,2}\D+\d{2,4}", each.text)
    return (match[1], match[2]) if match else None


def _numeric(match: re.Match[str]) -> list[date | None]:
    return _either_order(match, _digits(match[5]))


def _either_order(match: re.Match[str], year: str) -> list[date | None]:
    first, second = _digits(match[1]), _digits(match[3])
    day_first = _date(year, second, first)
    # Points stand between day, month and year only; with other signs the month may come first.
    if "." in match[2] or (day_first and first == second):
        return [day_first]
    return [day_first, _date(year, first, second)]


def _printed(match: re.Match[str]) -> str | None:
    """The date with like separators and digits alone, which is what stood there; None where nothing is to mend."""
    first, second = match[2].strip(), match[4].strip()
    if first == second and match.group().replace(" ", "").translate(_AS_DIGIT) == match.group():
        return None
    sign = next((sign for sign in (first, second) if sign and sign in "-/."), ".")
    return sign.join(_digits(match[group]) for group in (1, 3, 5))


_AS_DIGIT = str.maketrans("OoDQIl|iSBZz", "000011115822")


def _digits(text: str) -> str:
    return text.translate(_AS_DIGIT)


def _date(year: str, month: str | int, day: str) -> date | None:
    number = int(year)
    if number < 100:
        number += 2000
    if not 1990 <= number <= 2050:
        return None
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return None


def _months(name: str) -> list[int]:
    exact = [month for month, names in enumerate(_MONTHS, 1) if name in names]
    return exact or [month for month, names in enumerate(_MONTHS, 1) if any(full.startswith(name) for full in names)]


@lru_cache(maxsize=4096)
def _fold(text: str) -> str:
    """Upper case without accents, of the same length."""
    return "".join(
        upper if len(upper := unicodedata.normalize("NFKD", char)[0].upper()) == 1 else char for char in text
    )
