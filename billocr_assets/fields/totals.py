"""The sums at the foot of a bill: total, subtotal, tax, rounding, payment and change, checked against each other."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from rapidfuzz.distance import Levenshtein

from billocr_assets.fields.dates import find_dates
from billocr_assets.fields.lexicon import concepts, fold, mentions
from billocr_assets.fields.model import Check, Consistency, Money, Payment, Tax
from billocr_assets.fields.money import CURRENCIES, WHOLE, Amount, find_money
from billocr_assets.fields.rows import Row, is_heading

_RATE = re.compile(r"(?<!\d)(\d{1,2}(?:[.,]\d{1,2})?) ?%")
_WORD = re.compile(r"[^\W\d_]{3}")
_CURRENCY = re.compile("|".join(map(re.escape, sorted(CURRENCIES, key=len, reverse=True))), re.IGNORECASE)
_ZERO = Decimal(0)
# The largest coin that a total is rounded to where cents are not paid.
_COIN = Decimal("0.05")
# A total above this confidence is left as it was read, whatever the rest of the bill says.
_SURE = 0.8
# Scores this near to each other do not tell one total from another.
_AS_LIKELY = 1.0
_NOT_A_TAX = frozenset(
    ("inclusive", "exclusive", "subtotal", "quantity", "rounding", "cash", "change", "tax_summary", "grand_total")
)
_USUAL_RATES = tuple(map(Decimal, ("5", "5.5", "6", "7", "8", "10", "12", "19", "20", "21", "23", "27")))


@dataclass(frozen=True, slots=True)
class Labelled:
    """An amount and what the words of its row say about it."""

    row: int
    amount: Amount
    concepts: frozenset[str]
    several: bool
    rate: bool
    tax_first: bool
    money: Money


@dataclass(frozen=True, slots=True)
class Sums:
    """Everything :func:`find_sums` found; names as in :class:`fields.model.Fields`.

    ``corrected``: the total was misread, and is what the other sums of the bill agree on.
    """

    total: Money | None
    corrected: bool
    subtotal: Money | None
    taxes: tuple[Tax, ...]
    rounding: Money | None
    discount: Money | None
    service: Money | None
    payments: tuple[Payment, ...]
    change: Money | None


_LABELS = frozenset(
    ("grand_total", "total", "subtotal", "tax", "service", "rounding", "discount", "savings", "cash", "card", "change")
)


def has_whole_amounts(rows: list[Row], separator: str | None) -> bool:
    """Whether the sums of a bill have no decimals: none of its sums has them, and at least one ends with a number."""
    sums = [
        row for row in rows if concepts(row.text) & {"grand_total", "total", "cash", "card"} and not is_heading(row)
    ]
    if any(amount.decimals == 2 for row in sums for amount in find_money(row.text, separator)):
        return False
    whole = [row for row in sums if find_money(row.text, WHOLE)]
    priced = [row for row in rows if re.search(r"\d[.,]\d\d(?: ?[A-Z€])?$", row.text) and not find_dates(row.text)]
    return bool(whole) and len(priced) <= len(whole)


def labelled_amounts(rows: list[Row], separator: str | None) -> list[Labelled]:
    """Amounts whose row, or the wordless row's neighbour, says what they are."""
    found = []
    summary = _summary_rows(rows)
    for index, row in enumerate(rows):
        said = concepts(row.text)
        if not said & _LABELS or is_heading(row):
            continue
        place, amounts = index, find_money(row.text, separator)
        if not amounts:
            # The amount of a tilted row may stand one row lower or higher, alone.
            for near in (index + 1, index - 1):
                if 0 <= near < len(rows) and not _WORD.search(_CURRENCY.sub("", rows[near].text)):
                    amounts, place = find_money(rows[near].text, separator), near
                    if amounts:
                        break
        if not amounts:
            continue
        if index in summary:
            said = said | {"tax_summary"}
        last = amounts[-1]
        order = [concept for concept, _ in sorted(mentions(row.text), key=lambda mention: mention[1])]
        found.append(
            Labelled(
                row=place,
                amount=last,
                concepts=said,
                several=len(amounts) > 1,
                rate=_RATE.search(row.text) is not None,
                tax_first="tax" in order and "total" in order and order.index("tax") < order.index("total"),
                money=_money(rows[place], last),
            )
        )
    return [_rounded_total(each, found) for each in found]


