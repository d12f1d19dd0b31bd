"""Fields and items as people set them: checked by their type, kept as ``Fields.to_dict()`` would write them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from billocr_assets.fields.lexicon import language_of
from billocr_assets.fields.typed import typed_amount, typed_currency, typed_date, typed_time
from billocr_assets.store.editing import MAX_TEXT, Plain, Senseless, Sheet, as_quad, clean_text, clipped

MAX_ITEMS = 500
MAX_TAXES = 20
MAX_SOURCES = 100
_TEXTS = ("company", "address", "vat_id")
_AMOUNTS = ("total", "subtotal", "rounding", "discount", "service", "change")


def field_step(sheet: Sheet, name: Any, value: Any, sources: Any) -> Plain:
    """The step that sets a field; None clears it, an empty text as well.

    Raises:
        Senseless: there is no such field, or the value cannot be one; the text says how to write it.
    """
    places = _sources(sheet, sources)
    if isinstance(value, str):
        value = _short(value, str(name)) or None
    common = {"sources": places, "confidence": 1.0}
    plain: Any
    if name == "taxes":
        plain = _taxes(sheet, value, places)
    elif not isinstance(name, str) or name not in (*_TEXTS, *_AMOUNTS, "date", "time", "currency"):
        raise Senseless(f"There is no field “{clean_text(str(name))[:40]}” to set.")
    elif value is None:
        plain = None
    elif name in _AMOUNTS:
        plain = _amount(sheet, value, places)
    elif not isinstance(value, str):
        raise Senseless(f"“{name}” is a text.")
    elif name in _TEXTS:
        plain = {"text": value, "value": value, **common}
    elif name == "date":
        language = language_of(line["text"] for page in sheet.pages.values() for line in page["lines"])
        day = _typed(typed_date, value, language).isoformat()
        plain = {"text": value, "value": day, **common, "candidates": [day], "order_from": None}
    elif name == "time":
        plain = {"text": value, "value": _typed(typed_time, value).isoformat(), **common}
    else:
        plain = {"text": value, "value": _typed(typed_currency, value), **common}
    return {"do": "field", "name": name, "value": plain, "corrected": True}


def items_step(sheet: Sheet, items: Any) -> Plain:
    """The step that sets the table of items.

    Raises:
        Senseless: something in it cannot be.
    """
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise Senseless(f"“items” is a list of at most {MAX_ITEMS}.")
    plain = []
    for place, item in enumerate(items, 1):
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise Senseless(f"Item {place} has a name and an amount.")
        try:
            name = _short(item["name"], "name")
            numbers = {each: _number(sheet, item.get(each)) for each in ("quantity", "unit_price", "amount")}
            if numbers["amount"] is None:
                raise Senseless("The amount is missing.")
            sources = _sources(sheet, item.get("sources"))
        except Senseless as reason:
            raise Senseless(f"Item {place}: {reason}") from reason
        plain.append({"name": name, **numbers, "text": name, "sources": sources, "confidence": 1.0})
    return {"do": "field", "name": "items", "value": plain, "corrected": True}


def _taxes(sheet: Sheet, value: Any, sources: list[Plain]) -> list[Plain]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_TAXES or not all(isinstance(tax, dict) for tax in value):
        raise Senseless(f"“taxes” is a list of at most {MAX_TAXES}, each with an amount and perhaps a rate and a base.")
    taxes = []
    for tax in value:
        if tax.get("amount") in (None, ""):
            raise Senseless("A tax has an amount.")
        rate = tax.get("rate")
        rate = _number(sheet, rate.replace("%", "") if isinstance(rate, str) else rate)
        if rate is not None and not 0 <= Decimal(rate) <= 100:
            raise Senseless("The rate of a tax is from 0 to 100 per cent.")
        taxes.append(
            {"rate": rate, "amount": _amount(sheet, tax["amount"], sources), "base": _number(sheet, tax.get("base"))}
        )
    return taxes


def _amount(sheet: Sheet, value: Any, sources: list[Plain]) -> Plain:
    number = _number(sheet, value)
    if number is None:
        raise Senseless("The amount is missing.")
    return {"text": clean_text(str(value)), "value": number, "sources": sources, "confidence": 1.0}


def _number(sheet: Sheet, value: Any) -> str | None:
    """A number as typed or from JSON, as decimal digits."""
    if isinstance(value, str):
        value = _short(value, "amount")
        return str(_typed(typed_amount, value, sheet.fields.get("decimal_separator"))) if value else None
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e12:
        raise Senseless("An amount is a number or a text like 1234.56.")
    return format(Decimal(str(value)), "f")


def _typed(parse: Callable[..., Any], *value: Any) -> Any:
    try:
        return parse(*value)
    except ValueError as reason:
        raise Senseless(str(reason)) from reason


def _short(text: str, name: str) -> str:
    if len(text) > MAX_TEXT:
        raise Senseless(f"“{name[:40]}” has at most {MAX_TEXT} characters.")
    return clean_text(text)


def _sources(sheet: Sheet, sources: Any) -> list[Plain]:
    """Where a field stands on the bill."""
    if sources is None:
        return []
    if not isinstance(sources, list) or len(sources) > MAX_SOURCES:
        raise Senseless(f"“sources” is a list of at most {MAX_SOURCES} places.")
    places = []
    for source in sources:
        number = source.get("page") if isinstance(source, dict) else None
        page = sheet.pages.get(number) if type(number) is int else None
        if page is None:
            raise Senseless("A source has a page of the bill and a polygon.")
        places.append({"page": number, "polygon": clipped(page, as_quad(source.get("polygon")))})
    return places
