"""What stands in the tables of bills and of items, whatever file they become."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal

from billocr_assets.exports.bill import ReadBill, UnreadBill
from billocr_assets.fields.model import Money

Value = str | Decimal | int | date | time | None
Row = dict[str, Value]

BILL_COLUMNS = (
    "bill",
    "file",
    "merchant",
    "address",
    "vat_id",
    "date",
    "time",
    "currency",
    "total",
    "subtotal",
    "tax",
    "tax_rates",
    "discount",
    "service",
    "rounding",
    "paid_by",
    "sums",
    "pages",
    "state",
)
ITEM_COLUMNS = ("bill", "file", "merchant", "date", "number", "item", "quantity", "unit_price", "amount", "currency")


def bill_row(bill: ReadBill | UnreadBill) -> Row:
    """A value a column of :data:`BILL_COLUMNS`; a bill without text has its names and what is the matter."""
    if isinstance(bill, UnreadBill):
        return {**dict.fromkeys(BILL_COLUMNS), "bill": bill.id, "file": bill.name, "state": bill.why}
    fields = bill.fields
    return {
        "bill": bill.id,
        "file": bill.name,
        "merchant": fields.company.value if fields.company else None,
        "address": fields.address.value if fields.address else None,
        "vat_id": fields.vat_id.value if fields.vat_id else None,
        "date": fields.date.value if fields.date else None,
        "time": fields.time.value if fields.time else None,
        "currency": fields.currency.value if fields.currency else None,
        "total": _amount(fields.total),
        "subtotal": _amount(fields.subtotal),
        "tax": sum((tax.amount.value for tax in fields.taxes), Decimal(0)) if fields.taxes else None,
        "tax_rates": "; ".join(
            f"{'?' if tax.rate is None else f'{tax.rate:f}'} %: {tax.amount.value:f}" for tax in fields.taxes
        )
        or None,
        "discount": _amount(fields.discount),
        "service": _amount(fields.service),
        "rounding": _amount(fields.rounding),
        "paid_by": ", ".join(dict.fromkeys(payment.method for payment in fields.payments)) or None,
        "sums": fields.consistency,
        "pages": len(bill.document.pages),
        "state": "read",
    }


def item_rows(bill: ReadBill | UnreadBill) -> Iterator[Row]:
    """A row an item, as :data:`ITEM_COLUMNS`; ``number`` counts from 1."""
    if isinstance(bill, UnreadBill):
        return
    whole = bill_row(bill)
    for number, item in enumerate(bill.fields.items, 1):
        yield {
            **{name: whole[name] for name in ("bill", "file", "merchant", "date", "currency")},
            "number": number,
            "item": item.name,
            "quantity": item.quantity,
            "unit_price": item.unit_price,
            "amount": item.amount,
        }


def _amount(money: Money | None) -> Decimal | None:
    return money.value if money else None