def _rounded_total(each: Labelled, others: list[Labelled]) -> Labelled:
    """A "rounding" as large as a total is the total after rounding."""
    totals = [other.amount.value for other in others if "total" in other.concepts]
    if "rounding" in each.concepts and any(0 < total / 2 < each.amount.value for total in totals):
        return replace(each, concepts=each.concepts | {"grand_total"})
    return each


def find_sums(rows: list[Row], separator: str | None, items: Decimal | None) -> Sums:
    """The sums of a bill; ``items`` is what its items come to, None where not known."""
    labelled = labelled_amounts(rows, separator)
    outside = [each for each in labelled if "tax_summary" not in each.concepts]
    change = _last(outside, lambda said: "change" in said and not said & {"grand_total", "rounding"})
    cash = _last(outside, lambda said: "cash" in said and not said & {"change", "grand_total", "rounding", "total"})
    card = _last(outside, lambda said: "card" in said and "cash" not in said and not said & {"change", "grand_total"})
    rounding = _last(outside, lambda said: "rounding" in said and not said & {"grand_total", "total"})
    discount = _last(outside, lambda said: "discount" in said and not said & {"grand_total", "points", "subtotal"})
    service = _last(outside, lambda said: "service" in said and not said & {"total", "grand_total"})
    subtotal = _last([each for each in outside if "subtotal" in each.concepts or not each.rate], _is_subtotal)

    expected: Counter[Decimal] = Counter()
    if cash and change:
        expected[abs(cash.money.value) - abs(change.money.value)] += 4
    for paid in (cash, card):
        if paid:
            expected[abs(paid.money.value)] += 1 if change and change.money.value else 2
    if items:
        expected[items] += 1
    taxes = _taxes(rows, labelled, separator)
    if subtotal and taxes:
        tax = sum((each.amount.value for each in taxes), _ZERO)
        for extra in {_ZERO, rounding.money.value if rounding else _ZERO}:
            expected[subtotal.money.value + tax + (service.money.value if service else _ZERO) + extra] += 2
    if rounding and rounding.money.value:
        # A total that is another one after rounding is the one to pay.
        values = {each.money.value for each in labelled if _total_score(each) > 0}
        for value in values:
            for rounded in {value + rounding.money.value, value - rounding.money.value} & values:
                if rounded % Decimal("0.05") == 0:
                    expected[rounded] += 2
    gross = _gross(taxes)
    if gross:
        # Its rounding may be printed or not.
        near = {
            each.money.value for each in labelled if abs(each.money.value - gross) < _COIN and _total_score(each) > 0
        }
        for value in near | {gross}:
            expected[value] += 2
    total = _total(labelled, expected, len(rows))
    if total is None:
        total = _unlabelled_total(rows, separator, expected)
    witnesses = Counter(
        value
        for value in (
            abs(cash.money.value) - abs(change.money.value) if cash and change else None,
            abs(card.money.value) if card else None,
            gross,
            items,
        )
        if value
    )
    corrected = _corrected(total, witnesses) if total else None
    payments = tuple(
        Payment(method, paid.money) for method, paid in (("cash", cash), ("card", card)) if paid is not None
    )
    return Sums(
        total=corrected or total,
        corrected=corrected is not None,
        subtotal=subtotal.money if subtotal else None,
        taxes=taxes,
        rounding=rounding.money if rounding else None,
        discount=discount.money if discount else None,
        service=service.money if service else None,
        payments=payments,
        change=change.money if change else None,
    )


def check(sums: Sums, items: Decimal | None) -> tuple[Consistency, tuple[Check, ...]]:
    """Whether the sums of a bill agree.

    Of the ways to add up a bill (tax within the prices or on top of them) the one that holds counts; where none holds,
    the one that comes nearest. What the items come to can support a bill, but not contradict it: an item that was not
    found is no mistake of the bill.
    """
    if sums.total is None:
        return "unknown", ()
    total = sums.total.value
    checks = []
    cash = [payment.amount.value for payment in sums.payments if payment.method == "cash"]
    if cash and sums.change:
        checks.append(Check("cash - change = total", abs(cash[0]) - abs(sums.change.value), total))
    if sums.subtotal:
        checks.append(Check("subtotal + tax + service - discount + rounding = total", _built_up(sums, total), total))
    strict = list(checks)
    if items is not None and items == total:
        checks.append(Check("items = total", items, total))
    elif items is not None and sums.subtotal and items == sums.subtotal.value:
        checks.append(Check("items = subtotal", items, sums.subtotal.value))
    elif items is not None and sums.rounding and abs(items - total) == abs(sums.rounding.value):
        checks.append(Check("items + rounding = total", total, total))
    gross = _gross(sums.taxes)
    if gross and gross == total:
        checks.append(Check("net + tax = total", gross, total))
    if any(not each.holds for each in strict):
        return "contradicted", tuple(checks)
    if sums.corrected:
        return "corrected", tuple(checks)
    return ("consistent" if checks else "unknown"), tuple(checks)


