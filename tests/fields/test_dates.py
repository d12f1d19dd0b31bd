from __future__ import annotations

from datetime import date, time

import pytest

from billocr_assets.fields.dates import find_dates, find_times, settle_order


@pytest.mark.parametrize(
    "text",
    ["25/12/2018", "25-12-18", "25.12.2018", "2018-12-25", "25 DEC 2018", "25. prosince 2018", "25 grudnia 2018",
     "25. Dezember 2018", "25 décembre 2018", "DEC 25, 2018", "20181225", "2018.12.25.", "25-Dis-2018",
     "25. decembra 2018", "2018. december 25.", "Nr 12  Tue 25 Dec 2018"],
)  # fmt: skip
def test_one_day_in_the_spellings_of_eight_languages(text: str):
    (found,) = find_dates(f"Date {text} 10:41")
    assert found.candidates == (date(2018, 12, 25),)


def test_the_longest_name_of_a_month_is_known():
    assert find_dates("17 października 2013 21:41")[0].candidates == (date(2013, 10, 17),)


def test_an_open_order_of_day_and_month_is_reported_with_both_readings():
    (found,) = find_dates("03/04/2018")
    assert found.candidates == (date(2018, 4, 3), date(2018, 3, 4))


def test_points_stand_only_in_dates_that_begin_with_the_day():
    assert find_dates("03.04.2018")[0].candidates == (date(2018, 4, 3),)


def test_another_date_of_the_bill_settles_the_order():
    day_first = settle_order([*find_dates("03/04/2018"), *find_dates("due 28/04/2018")])
    assert day_first[0].candidates == (date(2018, 4, 3),)
    month_first = settle_order([*find_dates("03/04/2018"), *find_dates("due 04/28/2018")])
    assert month_first[0].candidates == (date(2018, 3, 4),)


def test_a_date_of_another_style_settles_nothing():
    assert len(settle_order([*find_dates("03/04/2018"), *find_dates("28.04.2018")])[0].candidates) == 2


@pytest.mark.parametrize(
    ("read", "printed"),
    [
        ("02.03,2020", "02.03.2020"),
        ("2O/12/2018", "20/12/2018"),
        ("1202/2018", "12/02/2018"),
        ("B/l2/2018", "8/12/2018"),
    ],
)
def test_a_slip_of_the_recogniser_inside_a_date_is_mended(read: str, printed: str):
    assert find_dates(read)[0].text == printed


@pytest.mark.parametrize(
    "text", ["32/12/2018", "10.50", "03-5512 3456", "12.50.00", "1234567890123", "MARKET 12 18", "8/4"]
)
def test_other_numbers_are_no_dates(text: str):
    assert find_dates(text) == []


def test_times_are_read_and_prices_are_not():
    assert [found.value for found in find_times("10:41:07 PM")] == [time(22, 41, 7)]
    assert [found.value for found in find_times("at 12:05 AM")] == [time(0, 5)]
    assert find_times("12.50") == []
