"""CSV and Excel, read again by the standard library and by openpyxl; hostile cells stay text."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billocr_assets.exports import ReadBill, UnreadBill, xlsx
from billocr_assets.exports.csv import write_bills, write_items
from billocr_assets.exports.tables import BILL_COLUMNS, ITEM_COLUMNS
from billocr_assets.fields import Fields
from billocr_assets.fields.model import Day, Item, Money, Text
from tests.exports import made
from tests.fields import bills

UNREAD = UnreadBill("b2", "later.jpg", "This bill has not been read yet.")


def table(chunks: Iterator[bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(b"".join(chunks).decode("utf-8-sig"), newline="")))


def sheets(chunks: Iterator[bytes]) -> dict[str, list[dict[str, Any]]]:
    book = openpyxl.load_workbook(BytesIO(b"".join(chunks)))
    found = {}
    for sheet in book:
        heading, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [dict(zip(heading, row, strict=True)) for row in rows]
    return found


def named(company: str, item: str = "Thing") -> ReadBill:
    """A bill of this merchant with one thing bought."""
    thing = Item(item, Decimal(1), Decimal("-2.50"), Decimal("-2.50"), item, (), 0.9)
    fields = Fields(
        company=Text(company, company, (), 0.9), total=Money("-2.50", Decimal("-2.50"), (), 0.9), items=(thing,)
    )
    return made.read_bill(bills.document("x"), fields, upload=b"-")


def test_a_german_bill_in_csv():
    (row,) = table(write_bills([made.of_text(bills.GERMAN)]))
    assert (row["merchant"], row["date"], row["time"]) == ("Bäckerei Krume GmbH", "2020-03-02", "15:59")
    assert (row["total"], row["currency"], row["tax"]) == ("17.50", "EUR", "2.36")
    assert row["tax_rates"] == "7 %: 0.30; 19 %: 2.06"
    items = table(write_items([made.of_text(bills.GERMAN)]))
    assert [(item["number"], item["item"], item["amount"], item["currency"]) for item in items] == [
        ("1", "Brezel", "3.40", "EUR"),
        ("2", "Roggenbrot", "1.20", "EUR"),
        ("3", "Kaffee Crema", "12.90", "EUR"),
    ]
    assert (items[0]["quantity"], items[0]["unit_price"]) == ("4", "0.85")


def test_excel_has_real_numbers_dates_and_times():
    found = sheets(xlsx.write([made.of_text(bills.GERMAN), made.of_text(bills.CZECH)]))
    german, czech = found["Bills"]
    assert (german["merchant"], german["total"], german["tax"]) == ("Bäckerei Krume GmbH", 17.5, 2.36)
    assert (german["date"], german["time"]) == (datetime(2020, 3, 2), time(15, 59))
    assert (czech["total"], czech["currency"], czech["date"]) == (36.4, "CZK", datetime(2021, 11, 5))
    assert [item["amount"] for item in found["Items"]] == [3.4, 1.2, 12.9, 14.5, 21.9]
    assert found["Items"][0]["quantity"] == 4


def test_csv_and_excel_have_the_same_columns():
    one = made.of_text(bills.ENGLISH)
    found = sheets(xlsx.write([one]))
    assert tuple(table(write_bills([one]))[0]) == tuple(found["Bills"][0]) == BILL_COLUMNS
    assert tuple(table(write_items([one]))[0]) == tuple(found["Items"][0]) == ITEM_COLUMNS


def test_a_bill_without_text_is_in_the_table_and_says_why():
    rows = table(write_bills([UNREAD, made.of_text(bills.ENGLISH)]))
    assert [row["state"] for row in rows] == ["This bill has not been read yet.", "read"]
    assert (rows[0]["file"], rows[0]["total"]) == ("later.jpg", "")
    assert sheets(xlsx.write([UNREAD]))["Bills"][0]["file"] == "later.jpg"
    assert table(write_items([UNREAD])) == []


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "  ="])
def test_a_merchant_that_looks_like_a_formula_is_text_in_csv(sign: str):
    hostile = f"{sign}cmd|'/c calc'!A1"
    (row,) = table(write_bills([named(hostile)]))
    assert row["merchant"] == f"'{hostile}"
    (item,) = table(write_items([named("Shop", hostile)]))
    assert item["item"] == f"'{hostile}"
    # An amount is ours: it stays a number.
    assert (row["total"], item["amount"]) == ("-2.50", "-2.50")


@pytest.mark.parametrize(
    "hostile", ["=cmd|'/c calc'!A1", "=1+1", "{=1+1}", "+1", "@SUM(1)", "https://example.org", "mailto:x"]
)
def test_excel_neither_computes_nor_links_any_text(hostile: str):
    content = b"".join(xlsx.write([named(hostile, hostile)]))
    book = openpyxl.load_workbook(BytesIO(content))
    cells = [cell for sheet in book for row in sheet.iter_rows(min_row=2) for cell in row]
    assert sum(cell.value == hostile for cell in cells) == 3  # merchant twice, item once
    assert all(cell.hyperlink is None for cell in cells)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/"):
                assert etree.fromstring(archive.read(name)).findall(".//{*}f") == []


def test_a_day_before_excels_calendar_is_text():
    day = Day("1.2.1880", date(1880, 2, 1), (), 0.9, (date(1880, 2, 1),))
    bill = replace(named("Old"), fields=Fields(date=day))
    assert sheets(xlsx.write([bill]))["Bills"][0]["date"] == "1880-02-01"
    assert table(write_bills([bill]))[0]["date"] == "1880-02-01"


def test_a_table_goes_on_in_a_further_sheet_where_one_is_full(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xlsx, "MAX_ROWS", 3)
    found = sheets(xlsx.write([named(f"Shop {number}") for number in range(5)]))
    assert list(found) == ["Bills", "Items", "Bills 2", "Items 2", "Bills 3", "Items 3"]
    names = [row["merchant"] for title in ("Bills", "Bills 2", "Bills 3") for row in found[title]]
    assert names == [f"Shop {number}" for number in range(5)]


def test_csv_hands_on_each_bill_before_it_asks_for_the_next():
    asked = []

    def endless() -> Iterator[ReadBill]:
        while True:
            asked.append(1)
            yield named("Shop")

    chunks = write_bills(endless())
    for number in range(1, 4):
        next(chunks)
        assert len(asked) == number - 1  # the heading comes before the first


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_survives_csv(company: str, item: str):
    def told(text: str) -> str:
        return text.replace("\0", "").encode(errors="replace").decode()

    (row,) = table(write_bills([named(company)]))
    assert row["merchant"].removeprefix("'") == told(company).removeprefix("'")
    (thing,) = table(write_items([named("Shop", item)]))
    assert thing["item"].removeprefix("'") == told(item).removeprefix("'")
    for cell in (row["merchant"], thing["item"]):
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@settings(deadline=None, max_examples=40)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=40))
def test_any_printable_text_survives_excel(company: str):
    (row,) = sheets(xlsx.write([named(company)]))["Bills"]
    assert (row["merchant"] or "") == company


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=20))
def test_excel_files_open_whatever_the_text_is(company: str):
    (row,) = sheets(xlsx.write([named(company)]))["Bills"]
    assert row["total"] == -2.5
