"""What was bought: rows between the head of the bill and its sums."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal

from billocr_assets.fields.lexicon import concepts
from billocr_assets.fields.model import Item
from billocr_assets.fields.money import Amount, find_amounts, find_money
from billocr_assets.fields.rows import Row, is_heading

_QUANTITY_FIRST = re.compile(r"^\s*(\d{1,3})(?: ?[xX*] ?| )(?=\D)")
_NUMBERS_BEHIND = re.compile(
    r"(?:\s+\d{1,4}(?: ?(?:[xX@*]|(?:ks|kus|szt|db|pcs|Stk|St)\b\.?))?|\s+[xX@*]|\s*(?:RM|EUR|€|\$))+\s*$"
)
_SUMS = frozenset(("grand_total", "total", "subtotal", "rounding", "cash", "card", "change", "tax_summary"))
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class _Priced:
    """A row of the items that has an amount; ``name`` is what is left of it before its numbers."""

    row: Row
    amount: Decimal
    quantity: Decimal | None
    unit_price: Decimal | None
    name: str


def find_items(rows: list[Row], separator: str | None) -> tuple[Item, ...]:
    """Items in the order of the bill.

    A name may stand on the row of the amount, above it or below it, and a calculation ("3 x 0.99") on a row of its own
    above or below the amount that it explains.
    """
    region = _region(rows, separator)
    priced: list[_Priced | None] = [_priced(row, separator) for row in region]
    _merge_calculations(priced, separator)
    first = next((i for i, each in enumerate(priced) if each), None)
    if first is None:
        return ()
    names_above = any(_is_name(row.text) for row in region[:first])
    items = []
    for i, each in enumerate(priced):
        if each is None:
            continue
        name, members = each.name, [each.row]
        if not _is_name(name):
            near = _neighbour(region, priced, i, -1 if names_above else 1)
            if near is not None:
                name = near.text
                members = [near, each.row] if names_above else [each.row, near]
        items.append(
            Item(
                name=" ".join(name.split()).strip(" :*-"),
                quantity=each.quantity,
                unit_price=each.unit_price,
                amount=each.amount,
                text=" ".join(" ".join(row.text for row in members).split()),
                sources=tuple(source for row in members for source in row.sources()),
                confidence=min(row.confidence() for row in members) * (0.9 if each.unit_price else 0.8),
            )
        )
    return tuple(items)


def _region(rows: list[Row], separator: str | None) -> list[Row]:
    """The rows from below the heading of the items, or from the first amount, to the first sum."""
    heading = next((i for i, row in enumerate(rows) if is_heading(row)), None)
    first = next((i for i, row in enumerate(rows) if find_money(row.text, separator)), len(rows))
    if heading is not None and heading <= first:
        start = heading + 1
    else:
        named = first == len(rows) or _is_name(_name_part(rows[first], separator))
        start = first if named else max(first - 1, 0)
    for end in range(start, len(rows)):
        said = concepts(rows[end].text)
        amounts = bool(find_money(rows[end].text, separator))
        if (said & _SUMS and (amounts or end > first)) or ("quantity" in said and not amounts and end > first):
            return rows[start:end]
    return rows[start:]


def _neighbour(region: list[Row], priced: list[_Priced | None], place: int, step: int) -> Row | None:
    """The nearest row with a name before another amount comes."""
    near = place + step
    while 0 <= near < len(region) and priced[near] is None:
        if _is_name(region[near].text):
            return region[near]
        near += step
    return None


def _merge_calculations(priced: list[_Priced | None], separator: str | None) -> None:
    """Join a row of numbers alone with the named row beside it that it explains ("3 x 0.99") or sums up ("3  2.97")."""
    for i, each in enumerate(priced):
        if each is None or _is_name(each.name):
            continue
        counts = [number.value for number in find_amounts(each.row.text, separator) if number.decimals == 0]
        for near in (i - 1, i + 1):
            other = priced[near] if 0 <= near < len(priced) else None
            if other is None or not _is_name(other.name) or other.unit_price is not None:
                continue
            explains = [n for n in (*counts, other.quantity) if n and n * each.amount == other.amount]
            sums_up = [n for n in (*counts, Decimal(1)) if n and n * other.amount == each.amount and near < i]
            if explains:
                priced[near] = replace(other, quantity=explains[0], unit_price=each.amount)
            elif sums_up:
                priced[near] = replace(other, quantity=sums_up[0], unit_price=other.amount, amount=each.amount)
            else:
                continue
            priced[i] = None
            break


def _priced(row: Row, separator: str | None) -> _Priced | None:
    amounts = find_money(row.text, separator)
    if not amounts:
        return None
    last = amounts[-1]
    numbers = [
        each for each in find_amounts(row.text, separator) if each.end <= last.start and abs(each.value) < 100000
    ]
    quantity, unit = _factors(row, numbers, last.value)
    return _Priced(row, last.value, quantity, unit, _name_part(row, separator))


def _name_part(row: Row, separator: str | None) -> str:
    """The text before the first number column; the quantity in front taken off."""
    amounts = find_money(row.text, separator)
    text = row.text[: amounts[0].start] if amounts else row.text
    return _NUMBERS_BEHIND.sub("", _QUANTITY_FIRST.sub("", text)).strip()


def _factors(row: Row, numbers: list[Amount], amount: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Two of the numbers whose product is the amount: quantity and unit price; else a quantity in a column."""
    for unit in reversed(numbers):
        if unit.decimals < 2:
            continue
        for quantity in numbers:
            if quantity is not unit and abs((quantity.value * unit.value).quantize(_CENT) - amount) <= _CENT:
                return quantity.value, unit.value
    starts = {start for start, _ in row.cells}
    counts = [each.value for each in numbers if each.start in starts and 0 < each.value < 100 and each.text[0] != "0"]
    if len(counts) == 1 and counts[0] == int(counts[0]):
        return counts[0], None
    return None, None


def _is_name(text: str) -> bool:
    return any(len(word) >= 3 for word in re.findall(r"[^\W\d_]+", text))
