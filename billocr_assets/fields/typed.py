"""What a person types into a field, as the field's own value. What can mean two things is refused, not guessed."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time
from decimal import Decimal

from billocr_assets.fields.dates import find_dates, find_times, settle_order
from billocr_assets.fields.money import CURRENCIES

_SIGNS = "|".join(sorted((re.escape(sign) for sign in CURRENCIES), key=len, reverse=True))
_AROUND = re.compile(rf"^(?P<minus>-)?(?:{_SIGNS})?\.? ?(?P<number>.*?) ?(?:{_SIGNS})?\.?$", re.IGNORECASE)
_PLAIN = re.compile(r"(\d{1,13})(?:([.,])(\d{1,4}))?")
_GROUPED = re.compile(r"(\d{1,3}(?:([ .,'])\d{3})(?:\2\d{3})*)(?:([.,])(\d{1,4}))?")
_MOST = Decimal(10) ** 12

# ISO 4217, the currencies in use.
_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND
VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CODES = frozenset(_CODES.split())


def typed_amount(text: str, separator: str | None = None) -> Decimal:
    """An amount as people type it: ``1.234,56``, ``1,234.56``, ``1 234,5``, ``€ 12``, ``12,-``, ``3.00-``.

    Args:
        separator: the decimal sign of the bill, which settles ``1.234``; None where it is not known.

    Raises:
        ValueError: it is no amount, or can be two; the text says which.
    """
    said = " ".join(unicodedata.normalize("NFKC", text).replace("−", "-").replace("’", "'").split())
    match = _AROUND.match(said)
    number = match["number"] if match else said
    negative = bool(match and match["minus"])
    if re.fullmatch(r"\(.*\)", number):
        number, negative = number[1:-1], True
    number = re.sub(r"(?<=\d)[.,]-{1,2}$", "", number)  # "12,-" is twelve
    if not negative and (signed := re.fullmatch(r"- ?(.*)|(.*?) ?-", number)):
        number, negative = signed[1] or signed[2] or "", True
    if plain := _PLAIN.fullmatch(number):
        whole, sign, decimals = plain.groups()
        if decimals and len(decimals) == 3 and len(whole) <= 3 and whole != "0":
            if separator is None:
                raise ValueError(
                    f"“{text.strip()[:40]}” can be {whole}{decimals} or {whole}.{decimals}. Write {whole}{decimals}.00 "
                    f"or {whole}.{decimals}0."
                )
            if sign != separator:
                whole, decimals = whole + decimals, None
    elif grouped := _GROUPED.fullmatch(number):
        whole, group, sign, decimals = grouped.groups()
        if sign == group:
            raise ValueError(f"“{text.strip()[:40]}” is no amount. Write it like 1234.56.")
        whole = whole.replace(group, "")
    else:
        raise ValueError(f"“{text.strip()[:40]}” is no amount. Write it like 1234.56.")
    value = Decimal(f"{whole}.{decimals}" if decimals else whole)
    if value >= _MOST:
        raise ValueError(f"“{text.strip()[:40]}” is too large for an amount.")
    return -value if negative and value else value


def typed_date(text: str, language: str | None = None) -> date:
    """A date as people type it: ``2026-03-04``, ``4.3.2026``, ``4 March 2026``.

    Args:
        language: of the bill, which settles ``3/4/2026`` where it has one order.

    Raises:
        ValueError: it is no date, or can be two; the text says which.
    """
    text = " ".join(text.split())
    found = [each for each in find_dates(text) if not re.sub(r"[\s.,]", "", text[: each.start] + text[each.end :])]
    if len(found) != 1:
        raise ValueError(f"“{text[:40]}” is no date from 1990 to 2050. Write it like 2026-03-04.")
    (each,) = settle_order(found, language)
    if len(each.candidates) > 1:
        first, second = (candidate.isoformat() for candidate in each.candidates)
        raise ValueError(f"“{text[:40]}” can be {first} or {second}. Please write one of these.")
    return each.candidates[0]


def typed_time(text: str) -> time:
    """A time of day: ``14:05``, ``14:05:30``, ``2:05 pm``.

    Raises:
        ValueError: it is none.
    """
    text = " ".join(text.split())
    found = find_times(text)
    if len(found) != 1 or found[0].start or found[0].end != len(text):
        raise ValueError(f"“{text[:40]}” is no time of day. Write it like 14:05.")
    return found[0].value


def typed_currency(text: str) -> str:
    """An ISO 4217 code, from itself or a sign that belongs to one currency alone.

    Raises:
        ValueError: it is no currency, or a sign of several.
    """
    said = text.strip().upper()
    code = CURRENCIES.get(said, said)
    if code is None:
        raise ValueError(f"“{text.strip()[:10]}” belongs to several currencies. Write the code, like USD.")
    if code not in CODES:
        raise ValueError(f"“{text.strip()[:10]}” is no currency. Write the code, like EUR.")
    return code
