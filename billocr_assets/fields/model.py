"""What is found on a bill. Every field keeps its text as printed, its parsed value and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal

from billocr_assets.ocr.document import Polygon, plain_polygon

Consistency = Literal["consistent", "corrected", "contradicted", "unknown"]


@dataclass(frozen=True, slots=True)
class Source:
    """A place on the bill; the polygon is in pixels of the upload's page ``page`` (as :class:`ocr.document.Page`)."""

    page: int
    polygon: Polygon


@dataclass(frozen=True, slots=True)
class Text:
    """A field that is text: ``text`` as printed, as far as it can be told, ``value`` without decoration."""

    text: str
    value: str
    sources: tuple[Source, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the bill's currency."""

    text: str
    value: Decimal
    sources: tuple[Source, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Day:
    """A date. More than one candidate: the print allows each of them, and ``value`` is only the likeliest.

    ``order_from`` says what told day and month apart where the print alone does not: ``date`` (another date of the
    bill) or ``language`` (of the bill); None where the print does, or nothing.
    """

    text: str
    value: date
    sources: tuple[Source, ...]
    confidence: float
    candidates: tuple[date, ...]
    order_from: Literal["date", "language"] | None = None

    @property
    def ambiguous(self) -> bool:
        return len(self.candidates) > 1


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day, local to the bill."""

    text: str
    value: time
    sources: tuple[Source, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Currency:
    """``value`` is an ISO 4217 code, or None where the printed sign belongs to several currencies (``$``)."""

    text: str
    value: str | None
    sources: tuple[Source, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Tax:
    """Tax at one rate (percent, None where not printed); ``base`` is the amount taxed, if printed."""

    rate: Decimal | None
    amount: Money
    base: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """How the bill was paid: ``cash``, ``card`` or ``other``, and the amount given."""

    method: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Item:
    """One thing bought; quantity and unit price are None where the bill does not print them."""

    name: str
    quantity: Decimal | None
    unit_price: Decimal | None
    amount: Decimal
    text: str
    sources: tuple[Source, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Check:
    """One sum over the bill: what the equation is, both of its sides, and whether they agree."""

    name: str
    left: Decimal
    right: Decimal

    @property
    def holds(self) -> bool:
        return self.left == self.right


@dataclass(frozen=True, slots=True)
class Fields:
    """Everything that was found; what was not found is None or empty, never guessed.

    Attributes:
        decimal_separator: the convention of this bill, ``.`` or ``,``; None where no amount shows it.
        consistency: ``consistent`` where at least one check holds and none fails, ``contradicted`` where one fails;
            ``corrected`` where the total as it was read was one sign from what the other sums agree on and now is that.
        checks: the sums that could be tried.
    """

    company: Text | None = None
    address: Text | None = None
    vat_id: Text | None = None
    date: Day | None = None
    time: Clock | None = None
    currency: Currency | None = None
    total: Money | None = None
    subtotal: Money | None = None
    taxes: tuple[Tax, ...] = ()
    rounding: Money | None = None
    discount: Money | None = None
    service: Money | None = None
    payments: tuple[Payment, ...] = ()
    change: Money | None = None
    items: tuple[Item, ...] = ()
    decimal_separator: str | None = None
    consistency: Consistency = "unknown"
    checks: tuple[Check, ...] = ()

    def printed(self) -> dict[str, str | None]:
        """Merchant, date, address and total as printed, None where not found."""
        names = ("company", "date", "address", "total")
        return {name: field.text if (field := getattr(self, name)) else None for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: amounts as decimal strings, dates and times in ISO 8601."""
        return _plain(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Fields:
        """The inverse of :meth:`to_dict`."""
        simple: dict[str, Any] = {"company": _text, "address": _text, "vat_id": _text, "date": _day, "time": _clock}
        simple["currency"] = _currency
        simple |= dict.fromkeys(("total", "subtotal", "rounding", "discount", "service", "change"), _money)
        return cls(
            **{name: parse(data[name]) if data[name] else None for name, parse in simple.items()},
            taxes=tuple(
                Tax(_decimal(tax["rate"]), _money(tax["amount"]), _decimal(tax["base"])) for tax in data["taxes"]
            ),
            payments=tuple(Payment(payment["method"], _money(payment["amount"])) for payment in data["payments"]),
            items=tuple(_item(item) for item in data["items"]),
            decimal_separator=data["decimal_separator"],
            consistency=data["consistency"],
            checks=tuple(
                Check(check["name"], Decimal(check["left"]), Decimal(check["right"])) for check in data["checks"]
            ),
        )


_PLAIN = (str, float, int, bool, type(None))


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, tuple | list):
        # Nearly all of a bill's fields are corners: no call for each.
        return [part if type(part) in _PLAIN else _plain(part) for part in value]
    if type(value) is Source:
        return {"page": value.page, "polygon": [list(corner) for corner in value.polygon]}
    if hasattr(value, "__dataclass_fields__"):
        plain = {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        if isinstance(value, Check):
            plain["holds"] = value.holds
        return plain
    return value


def _common(data: dict[str, Any]) -> dict[str, Any]:
    sources = tuple(Source(source["page"], plain_polygon(source["polygon"])) for source in data["sources"])
    return {"text": data["text"], "sources": sources, "confidence": data["confidence"]}


def _text(data: dict[str, Any]) -> Text:
    return Text(value=data["value"], **_common(data))


def _money(data: dict[str, Any]) -> Money:
    return Money(value=Decimal(data["value"]), **_common(data))


def _day(data: dict[str, Any]) -> Day:
    candidates = tuple(date.fromisoformat(candidate) for candidate in data["candidates"])
    value = date.fromisoformat(data["value"])
    return Day(value=value, candidates=candidates, order_from=data.get("order_from"), **_common(data))


def _clock(data: dict[str, Any]) -> Clock:
    return Clock(value=time.fromisoformat(data["value"]), **_common(data))


def _currency(data: dict[str, Any]) -> Currency:
    return Currency(value=data["value"], **_common(data))


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _item(data: dict[str, Any]) -> Item:
    return Item(
        name=data["name"],
        quantity=_decimal(data["quantity"]),
        unit_price=_decimal(data["unit_price"]),
        amount=Decimal(data["amount"]),
        **_common(data),
    )
