"""CSV (RFC 4180, UTF-8 with the mark that Excel needs to know it): a row a bill, or a row an item.

Amounts have a point, dates are ISO 8601. Text that a spreadsheet would take for a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from io import StringIO

from billocr_assets.exports import tables
from billocr_assets.exports.bill import ReadBill, UnreadBill

# Also the wide forms that spreadsheets of East Asia accept, and what a spreadsheet drops in front of them.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def write_bills(bills: Iterable[ReadBill | UnreadBill]) -> Iterator[bytes]:
    """A heading, then a row a bill, each as soon as its bill is there."""
    return _write(tables.BILL_COLUMNS, ([tables.bill_row(bill)] for bill in bills))


def write_items(bills: Iterable[ReadBill | UnreadBill]) -> Iterator[bytes]:
    return _write(tables.ITEM_COLUMNS, (tables.item_rows(bill) for bill in bills))


def _write(columns: tuple[str, ...], bills: Iterable[Iterable[tables.Row]]) -> Iterator[bytes]:
    yield b"\xef\xbb\xbf" + f"{','.join(columns)}\r\n".encode()
    for rows in bills:
        text = StringIO(newline="")
        csv.writer(text).writerows([[_cell(row[column]) for column in columns] for row in rows])
        if content := text.getvalue():
            yield content.encode(errors="replace")


def _cell(value: tables.Value) -> str:
    match value:
        case None:
            return ""
        case str():
            value = value.replace("\0", "")
            return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
        case Decimal():
            return f"{value:f}"
        case time():
            return value.isoformat("minutes") if not value.second else value.isoformat()
        case date():
            return value.isoformat()
        case int():
            return str(value)
