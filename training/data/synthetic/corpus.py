"""What bills say: word lists of eight locales, number formats, and invented words, names and codes."""

from __future__ import annotations

import datetime
import random
import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

LOCALES = ("en", "de", "cs", "sk", "pl", "hu", "fr", "ms")

_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Locale:
    """One language's lists, as in ``locales/CODE.toml``."""

    code: str
    lists: dict[str, tuple[str, ...]]
    items: dict[str, tuple[str, ...]]
    currency: str
    symbol_after: bool
    decimal: str
    thousands: str
    decimals: int
    scale: float
    cash_step: Decimal
    tax_rates: tuple[Decimal, ...]

    def pick(self, key: str, r: random.Random) -> str:
        """One entry of a list; its placeholders {n} {w} {c} {r} are filled."""
        text = r.choice(self.lists[key])
        return fill(text, self, r) if "{" in text else text

    def money(self, amount: Decimal, grouped: bool = True, decimals: int | None = None) -> str:
        """``amount`` as printed in the locale, without a currency sign."""
        text = f"{amount:,.{self.decimals if decimals is None else decimals}f}"
        if not grouped:
            text = text.replace(",", "")
        return text.replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousands)


@cache
def locale(code: str) -> Locale:
    """The locale of ``code``, one of :data:`LOCALES`."""
    data = tomllib.loads((Path(__file__).parent / "locales" / f"{code}.toml").read_text(encoding="utf-8"))
    scalar = ("currency", "decimal", "thousands", "cash_step", "tax_rates")
    split = {key: tuple(value.split("|")) for key, value in data.items() if isinstance(value, str)}
    return Locale(
        code=code,
        lists={key: value for key, value in split.items() if key not in scalar},
        items={key: tuple(value.split("|")) for key, value in data["items"].items()},
        currency=data["currency"],
        symbol_after=data["symbol_after"],
        decimal=data["decimal"],
        thousands=data["thousands"],
        decimals=data["decimals"],
        scale=data["scale"],
        cash_step=Decimal(data["cash_step"]),
        tax_rates=tuple(Decimal(rate.replace(",", ".")) for rate in split["tax_rates"]),
    )


@cache
def characters(code: str) -> str:
    """Every character that bills of the locale are likely to need, sorted."""
    where = locale(code)
    lists = (*where.lists.values(), *where.items.values())
    return "".join(sorted({c for entries in lists for entry in entries for c in entry}))


def pattern(text: str, r: random.Random) -> str:
    """``text`` with a random digit for every # and a random capital for every @."""
    return re.sub(r"[#@]", lambda m: r.choice("0123456789") if m[0] == "#" else r.choice(_CAPITALS), text)


def fill(text: str, where: Locale, r: random.Random) -> str:
    """``text`` with {n} a number, {w} an invented word, {c} a code, {r} a tax rate."""
    for mark, value in (
        ("{n}", lambda: str(r.randrange(10 ** r.choice((1, 2, 2, 4, 6))))),
        ("{w}", lambda: pseudo_word(where.code, r).lower()),
        ("{c}", lambda: code(r)),
        ("{r}", lambda: str(r.choice(where.tax_rates)).replace(".", where.decimal)),
    ):
        while mark in text:
            text = text.replace(mark, value(), 1)
    return text


@cache
def _letter_model(locale_code: str) -> dict[str, list[str]]:
    """Order-2 letter model of the locale's own words: two letters to the letters that may follow."""
    where = locale(locale_code)
    words = set(
        re.findall(r"[^\W\d_]{3,}", " ".join(e for es in (*where.lists.values(), *where.items.values()) for e in es))
    )
    follow: dict[str, list[str]] = defaultdict(list)
    for word in sorted(words):
        padded = f"^^{word.lower()}$"
        for i in range(len(padded) - 2):
            follow[padded[i : i + 2]].append(padded[i + 2])
    return dict(follow)


def pseudo_word(locale_code: str, r: random.Random, longest: int = 12) -> str:
    """A word that the language could have; capitalised."""
    follow, word = _letter_model(locale_code), "^^"
    while len(word) < longest + 2 and (c := r.choice(follow[word[-2:]])) != "$":
        word += c
    return word[2:].capitalize()


