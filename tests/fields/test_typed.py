from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest

from billocr_assets.fields.typed import typed_amount, typed_currency, typed_date, typed_time


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"), ("12.5", "12.5"), ("12,50", "12.50"), ("1.234,56", "1234.56"), ("1,234.56", "1234.56"),
        ("1 234,56", "1234.56"), ("1\u00a0234,5", "1234.5"), ("1'234.50", "1234.50"), ("1’234.50", "1234.50"),
        ("1.234.567", "1234567"), ("12,-", "12"), ("12,--", "12"), ("€ 12.50", "12.50"), ("12,50 €", "12.50"),
        ("RM12.50", "12.50"), ("-3.00", "-3.00"), ("−3.00", "-3.00"), ("3.00-", "-3.00"), ("(3.00)", "-3.00"),
        ("-€3.00", "-3.00"), ("0.125", "0.125"), ("-0", "0"), (" 7 ", "7"), ("1 234 Kč", "1234"),
    ],
)  # fmt: skip
def test_amounts_are_understood_as_people_type_them(text: str, value: str) -> None:
    assert str(typed_amount(text)) == value


def test_the_bills_own_decimal_sign_settles_three_digits_behind_a_sign() -> None:
    assert typed_amount("1.234", ",") == 1234
    assert typed_amount("1.234", ".") == Decimal("1.234")
    with pytest.raises(ValueError, match=r"1234 or 1\.234"):
        typed_amount("1.234")


@pytest.mark.parametrize(
    "text", ["", "abc", "NaN", "Infinity", "1e5", "1.2.3", "1,23,4", "12.345.67", "1" * 14, "½", "--5", "12 3", "0x10"]
)
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"1234\.56"):
        typed_amount(text)


@pytest.mark.parametrize(
    "text", ["2026-03-04", "4.3.2026", "04.03.26", "4 March 2026", "4. März 2026", "20260304", " 4.3.2026 "]
)
def test_dates_are_understood_as_people_type_them(text: str) -> None:
    assert typed_date(text) == date(2026, 3, 4)


def test_a_date_with_two_meanings_is_refused_unless_the_bills_language_settles_it() -> None:
    with pytest.raises(ValueError, match="2026-04-03 or 2026-03-04"):
        typed_date("3/4/2026")
    assert typed_date("3/4/2026", "de") == date(2026, 4, 3)
    assert typed_date("13/4/2026") == date(2026, 4, 13)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "31.2.2026", "2026-13-01", "1.1.1066", "4.3.2026 5.3.2026", "on 4.3.2026"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        typed_date(text)


def test_times_and_currencies() -> None:
    assert typed_time("14:05") == typed_time("2:05 pm") == time(14, 5)
    assert (typed_currency("€"), typed_currency("eur"), typed_currency("Kč"), typed_currency("JPY")) == (
        "EUR",
        "EUR",
        "CZK",
        "JPY",
    )
    for wrong in ("25:00", "noon", "14:05 or so"):
        with pytest.raises(ValueError, match="no time"):
            typed_time(wrong)
    with pytest.raises(ValueError, match="several"):
        typed_currency("$")
    with pytest.raises(ValueError, match="no currency"):
        typed_currency("XYZ")