def _gross(taxes: tuple[Tax, ...]) -> Decimal | None:
    """What the table of taxes comes to, None without one."""
    if not taxes or any(tax.base is None for tax in taxes):
        return None
    return sum(((tax.base or _ZERO) + tax.amount.value for tax in taxes), _ZERO)


def _corrected(total: Money, witnesses: Counter[Decimal]) -> Money | None:
    """The total that two other sums of the bill agree on, where the one that was read is a slip from it.

    A slip is one wrong, lost or added sign; only a total that the recogniser was unsure of is corrected.
    """
    if not witnesses or total.confidence >= _SURE:
        return None
    value, agreeing = witnesses.most_common(1)[0]
    if agreeing < 2 or total.value in witnesses or abs(value - total.value) < _COIN:
        return None
    sign = "," if re.search(r",\d\d$", total.text) else "."
    printed = str(value).replace(".", sign)
    digits = re.sub(r"[^\d.,]", "", total.text)
    if Levenshtein.distance(digits, printed, score_cutoff=1) > 1:
        return None
    return Money(total.text.replace(digits, printed), value, total.sources, total.confidence)


def _built_up(sums: Sums, total: Decimal) -> Decimal:
    assert sums.subtotal is not None
    tax = sum((tax.amount.value for tax in sums.taxes), _ZERO)
    parts = [
        {_ZERO, tax},
        {_ZERO, sums.service.value if sums.service else _ZERO},
        {_ZERO, -abs(sums.discount.value) if sums.discount else _ZERO},
        {_ZERO, sums.rounding.value, -sums.rounding.value} if sums.rounding else {_ZERO},
    ]
    results = [sums.subtotal.value + sum(way, _ZERO) for way in product(*parts)]
    return min(results, key=lambda result: abs(result - total))


def _total(labelled: list[Labelled], expected: Counter[Decimal], rows: int) -> Money | None:
    values = Counter(each.money.value for each in labelled)
    best, best_score = None, 0.0
    for each in labelled:
        score = _total_score(each)
        if "tax" in each.concepts and any(_is_tax_within(each.amount.value, value) for value in values):
            score -= 4.0
        if score <= 0:
            continue
        score += expected[each.money.value] + 0.3 * min(values[each.money.value], 4) + 0.5 * each.row / rows
        if score > best_score:
            best, best_score = each, score
    if best is None:
        return None
    certainty = min(0.99, 0.75 + 0.04 * best_score)
    return Money(best.money.text, best.money.value, best.money.sources, certainty * best.money.confidence)


def total_candidates(rows: list[Row], separator: str | None) -> list[Decimal]:
    """The amounts that the words of their rows call the total, nearly as much as the likeliest, downwards."""
    scored = [(_total_score(each), each.money.value) for each in labelled_amounts(rows, separator)]
    best = max((score for score, _ in scored), default=0.0)
    return list(dict.fromkeys(value for score, value in scored if score > 0 and score >= best - _AS_LIKELY))


def _total_score(each: Labelled) -> float:
    """How much the words of a row say that its amount is the one to pay; 0 or less: they do not."""
    said = each.concepts
    if not said & {"grand_total", "total"}:
        return 0.0
    score = 6.0 if "grand_total" in said else 3.0
    score -= 4.0 * bool(said & {"savings", "discount", "points", "change"})
    score -= 3.0 * ("quantity" in said) + 4.0 * ("subtotal" in said)
    score -= 3.0 * ("exclusive" in said) - 0.5 * ("inclusive" in said)
    score -= 2.5 * ("tax" in said and not said & {"inclusive", "exclusive"})
    score -= 2.0 * ("rounding" in said and "grand_total" not in said)
    score -= 3.0 * ("tax_summary" in said) + 1.0 * each.several
    score -= 1.5 * bool(said & {"cash", "card"})
    score -= 1.0 * each.rate + 3.0 * (each.tax_first and "inclusive" in said)
    return score + 0.5 * bool(each.amount.currency)