def code(r: random.Random) -> str:
    """A serial number, article code or check string."""
    alphabet = r.choice(("0123456789", "0123456789ABCDEF", _CAPITALS + "0123456789", _CAPITALS + "0123456789-/."))
    return "".join(r.choices(alphabet, k=r.choice((3, 5, 6, 8, 10, 13, 16))))


def moment(r: random.Random) -> datetime.datetime:
    """A time at which shops are open."""
    day = datetime.date(2012, 1, 1) + datetime.timedelta(days=r.randrange(16 * 365))
    return datetime.datetime.combine(day, datetime.time(r.randrange(7, 23), r.randrange(60), r.randrange(60)))


def format_date(where: Locale, when: datetime.datetime, form: str) -> str:
    """``when`` by a strftime pattern, month and day names in the locale's language."""
    names = {
        "%b": where.lists["months"][when.month - 1],
        "%B": where.lists["long_months"][when.month - 1],
        "%a": where.lists["days"][when.weekday()],
        "%A": where.lists["days"][when.weekday()],
    }
    for mark, name in names.items():
        form = form.replace(mark, name)
    return when.strftime(form)


def merchant(where: Locale, r: random.Random) -> str:
    """An invented company name."""
    name = r.choice(
        (
            where.pick("shop_names", r),
            where.pick("shop_names", r),
            where.pick("surnames", r),
            pseudo_word(where.code, r, 9),
            f"{where.pick('surnames', r)} & {where.pick('surnames', r)}",
            f"{pseudo_word(where.code, r, 8)} {pseudo_word(where.code, r, 8)}",
        )
    )
    kind = where.pick("shop_kinds", r)
    parts = [name, kind] if where.code in ("en", "ms") and r.random() < 0.7 else [kind, name]
    if r.random() < 0.35:
        parts = [name]
    if r.random() < 0.6:
        parts.append(where.pick("legal", r))
    return " ".join(parts).replace(" ,", ",")


def address(where: Locale, r: random.Random) -> list[str]:
    """An invented postal address, one entry a printed line."""
    street = r.choice(where.lists["street_form"])
    for mark, value in (
        ("{street}", where.pick("streets", r)),
        ("{n}", str(r.randrange(1, 200))),
        ("{m}", str(r.randrange(1, 30))),
        ("{l}", r.choice("ABCab")),
    ):
        street = street.replace(mark, value)
    lines = [street]
    if "suburbs" in where.lists and r.random() < 0.8:
        lines.append(where.pick("suburbs", r))
    city = r.choice(where.lists["city_form"]).replace("{city}", where.pick("cities", r))
    return [*lines, pattern(city, r)]


def phone(where: Locale, r: random.Random) -> str:
    return f"{where.pick('phone_label', r)} {pattern(r.choice(where.lists['phone']), r)}"


def tax_id(where: Locale, r: random.Random) -> str:
    return pattern(r.choice(where.lists["vat_ids"]), r)


def item(where: Locale, r: random.Random, category: str | None = None) -> str:
    """What was sold: usually from the lists, sometimes invented."""
    if r.random() < 0.12:
        return " ".join(pseudo_word(where.code, r) for _ in range(r.randint(1, 3)))
    return r.choice(where.items[category or r.choice(tuple(where.items))])


def price(where: Locale, r: random.Random) -> Decimal:
    """A shelf price, log-uniform from about 0.4 to 60 euros' worth, mostly with a rounded ending."""
    value = Decimal(str(round(where.scale * 0.4 * 150 ** r.random(), 2)))
    if where.decimals == 0:
        return max(Decimal(5), (value // 5) * 5 - r.choice((0, 0, 1)))
    if where.scale > 5 or r.random() < 0.3:
        value = value.quantize(Decimal("0.1"))
    elif r.random() < 0.4:
        value = value.to_integral_value() + r.choice(
            (Decimal("0.99"), Decimal("0.50"), Decimal("0.95"), Decimal("0.49"))
        )
    return max(value, Decimal("0.10")).quantize(Decimal("0.01"))
