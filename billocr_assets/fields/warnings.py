"""What on a bill does not add up or is open. A warning tells a person where to look; it never stops anything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

from billocr_assets.fields.model import Fields, Tax
from billocr_assets.fields.rows import rows_of
from billocr_assets.fields.totals import total_candidates
from billocr_assets.ocr.document import Document

_ZERO = Decimal(0)
# What rounding to cents can make of a tax.
_ROUNDING = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Warning:
    """``code`` for programs, the name of the ``field`` it concerns, and a sentence for people."""

    code: str
    field: str
    text: str


def find_warnings(fields: Fields, document: Document, today: date, settled: Collection[str] = ()) -> list[Warning]:
    """Warnings about a bill.

    Args:
        document: what the fields were found on.
        settled: names of fields that a person has set, which are not asked about again.
    """
    found = []
    for check in fields.checks:
        if not check.holds:
            found.append(Warning("sums", "total", f"{check.name} does not hold: {check.left} is not {check.right}."))
    if fields.items and (sums := _sums(fields)):
        items = sum((item.amount for item in fields.items), _ZERO)
        if items not in sums:
            found.append(Warning("items", "items", f"The items come to {items}, the total is {_shown(fields)}."))
    for tax in fields.taxes:
        if text := _tax(tax, fields):
            found.append(Warning("tax", "taxes", text))
    # The bill may come from where tomorrow has begun.
    if fields.date and fields.date.value > today + timedelta(days=1):
        found.append(Warning("future", "date", f"The date {fields.date.value.isoformat()} is in the future."))
    if fields.date and fields.date.ambiguous and "date" not in settled:
        either = " or ".join(candidate.isoformat() for candidate in fields.date.candidates)
        found.append(Warning("ambiguous", "date", f"The date can be {either}."))
    if fields.currency is None or fields.currency.value is None:
        printed = f", only “{fields.currency.text}”" if fields.currency else ""
        found.append(Warning("currency", "currency", f"The currency is not known{printed}."))
    if "total" not in settled and fields.consistency != "consistent":
        candidates = total_candidates(rows_of(document), fields.decimal_separator)
        if len(candidates) > 1:
            listed = ", ".join(map(str, candidates))
            found.append(Warning("totals", "total", f"Several amounts could be the total: {listed}."))
    return found


def _shown(fields: Fields) -> Decimal | None:
    sum_ = fields.total or fields.subtotal
    return sum_.value if sum_ else None


def _sums(fields: Fields) -> set[Decimal]:
    """What the items may come to: the subtotal, or the total without what is added at the foot."""
    sums = {fields.subtotal.value} if fields.subtotal else set()
    if fields.total:
        taxes = sum((tax.amount.value for tax in fields.taxes), _ZERO)
        parts = [{_ZERO, -taxes}]
        for part in (fields.rounding, fields.discount, fields.service):
            parts.append({_ZERO, part.value, -part.value} if part else {_ZERO})
        sums |= {fields.total.value + sum(way, _ZERO) for way in product(*parts)}
    return sums


def _tax(tax: Tax, fields: Fields) -> str | None:
    if tax.rate is None:
        return None
    if tax.base is not None:
        due = [tax.base * tax.rate / 100]
    elif len(fields.taxes) == 1 and fields.total:
        # In the total, on top of the subtotal, or on top of what the total is without it.
        total = fields.total.value
        due = [total * tax.rate / (100 + tax.rate), (total - tax.amount.value) * tax.rate / 100]
        due += [fields.subtotal.value * tax.rate / 100] if fields.subtotal else []
    else:
        return None
    if any(abs(each - tax.amount.value) <= _ROUNDING for each in due):
        return None
    return f"Tax at {tax.rate} % would be {due[0]:.2f}, not {tax.amount.value}."