def _is_tax_within(tax: Decimal, total: Decimal) -> bool:
    """Whether an amount is the tax that a total has within it, at one of the usual rates."""
    return tax > 0 and any(abs(total * rate / (100 + rate) - tax) <= Decimal("0.01") for rate in _USUAL_RATES)


def _unlabelled_total(rows: list[Row], separator: str | None, expected: Counter[Decimal]) -> Money | None:
    """Without any word for a total: an amount that payment and change call for, else none."""
    for value, weight in expected.most_common():
        if weight < 2:
            break
        for row in reversed(rows):
            for amount in find_money(row.text, separator):
                if amount.value == value:
                    found = _money(row, amount)
                    return Money(found.text, found.value, found.sources, 0.6 * found.confidence)
    return None


def _is_subtotal(said: frozenset[str]) -> bool:
    if said & {"grand_total", "quantity", "savings", "discount", "rounding"}:
        return False
    return "subtotal" in said or ("total" in said and "exclusive" in said)


def _taxes(rows: list[Row], labelled: list[Labelled], separator: str | None) -> tuple[Tax, ...]:
    """Tax by rate from the tax summary where there is one, else from the row that names a tax and an amount."""
    summary = _summary_rows(rows)
    by_rate: dict[Decimal, Tax] = {}
    for index, row in enumerate(rows):
        amounts = find_money(row.text, separator)
        if not 2 <= len(amounts) <= 3 or concepts(row.text) & {"total", "grand_total"}:
            continue
        rates = [match[1] for match in _RATE.finditer(row.text)]
        if index in summary:  # the per cent sign may stand in the heading
            rates += re.findall(r"(?<![\d.,])(\d{1,2})(?![\d.,:%])", row.text)
        for rate in rates:
            percent = Decimal(rate.replace(",", "."))
            base, tax = _base_and_tax(amounts, percent)
            if base and tax:
                by_rate.setdefault(percent, Tax(percent, _money(row, tax), base.value))
                break
    if by_rate:
        return tuple(by_rate.values())
    # "total gst" is the tax; "total incl. gst" is not.
    named = [each for each in labelled if "tax" in each.concepts and not each.concepts & _NOT_A_TAX]
    plain = [each for each in named if "total" not in each.concepts] or named
    if not plain:
        return ()
    rate_found = _RATE.search(rows[plain[0].row].text)
    return (Tax(Decimal(rate_found[1].replace(",", ".")) if rate_found else None, plain[0].money),)


def _base_and_tax(amounts: list[Amount], percent: Decimal) -> tuple[Amount | None, Amount | None]:
    """Which two of the amounts are net and tax at this rate, to a cent or two."""
    for base in amounts:
        for tax in amounts:
            if (
                base is not tax
                and abs(tax.value) < abs(base.value)
                and abs(base.value * percent / 100 - tax.value) <= Decimal("0.02")
            ):
                return base, tax
    return None, None


def _summary_rows(rows: list[Row]) -> set[int]:
    """Rows of the table of taxes: from its heading as long as rows carry two amounts or a rate."""
    inside: set[int] = set()
    for index, row in enumerate(rows):
        said, folded = concepts(row.text), fold(row.text)
        heading = (
            "tax_summary" in said
            or re.search(r"\bAMOUNT.{0,8}TAX\b", folded)
            or (
                "tax" in said
                and (said & {"subtotal", "total"} or re.search(r"\b(?:NET|NETTO|GROSS|BRUTTO|HT)\b", folded))
            )
        )
        if heading and not find_money(row.text, None):
            for below in range(index, min(len(rows), index + 8)):
                if concepts(rows[below].text) & {"cash", "change", "grand_total"}:
                    break
                inside.add(below)
    return inside


def _money(row: Row, amount: Amount) -> Money:
    return Money(
        amount.text, amount.value, row.sources(amount.start, amount.end), row.confidence(amount.start, amount.end)
    )


def _last(labelled: list[Labelled], wanted) -> Labelled | None:
    matching = [each for each in labelled if wanted(each.concepts)]
    return matching[-1] if matching else None


__all__ = ["Sums", "check", "find_sums", "labelled_amounts", "total_candidates"]
