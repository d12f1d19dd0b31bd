from __future__ import annotations

from datetime import date

from billocr_assets.fields.extract import extract_fields
from billocr_assets.fields.warnings import find_warnings
from tests.store.documents import printed

TODAY = date(2024, 6, 1)


def codes(text: str, settled: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    document = printed(text, 0.95)
    return [(each.code, each.field) for each in find_warnings(extract_fields(document), document, TODAY, settled)]


GOOD = "ACME MARKET\n2024-05-13 10:15\nBread 2.50\nMilk 1.20\nTOTAL EUR 3.70"


def test_a_bill_that_adds_up_has_no_warning() -> None:
    assert codes(GOOD) == []


def test_a_bill_whose_items_miss_the_total_is_warned_about() -> None:
    assert ("items", "items") in codes(GOOD.replace("3.70", "5.80"))


def test_tax_that_is_not_its_rate_is_warned_about() -> None:
    table = "\nNET TAX GROSS\n7% 3.46 0.24 3.70"
    assert codes(GOOD + table) == []
    single = GOOD + "\nVAT 20 % 1.50"
    assert ("tax", "taxes") in codes(single)
    assert ("tax", "taxes") not in codes(single.replace("1.50", "0.62"))


def test_a_date_of_next_year_and_one_with_two_meanings_are_warned_about() -> None:
    assert codes(GOOD.replace("2024", "2025")) == [("future", "date")]
    assert codes(GOOD.replace("2024-05-13", "2024-06-02")) == []  # tomorrow has begun elsewhere
    assert codes(GOOD.replace("2024-05-13", "03/04/2024")) == [("ambiguous", "date")]
    assert codes(GOOD.replace("2024-05-13", "03/04/2024"), ("date",)) == []


def test_a_currency_that_is_not_printed_or_a_sign_of_several_is_warned_about() -> None:
    assert codes(GOOD.replace("EUR ", "")) == [("currency", "currency")]
    assert codes(GOOD.replace("EUR ", "$")) == [("currency", "currency")]


def test_two_amounts_that_both_call_themselves_the_total_are_warned_about_until_a_person_has_chosen() -> None:
    text = "SHOP\n2024-05-13\nTOTAL EUR 13.70\nTOTAL EUR 19.90"
    assert ("totals", "total") in codes(text)
    assert ("totals", "total") not in codes(text, ("total",))
