"""What was bought: rows between the head of the bill and its sums."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from billocr_assets.fields.lexicon import concepts
from billocr_assets.fields.model import Item
from billocr_assets.fields.money import Amount, find_amounts, find_money
from billocr_assets.fields.rows import Row, is_heading

_QUANTITY_FIRST = re.compile(r"^\s*(\d{1,3})(?: ?[xX*] ?| )(?=\D)")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class _Priced:
    """A row with an amount, and what is left of it as a name."""

    row: Row
    amount: Amount
    quantity: Decimal | None
    unit_price: Decimal | None
    name: str


def find_items(rows: list[Row], separator: str | None) -> tuple[Item, ...]:
    """Items in the order of the bill. A name may stand on the row of the amount, above it or below it."""
    start, end = _region(rows, separator)
    region = rows[start:end]
    priced = [_priced(row, separator) for row in region]
    numbers = [each for each in priced if each]
    if not numbers:
        return ()
    nameless = [i for i, each in enumerate(priced) if each and not _is_name(each.name)]
    below = (
        bool(nameless)
        and nameless[0] == next(i for i, each in enumerate(priced) if each)
        and (nameless[0] == 0 or not _is_name(region[nameless[0] - 1].text))
    )
    items = []
    for i, each in enumerate(priced):
        if each is None:
            continue
        name, members = each.name, [each.row]
        if not _is_name(name):
            step = 1 if below else -1
            near = i + step
            while 0 <= near < len(region) and priced[near] is None and not _is_name(region[near].text):
                near += step
            if 0 <= near < len(region) and priced[near] is None:
                name = region[near].text
                members = [region[near], each.row] if step < 0 else [each.row, region[near]]
        items.append(
            Item(
                name=" ".join(name.split()).strip(" :*-"),
                quantity=each.quantity,
                unit_price=each.unit_price,
                amount=each.amount.value,
                text=" ".join(row.text for row in members),
                sources=tuple(source for row in members for source in row.sources()),
                confidence=min(row.confidence() for row in members) * (0.9 if each.unit_price else 0.8),
            )
        )
    return tuple(items)


def _region(rows: list[Row], separator: str | None) -> tuple[int, int]:
    """From below the heading of the items, or the first amount, to the first sum."""
    heading = next(
        (i for i, row in enumerate(rows) if is_heading(row)),
        None,
    )
    first = next((i for i, row in enumerate(rows) if find_money(row.text, separator)), len(rows))
    if heading is not None and heading <= first:
        start = heading + 1
    else:
        start = max(first - 1, 0) if first < len(rows) and not _is_name(_priced_name(rows[first], separator)) else first
    sums = {"grand_total", "total", "subtotal", "rounding", "cash", "card", "change", "tax_summary"}
    for i in range(start, len(rows)):
        said = concepts(rows[i].text)
        if said & sums and (find_money(rows[i].text, separator) or i > first):
            return start, i
    return start, len(rows)


def _priced(row: Row, separator: str | None) -> _Priced | None:
    amounts = find_money(row.text, separator)
    if not amounts:
        return None
    last = amounts[-1]
    numbers = [
        amount
        for amount in find_amounts(row.text, separator)
        if amount.end <= last.start and abs(amount.value) < 100000
    ]
    quantity, unit = _factors(numbers, last.value)
    return _Priced(row, last, quantity, unit, _priced_name(row, separator))


def _priced_name(row: Row, separator: str | None) -> str:
    """The text before the first number column; the quantity in front taken off."""
    amounts = find_money(row.text, separator)
    text = row.text[: amounts[0].start] if amounts else row.text
    text = _QUANTITY_FIRST.sub("", text)
    return re.sub(
        r"(?:\s+\d{1,4}(?: ?(?:[xX@*]|ks|kus|szt|db|pcs|Stk|St)\b\.?)?|\s+[xX@*]|\s*(?:RM|EUR|€|\$))+\s*$", "", text
    ).strip()


def _factors(numbers: list[Amount], amount: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Two of the numbers whose product is the amount: quantity (first or whole) and unit price."""
    for unit in reversed(numbers):
        if unit.decimals < 2:
            continue
        for quantity in numbers:
            if quantity is not unit and abs((quantity.value * unit.value).quantize(_CENT) - amount) <= _CENT:
                return quantity.value, unit.value
    if len(numbers) == 1 and numbers[0].decimals == 0 and 0 < numbers[0].value < 1000 and amount:
        return numbers[0].value, None
    return None, None


def _is_name(text: str) -> bool:
    return any(len(word) >= 3 and not word.isdigit() for word in re.findall(r"[^\W\d_]+", text))
