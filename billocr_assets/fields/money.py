"""Amounts of money in text, with the decimal convention decided for the whole bill."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from billocr_assets.fields.dates import find_dates

# Signs and codes as printed, in upper case. None: the sign belongs to several currencies.
CURRENCIES: dict[str, str | None] = {
    "RM": "MYR", "MYR": "MYR", "€": "EUR", "EUR": "EUR", "EURO": "EUR", "KČ": "CZK", "KC": "CZK", "CZK": "CZK",
    "PLN": "PLN", "ZŁ": "PLN", "ZL": "PLN", "FT": "HUF", "HUF": "HUF", "£": "GBP", "GBP": "GBP", "USD": "USD",
    "CHF": "CHF", "SGD": "SGD", "S$": "SGD", "US$": "USD", "DH": "MAD", "MAD": "MAD", "$": None,
}  # fmt: skip
_CURRENCY = "|".join(sorted((re.escape(sign) for sign in CURRENCIES), key=len, reverse=True))
_CURRENCY_BEFORE = re.compile(rf"(?:^|(?<=[^A-Z]))({_CURRENCY})\.? *$", re.IGNORECASE)
_CURRENCY_AFTER = re.compile(rf"^ *({_CURRENCY})(?![A-Z])", re.IGNORECASE)

# Digits in groups or in one run, then two decimals, or three (fuel, weights), or the ",-" of whole crowns.
_NUMBER = (
    r"(?:(?<![\d.,:/\-A-Z#])|(?<=[ :]/)|(?<=RM|KC)|(?<=EUR|GBP|USD|CHF|MYR|PLN|CZK|HUF)"
    r"|(?<=[€$£])|(?<=(?<![A-Z\d])S))(?P<sign>- ?)?"
    r"(?P<whole>\d{1,3}(?:[GROUP]\d{3})+(?!\d)|\d+|(?=[.,]\d\d(?!\d)))"
    r"(?:(?P<gap> ?)(?P<point>[.,])(?P=point)? ?(?P<cents>\d{2,4}|[-–—](?!\d)))?"
    r"(?P<minus>-(?!\d))?(?![\d%]|/[\d%]|:\d|[.,]\d| ?(?:%|(?:UHR|HRS?|[AP]M)\b))"
)
_ANY_GROUPS = re.compile(_NUMBER.replace("GROUP", " .,'’"), re.IGNORECASE)
# Where decimals have a point, groups are never set apart by blanks: "1 100.00" is a quantity and a price.
_POINT_GROUPS = re.compile(_NUMBER.replace("GROUP", ".,'’"), re.IGNORECASE)
# An amount in which the recogniser took a digit or two for letters.
_MISREAD = re.compile(r"(?<![^\W_])(?=\S*\d\S*\d)(?!S)(?!\d+[.,]\dl(?!\w))[\dOoIlSB]{1,6}[.,][\dOoIlSB]{2}(?![^\W_])")
_AS_DIGITS = str.maketrans("OoIlSB", "001158")
_LOOKS_DECIMAL = re.compile(r"\d([.,])\d{2}(?![\d.,])")
# The convention of a bill whose amounts have no decimals, as in Hungary: a whole number that ends its column is money.
WHOLE = " "
_WHOLE_LAST = re.compile(r"^(?:,-)?(?: ?(?:Ft|HUF)\.?)?(?: *[A-Z]| \d)?(?: {2}| *$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in a text.

    Attributes:
        start, end: of the number in the text, currency left out.
        text: as printed, with a currency sign that touches it.
        decimals: digits after the decimal sign as printed.
        currency: the sign or code beside it, as printed.
    """

    start: int
    end: int
    text: str
    value: Decimal
    decimals: int
    currency: str | None


def decimal_separator(texts: Iterable[str]) -> str | None:
    """The sign before two last digits on most amounts of a bill: ``.``, ``,`` or None where there is none."""
    signs = [match for text in texts for match in _LOOKS_DECIMAL.findall(_without_dates(text))]
    if not signs:
        return None
    return max(".,", key=signs.count)


