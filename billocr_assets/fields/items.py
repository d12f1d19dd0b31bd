"""What was bought: rows between the head of the bill and its sums."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from billocr_assets.fields.lexicon import concepts, exact_concepts
from billocr_assets.fields.model import Item
from billocr_assets.fields.money import CURRENCIES, WHOLE, Amount, find_amounts, find_money
from billocr_assets.fields.rows import Row, is_heading

_QUANTITY_FIRST = re.compile(r"^\s*\d{1,3}(?:[.,]\d{1,3})?(?: ?[xX*] ?| +)(?=\D)")
_ENUMERATION = re.compile(r"^\s*\d{1,2}\. +(?=\D)")
_CODE_FIRST = re.compile(r"^\s*\d{4,14} +(?=\S*[^\W\d])")
_LETTER_BEHIND = re.compile(r" {2,}[A-Z\d]$")
_CALCULATION = re.compile(r"\d ?[^\W\d]{0,3}\.? ?[xX*×@à] ?\S{0,4}\d")
_UNITS = frozenset(("szt", "kus", "pcs", "stk", "ltr", "pkt", "pce", "each", "unit", "uom"))
_CURRENCY_WORDS = frozenset(sign.lower() for sign in CURRENCIES)
# "2 ks à 14,50": how an amount comes about.
_DETAIL = re.compile(r"^\W*\d+(?:[.,]\d+)? ?[^\W\d]{0,3}\.? ?[xX*×@à]")
_LONGEST_NAME = 2
_NUMBERS_BEHIND = re.compile(
    r"(?:\s+\d{1,4}(?: ?(?:[xX@*]|(?:ks|kus|szt|db|pcs|Stk|St)\b\.?))?|\s+[xX@*]"
    r"|\s*(?:RM|EUR|GBP|USD|MYR|PLN|CZK|CHF|€|£|\$))+\s*$"
)
_SUMS = frozenset(("grand_total", "total", "subtotal", "rounding", "tax_summary"))
_LABELS = _SUMS | {"cash", "card", "change", "tax", "service", "discount", "savings", "points", "quantity", "exclusive"}
_PAYMENT = frozenset(("cash", "card", "change"))
_NO_ITEM = frozenset(("document", "phone", "registration", "date"))
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
    names = _names(region, priced)
    items = []
    for i, each in enumerate(priced):
        if each is None:
            continue
        name, members = each.name, sorted([i, *names.get(i, ())])
        if _is_name(name):
            parts = [name, *(_clean(region[j].text) for j in names.get(i, ()))]
        else:
            parts = [_clean(region[j].text) for j in names.get(i, ())] or [name]
        rows_of_item = [region[j] for j in members]
        items.append(
            Item(
                name=" ".join(" ".join(parts).split()),
                quantity=each.quantity,
                unit_price=each.unit_price,
                amount=each.amount,
                text=" ".join(" ".join(row.text for row in rows_of_item).split()),
                sources=tuple(source for row in rows_of_item for source in row.sources()),
                confidence=min(row.confidence() for row in rows_of_item) * (0.9 if each.unit_price else 0.8),
            )
        )
    items = [item for item in items if item.name]
    if len(items) > 2 and items[-1].amount == sum(item.amount for item in items[:-1]):
        items.pop()  # "Goods 66.56": a sum whose word is not known as one
    return tuple(items)


def _names(region: list[Row], priced: list[_Priced | None]) -> dict[int, list[int]]:
    """Which rows without an amount belong to which row with one.

    Below the first amount where that stands alone on top; else above the amount that has no name of its own, or, where
    every amount has one, below it as the rest of a long name.
    """
    places = [i for i, each in enumerate(priced) if each]
    loose = [
        i for i, row in enumerate(region) if priced[i] is None and _is_name(row.text) and not _DETAIL.match(row.text)
    ]
    first = priced[places[0]]
    assert first is not None
    below = not _is_name(first.name) and not any(i < places[0] for i in loose)
    owned: dict[int, list[int]] = {}
    for before, after in zip([-1, *places], [*places, len(region)], strict=True):
        between = [i for i in loose if before < i < after]
        following = priced[after] if after < len(region) else None
        if below or following is None or _is_name(following.name):
            if before >= 0 and (below or len(between) <= _LONGEST_NAME):
                owned[before] = owned.get(before, []) + between[: None if not below else 1]
        else:
            owned[after] = between[-_LONGEST_NAME:]
    return owned


def _region(rows: list[Row], separator: str | None) -> list[Row]:
    """The rows from below the heading of the items, or from the first amount, to the first sum."""
    heading = next((i for i, row in enumerate(rows) if is_heading(row)), None)
    priced = [bool(find_money(row.text, separator)) for row in rows]
    if separator == WHOLE:  # "Asztal : 8" is no amount
        priced = [each and ":" not in row.text for each, row in zip(priced, rows, strict=True)]
    first = next((i for i, row in enumerate(rows) if priced[i] and not concepts(row.text) & _NO_ITEM), len(rows))
    between = rows[first : heading or 0]
    if heading is not None and not any(concepts(row.text) & _SUMS for row in between):
        start = heading + 1
        while start < len(rows) and is_heading(rows[start]):
            start += 1
    else:
        named = first == len(rows) or _is_name(_name_part(rows[first], separator))
        start = first if named else max(first - 1, 0)
    region = []
    for at in range(start, len(rows)):
        said = concepts(rows[at].text)
        # Names of goods are one letter from words of payment: "Tarte", "Plátka".
        ends = (said & _SUMS) or (exact_concepts(rows[at].text) & _PAYMENT)
        if ends == {"rounding"} and priced[at] and abs(find_money(rows[at].text, separator)[-1].value) >= 1:
            ends = frozenset()  # "Round Tub White"
        taxed = priced[at] and "tax" in said and "%" in rows[at].text
        begun = at > first or separator == WHOLE
        if (ends and (priced[at] or begun)) or ("quantity" in said and not priced[at] and begun) or taxed:
            if not _goes_on(rows, priced, at):
                break
        else:
            region.append(rows[at])
    return region


def _goes_on(rows: list[Row], priced: list[bool], at: int) -> bool:
    """Whether the sum at a row is an intermediate one: items follow at once, and another total after them."""
    if "subtotal" not in concepts(rows[at].text) or not priced[at] or at + 1 >= len(rows):
        return False
    following = rows[at + 1]
    another = (i for i in range(at + 2, len(rows)) if priced[i] and concepts(rows[i].text) & {"total", "grand_total"})
    return (
        priced[at + 1]
        and _is_name(_name_part(following, None))
        and not concepts(following.text) & _LABELS
        and next(another, None) is not None
    )


def _merge_calculations(priced: list[_Priced | None], separator: str | None) -> None:
    """Join a row of numbers alone with the named row beside it that it explains ("3 x 0.99") or sums up ("3  2.97")."""
    for i, each in enumerate(priced):
        if each is None or _is_name(each.name):
            continue
        counts = [number.value for number in find_amounts(each.row.text, separator) if number.value != each.amount]
        for near in (i - 1, i + 1):
            other = priced[near] if 0 <= near < len(priced) else None
            if other is None or not _is_name(other.name) or other.unit_price is not None:
                continue
            explains = [n for n in (*counts, other.quantity) if n and (n * each.amount).quantize(_CENT) == other.amount]
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
    quantity, unit = _factors(row, numbers, last.value, separator)
    return _Priced(row, last.value, quantity, unit, _name_part(row, separator))


def _name_part(row: Row, separator: str | None) -> str:
    """The text before the first number column; the quantity in front taken off."""
    amounts = find_money(row.text, separator)
    if amounts and len(row.cells) > 1:
        # "Pfand 0,25": a number in the cell of the name is part of it, where the amount stands in a cell of its own.
        named = next((end for start, end in row.cells if _is_name(row.text[start:end])), 0)
        if named <= amounts[-1].start and not _CALCULATION.search(row.text[:named]):
            return _clean(row.text[:named])
    text = row.text[: amounts[0].start] if amounts else row.text
    return _clean(_NUMBERS_BEHIND.sub("", text))


def _clean(text: str) -> str:
    """A name without its number on the bill, its article code, its quantity and the letter of its tax."""
    text = _CODE_FIRST.sub("", _QUANTITY_FIRST.sub("", _ENUMERATION.sub("", text)))
    return _LETTER_BEHIND.sub("", text).strip(" :*-")


def _factors(
    row: Row, numbers: list[Amount], amount: Decimal, separator: str | None
) -> tuple[Decimal | None, Decimal | None]:
    """Two of the numbers whose product is the amount: quantity and unit price; else a quantity in a column."""
    for unit in reversed(numbers):
        if unit.decimals < 2 and separator != WHOLE:
            continue
        for quantity in numbers:
            if quantity is not unit and abs((quantity.value * unit.value).quantize(_CENT) - amount) <= _CENT:
                return quantity.value, unit.value
    starts = {start for start, _ in row.cells}
    if enumerated := _ENUMERATION.match(row.text):
        numbers = [each for each in numbers if each.start >= enumerated.end()]
    counts = [each.value for each in numbers if each.start in starts and 0 < each.value < 100 and each.text[0] != "0"]
    if len(counts) == 1 and counts[0] == int(counts[0]):
        return counts[0], None
    return None, None


@lru_cache(maxsize=4096)
def _is_name(text: str) -> bool:
    return any(
        len(word) >= 3 and word.lower() not in _UNITS | _CURRENCY_WORDS for word in re.findall(r"[^\W\d_]+", text)
    )
