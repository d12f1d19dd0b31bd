"""The content of an invented bill: who sold what, and sums that add up to the last cent."""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from training.data.synthetic import corpus
from training.data.synthetic.corpus import Locale

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Item:
    """``amount`` is quantity times unit price, rounded; ``rate`` is its tax in percent."""

    name: str
    code: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True)
class TaxLine:
    """``net`` + ``tax`` = ``gross``, all items of one rate."""

    rate: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """One bill.

    sum(item amounts) = ``subtotal``; ``subtotal`` - ``discount`` + ``service`` + (taxes unless ``tax_included``) +
    ``rounding`` = ``total`` = sum of gross + ``rounding``; ``tendered`` - ``total`` = ``change``.
    """

    locale: Locale
    category: str
    company: str
    address: tuple[str, ...]
    when: datetime.datetime
    items: tuple[Item, ...]
    subtotal: Decimal
    discount: Decimal
    service: Decimal
    service_rate: int
    tax_included: bool
    taxes: tuple[TaxLine, ...]
    rounding: Decimal
    total: Decimal
    cash: bool
    tendered: Decimal
    change: Decimal


def make_bill(r: random.Random, locale_code: str, most_items: int = 18) -> Bill:
    """A bill of the locale with 1 to ``most_items`` items, few being likelier."""
    where = corpus.locale(locale_code)
    unit = Decimal(1) if where.decimals == 0 else CENT
    category = r.choice(("grocery", "grocery", "restaurant", "retail"))
    rates = sorted(set(r.sample(where.tax_rates, r.choice((1, 1, 2)))), reverse=True)
    tax_included = locale_code not in ("en", "ms") or r.random() < 0.6
    items = tuple(
        _item(r, where, category, r.choice(rates), unit) for _ in range(min(most_items, 1 + int(r.expovariate(0.16))))
    )
    subtotal = sum((item.amount for item in items), Decimal(0))
    discount = _round(subtotal * r.choice((5, 10, 15)) / 100, unit) if r.random() < 0.12 else Decimal(0)
    service_rate = r.choice((5, 10, 12)) if category == "restaurant" and r.random() < 0.25 else 0
    service = _round((subtotal - discount) * service_rate / 100, unit)

    taxes = []
    for rate in rates:
        base = sum((item.amount for item in items if item.rate == rate), Decimal(0))
        if base:
            taxes.append((rate, base))
    # Discount and service go to the first rate.
    taxes[0] = (taxes[0][0], taxes[0][1] - discount + service)
    tax_lines = tuple(_tax(rate, base, tax_included, unit) for rate, base in taxes)
    exact = sum((line.gross for line in tax_lines), Decimal(0))
    cash = r.random() < 0.6
    step = where.cash_step
    total = (exact / step).quantize(Decimal(1), ROUND_HALF_UP) * step if cash and step > unit else exact
    total = total.quantize(unit)
    tendered = _tender(r, total, step if step > unit else unit) if cash else total
    return Bill(
        locale=where,
        category=category,
        company=corpus.merchant(where, r),
        address=tuple(corpus.address(where, r)),
        when=corpus.moment(r),
        items=items,
        subtotal=subtotal,
        discount=discount,
        service=service,
        service_rate=service_rate,
        tax_included=tax_included,
        taxes=tax_lines,
        rounding=total - exact,
        total=total,
        cash=cash,
        tendered=tendered,
        change=tendered - total,
    )


def _item(r: random.Random, where: Locale, category: str, rate: Decimal, unit: Decimal) -> Item:
    quantity = Decimal(r.choices((1, 2, 3, 4, 6, 10, 12), (14, 4, 2, 1, 1, 0.5, 0.5))[0])
    if category == "grocery" and r.random() < 0.12:
        quantity = Decimal(r.randrange(80, 2600)) / 1000
    price = corpus.price(where, r)
    digits = r.choice((5, 6, 7, 8, 13, 13))
    code = "".join(r.choices("0123456789", k=digits))
    return Item(corpus.item(where, r, category), code, quantity, price, _round(quantity * price, unit), rate)


def _tax(rate: Decimal, base: Decimal, included: bool, unit: Decimal) -> TaxLine:
    if included:
        net = _round(base / (1 + rate / 100), unit)
        return TaxLine(rate, net, base - net, base)
    tax = _round(base * rate / 100, unit)
    return TaxLine(rate, base, tax, base + tax)


def _tender(r: random.Random, total: Decimal, step: Decimal) -> Decimal:
    """What a customer hands over: the exact sum, or the next round one."""
    if r.random() < 0.25:
        return total
    note = r.choice((1, 5, 10, 50, 100)) * step * 100
    return (total // note + 1) * note


def _round(value: Decimal, unit: Decimal) -> Decimal:
    return value.quantize(unit, ROUND_HALF_UP)