def find_amounts(text: str, separator: str | None = None) -> list[Amount]:
    """Numbers of a text that can be money, from left to right; percentages, dates, times and codes are none."""
    return list(_amounts(text, separator))


@lru_cache(maxsize=1024)
def _amounts(text: str, separator: str | None) -> tuple[Amount, ...]:
    text = _MISREAD.sub(lambda match: match.group().translate(_AS_DIGITS), _without_dates(text))
    amounts = []
    for match in (_POINT_GROUPS if separator == "." else _ANY_GROUPS).finditer(text):
        value, decimals = _value(match, separator)
        start = match.start()
        before, after = text[:start], text[match.end() :]
        sign = _CURRENCY_BEFORE.search(before)
        currency = sign or _CURRENCY_AFTER.search(after)
        # A whole number takes no sign that belongs to the amount beside it: "1  GBP3.95", "39,60 Kč  2".
        if not decimals and (
            (sign and re.search(r"[\d-] ?$", before[: sign.start()]))
            or (not sign and currency and re.match(r"\.? ?\d", after[currency.end() :]))
        ):
            sign = currency = None
        if sign and before[: sign.start()].rstrip().endswith("-"):
            value = -value
        # A sign that touches the number is printed with it.
        glued = sign[1] if sign and before.endswith(sign[1]) else ""
        printed = glued + re.sub(r"(?<=\d) ?([.,])\1? ?(?=\d)", r"\1", match.group().strip())
        amounts.append(Amount(start, match.end(), printed, value, decimals, currency[1] if currency else None))
    return tuple(amounts)


@lru_cache(maxsize=4096)
def _without_dates(text: str) -> str:
    """The text with a letter for each digit of its dates and of the times beside them."""
    for each in find_dates(text):
        end = each.end
        if clock := re.match(r"[ ,]*\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?![\d.,])", text[end:]):
            end += clock.end()
        text = text[: each.start] + re.sub(r"\d", "x", text[each.start : end]) + text[end:]
    return text


def find_money(text: str, separator: str | None = None) -> list[Amount]:
    """Amounts that are surely money: with two decimals, or whole with the currency beside them.

    On a bill of whole amounts: whole numbers of up to seven digits that end their column.
    """
    amounts = find_amounts(text, separator)
    if separator == WHOLE:
        return [
            amount
            for amount in amounts
            if amount.currency or (amount.value < 10**7 and not amount.decimals and _ends_column(text, amount))
        ]
    return [amount for amount in amounts if amount.decimals == 2 or (amount.decimals < 2 and amount.currency)]


def _ends_column(text: str, amount: Amount) -> bool:
    """Whether a number is the last of its column, and not the figure for the tax behind an amount ("3 947 2")."""
    if amount.end - amount.start == 1 and re.search(r"\d(?: ?(?:Ft|HUF)\.?)? +$", text[: amount.start], re.IGNORECASE):
        return False
    return _WHOLE_LAST.match(text[amount.end :]) is not None


def _value(match: re.Match[str], separator: str | None) -> tuple[Decimal, int]:
    whole, point, cents = match["whole"], match["point"], match["cents"] or ""
    cents = "" if not cents.isdigit() else cents
    # "1.234": three last digits after the bill's own decimal sign are decimals, after any other sign a group.
    last = re.search(r"[.,](\d{3})$", whole)
    if not cents and not point and last and whole[-4] == separator:
        whole, cents = whole[:-4], last[1]
    elif len(cents) == 3 and point != separator:
        whole, cents = whole + cents, ""
    digits = re.sub(r"\D", "", whole) or "0"
    value = Decimal(f"{digits}.{cents}" if cents else digits)
    return (-value if match["sign"] or match["minus"] else value), len(cents)
