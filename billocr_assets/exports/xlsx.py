"""An Excel workbook: the sheets Bills and Items, with real numbers, dates and times.

Every text is written as text, never as a formula or a link, whatever it begins with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from itertools import count
from tempfile import TemporaryFile

import xlsxwriter
from xlsxwriter.format import Format

from billocr_assets.exports import tables
from billocr_assets.exports.bill import ReadBill, UnreadBill

# The format's own limits.
MAX_ROWS = 1_048_576
_MAX_TEXT = 32_767
_CHUNK = 64 * 1024
_WIDE = {"bill": 34, "file": 24, "merchant": 28, "address": 36, "item": 32, "tax_rates": 24, "date": 11}


def write(bills: Iterable[ReadBill | UnreadBill]) -> Iterator[bytes]:
    """The workbook; rows wait in temporary files, so memory does not grow with their number."""
    with TemporaryFile() as file:
        with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
            overview = _Sheets(book, "Bills", tables.BILL_COLUMNS)
            items = _Sheets(book, "Items", tables.ITEM_COLUMNS)
            for bill in bills:
                overview.add(tables.bill_row(bill))
                for row in tables.item_rows(bill):
                    items.add(row)
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


class _Sheets:
    """A table that goes on in a further sheet where one is full."""

    def __init__(self, book: xlsxwriter.Workbook, name: str, columns: tuple[str, ...]) -> None:
        self.book, self.name, self.columns = book, name, columns
        self.numbers = count(1)
        self.heading = book.add_format({"bold": True})
        self.formats: dict[type, Format] = {
            Decimal: book.add_format({"num_format": "#,##0.00"}),
            date: book.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
            time: book.add_format({"num_format": "hh:mm:ss", "align": "left"}),
        }
        self.quantity = book.add_format({"num_format": "0.###"})
        self._begin()

    def add(self, row: tables.Row) -> None:
        if self.row == MAX_ROWS:
            self._begin()
        for column, name in enumerate(self.columns):
            self._write(column, name, row[name])
        self.row += 1

    def _begin(self) -> None:
        number = next(self.numbers)
        self.sheet = self.book.add_worksheet(self.name if number == 1 else f"{self.name} {number}")
        self.sheet.freeze_panes(1, 0)
        for column, name in enumerate(self.columns):
            self.sheet.set_column(column, column, _WIDE.get(name, 12))
            self.sheet.write_string(0, column, name, self.heading)
        self.row = 1

    def _write(self, column: int, name: str, value: tables.Value) -> None:
        match value:
            case None:
                return
            case str():
                text = value.encode(errors="replace").decode()
                self.sheet.write_string(self.row, column, text[:_MAX_TEXT])
            case Decimal():
                style = self.quantity if name == "quantity" else self.formats[Decimal]
                self.sheet.write_number(self.row, column, value, style)
            case time():
                self.sheet.write_datetime(self.row, column, value, self.formats[time])
            case date() if value.year >= 1900:
                self.sheet.write_datetime(self.row, column, value, self.formats[date])
            case date():  # before the format's calendar begins
                self.sheet.write_string(self.row, column, value.isoformat())
            case int():
                self.sheet.write_number(self.row, column, value)
