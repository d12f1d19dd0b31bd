"""From a read document to its fields: rules over rows, words of eight languages, and arithmetic over the bill."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from billocr_assets.fields.confidence import calibrated
from billocr_assets.fields.dates import FoundDate, find_dates, find_near_dates, find_times, settle_order
from billocr_assets.fields.items import find_items
from billocr_assets.fields.lexicon import concepts, language_of
from billocr_assets.fields.model import Clock, Currency, Day, Fields
from billocr_assets.fields.money import CURRENCIES, WHOLE, decimal_separator, find_amounts
from billocr_assets.fields.parties import find_address, find_company, find_vat_id
from billocr_assets.fields.rows import Row, rows_of
from billocr_assets.fields.totals import check, find_sums, has_whole_amounts
from billocr_assets.ocr.document import Document


def extract_fields(document: Document) -> Fields:
    """The fields of a bill. Nothing is invented: a field without evidence on the bill is None."""
    return calibrated(find_fields(document))


def find_fields(document: Document) -> Fields:
    """As :func:`extract_fields`, with the rules' own scores for confidences."""
    rows = rows_of(document)
    separator = decimal_separator(row.text for row in rows)
    if has_whole_amounts(rows, separator):
        separator = WHOLE
    company, below = find_company(rows)
    items = find_items(rows, separator)
    items_sum = sum((item.amount for item in items), Decimal(0)) if items else None
    sums = find_sums(rows, separator, items_sum)
    consistency, checks = check(sums, items_sum)
    day, row = _find_date(rows)
    return Fields(
        company=company,
        address=find_address(rows, below),
        vat_id=find_vat_id(rows),
        date=day,
        time=_find_time(rows, row),
        currency=_find_currency(rows, separator),
        total=sums.total,
        subtotal=sums.subtotal,
        taxes=sums.taxes,
        rounding=sums.rounding,
        discount=sums.discount,
        service=sums.service,
        payments=sums.payments,
        change=sums.change,
        items=items,
        decimal_separator=None if separator == WHOLE else separator,
        consistency=consistency,
        checks=checks,
    )


def _find_date(rows: list[Row]) -> tuple[Day | None, int]:
    """The bill's date and its row: near a word for it, beside a time, and high up count for a date."""
    found = [(index, each) for index, row in enumerate(rows) for each in find_dates(row.text)]
    misread = not found
    if misread:
        labelled = [(index, row) for index, row in enumerate(rows) if _tells_a_date(row)]
        found = [(index, each) for index, row in labelled for each in find_near_dates(row.text)]
    settled = settle_order((each for _, each in found), language_of(row.text for row in rows))
    best: tuple[float, int, FoundDate] | None = None
    repeated = [each.candidates[0] for each in settled]
    for (index, _), each in zip(found, settled, strict=True):
        score = _date_score(rows[index], each) + 0.5 * min(repeated.count(each.candidates[0]), 3)
        if best is None or score > best[0]:
            best = (score, index, each)
    if best is None:
        return None, -1
    score, index, each = best
    row = rows[index]
    certainty = 0.97 if score > 1 else 0.85
    certainty *= 0.95 if each.order_from == "language" else 1.0
    certainty *= 0.5 if misread else 1.0
    confidence = certainty * row.confidence(each.start, each.end)
    sources = row.sources(each.start, each.end)
    return Day(each.text, each.candidates[0], sources, confidence, each.candidates, each.order_from), index


def _tells_a_date(row: Row) -> bool:
    """Whether a row has a word for a date, a time or a document's number, and so a date rather than an amount."""
    return bool(concepts(row.text) & {"date", "document"} or find_times(row.text)) or "No" in row.text


def _date_score(row: Row, each: FoundDate) -> float:
    said = concepts(row.text)
    score = 1.0 - row.top
    score += 1.5 * ("date" in said) - 3.0 * ("other_date" in said)
    score += 1.0 * bool(find_times(row.text))
    score -= 2.0 * (re.fullmatch(r"\d{8}", each.text) is not None)
    return score - 2.0 * (each.candidates[0] > date(2049, 1, 1))


def _find_time(rows: list[Row], date_row: int) -> Clock | None:
    """The time on the date's row, on the next rows, or the first on the bill."""
    order = sorted(range(len(rows)), key=lambda index: (abs(index - date_row) if date_row >= 0 else 0, index))
    for index in order:
        for each in find_times(rows[index].text):
            row = rows[index]
            confidence = row.confidence(each.start, each.end) * (0.95 if index == date_row else 0.8)
            return Clock(each.text, each.value, row.sources(each.start, each.end), confidence)
    return None


def _find_currency(rows: list[Row], separator: str | None) -> Currency | None:
    """The currency printed most often beside amounts, else anywhere as a word; None where none is printed."""
    seen: dict[str, list[tuple[Row, int, int]]] = {}
    for row in rows:
        for amount in find_amounts(row.text, separator):
            if amount.currency:
                seen.setdefault(amount.currency.upper(), []).append((row, amount.start, amount.end))
    if not seen:
        for row in rows:
            for match in re.finditer(
                r"(?<![^\W_])(?:RM|MYR|EUR|EURO|€|Kč|CZK|PLN|zł|HUF|Ft|USD|GBP|£|CHF)(?![^\W_])", row.text
            ):
                seen.setdefault(match.group().upper(), []).append((row, *match.span()))
    if not seen:
        return None
    printed, places = max(seen.items(), key=lambda entry: len(entry[1]))
    row, start, end = places[-1]
    value = CURRENCIES[printed]
    return Currency(printed, value, row.sources(start, end), row.confidence(start, end) * (0.95 if value else 0.5))
