from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billocr_assets.fields.money import decimal_separator, find_amounts, find_money


def first_amount(text: str, separator: str | None) -> Decimal:
    return find_amounts(text, separator)[0].value


@pytest.mark.parametrize(
    ("text", "separator", "value"),
    [
        ("1.234,56", ",", "1234.56"),
        ("1 234,56", ",", "1234.56"),
        ("1'234.56", ".", "1234.56"),
        ("1,234.56", ".", "1234.56"),
        ("RM8.35", ".", "8.35"),
        ("-RM0.02", ".", "-0.02"),
        ("- 5,00", ",", "-5.00"),
        ("2.84-", ".", "-2.84"),
        ("€ 4,88", ",", "4.88"),
        ("123,-", ",", "123"),
        (".02", ".", "0.02"),
        ("1 450 Ft", None, "1450"),
        ("34.80:", ".", "34.80"),
        ("TOTAL: S8.20", ".", "8.20"),
        ("Total: /94.19", ".", "94.19"),
        ("€1,95/A", ",", "1.95"),
        ("343..95", ".", "343.95"),
        ("1O.5l", ".", "10.51"),
    ],
)
def test_amounts_are_read_in_every_convention(text: str, separator: str | None, value: str):
    assert first_amount(text, separator) == Decimal(value)


def test_three_last_digits_are_decimals_only_after_the_bills_own_sign():
    assert first_amount("1.234", ",") == 1234
    assert first_amount("1.234", ".") == Decimal("1.234")
    assert first_amount("2,590", ".") == 2590


def test_the_convention_is_the_majority_of_the_bill_not_of_one_misread_amount():
    assert decimal_separator(["SUM 12,50", "3,20", "9.15", "4,00"]) == ","
    assert decimal_separator(["TOTAL 9.15", "2 X 3.20"]) == "."
    assert decimal_separator(["1 450 Ft", "Tel. 555 1234"]) is None


def test_a_quantity_before_a_price_is_not_a_group_of_thousands():
    assert [amount.value for amount in find_amounts("1 100.00", ".")] == [1, Decimal("100.00")]


@pytest.mark.parametrize(
    "text", ["25/12/2018", "10:41", "6%", "19,00 %", "CS00031663", "03-5512 3456", "9.00 Uhr", "7.30AM"]
)
def test_dates_times_rates_and_codes_are_no_money(text: str):
    assert find_money(text, ".") == []


def test_a_whole_number_is_money_only_with_its_currency():
    assert [amount.value for amount in find_money("650 Ft", None)] == [650]
    assert find_money("650", None) == []


@given(st.decimals(0, 99_999, places=2), st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'")]))
def test_every_amount_comes_back_from_its_print(value: Decimal, signs: tuple[str, str]):
    decimal, group = signs
    printed = f"{value:,.2f}".replace(",", "g").replace(".", decimal).replace("g", group)
    assert first_amount(f"TOTAL {printed}", decimal) == value
