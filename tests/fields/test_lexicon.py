from __future__ import annotations

import pytest

from billocr_assets.fields.lexicon import concepts, fold, language_of, mend_phrases, mend_word
from tests.fields import bills


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("GRAND TOTAL :", "grand_total"), ("Jumlah Besar", "grand_total"), ("Zu zahlen EUR", "grand_total"),
        ("Celkem k úhradě", "grand_total"), ("Na úhradu", "grand_total"), ("SUMA PLN", "grand_total"),
        ("FIZETENDŐ", "grand_total"), ("Net à payer", "grand_total"),
        ("Sub-Total", "subtotal"), ("Mezisoučet", "subtotal"),
        ("RÜCKGELD", "change"), ("Vráceno", "change"), ("Reszta", "change"),
        ("VISSZAJÁRÓ", "change"), ("BAKI", "change"),
        ("MwSt", "tax"), ("DPH 21%", "tax"), ("Gotówka", "cash"), ("Készpénz", "cash"), ("Bargeld", "cash"),
    ],
)  # fmt: skip
def test_words_of_eight_languages_mean_the_same(text: str, concept: str):
    assert concept in concepts(text)


@pytest.mark.parametrize("text", ["TOTLA AMOUNT", "GRANDTOTAL", "GRAND T0TAL", "GRAND TOTALS", "GRND TOTAL"])
def test_one_wrong_letter_or_a_lost_blank_does_not_hide_the_total(text: str):
    assert concepts(text) & {"grand_total", "total"}


def test_short_and_neighbouring_words_are_not_mistaken():
    assert "cash" not in concepts("CASE")
    assert "change" not in concepts("SERVICE CHARGE")
    assert concepts("OAT MILK") == frozenset()


def test_folding_takes_off_accents_and_signs():
    assert fold("Dębowa  5, Straße – Łódź!") == "DEBOWA 5 STRASSE LODZ"


@pytest.mark.parametrize(
    ("read", "printed"),
    [
        ("Saksyen", "Seksyen"),
        ("MAIKOTA,", "MAHKOTA,"),
        ("Vilage.", "Village."),
        ("Jakan", "Jalan"),
        ("JAPAN", "JAPAN"),
        ("Hardwa.e", "Hardware"),
        ("STO0GES", "STOOGES"),
        ("MEl", "MEI"),
    ],
)
def test_a_word_of_an_address_is_mended_by_letters_that_look_alike(read: str, printed: str):
    assert mend_word(read) == printed


@pytest.mark.parametrize(
    ("read", "printed"),
    [
        ("HARBOUR SDN. DHD.", "HARBOUR SDN. BHD."),
        ("HARBOUR SDN 3H41", "HARBOUR SDN BHD"),
        ("99 QUAY MART S/D", "99 QUAY MART S/B"),
        ("Blik G, Jin PJU 1A/3", "Blk G, Jln PJU 1A/3"),
        ("40300 Shah Alan, Selangor", "40300 Shah Alam, Selangor"),
        ("Alan Smith", "Alan Smith"),
    ],
)
def test_short_words_are_mended_by_the_words_beside_them(read: str, printed: str):
    assert mend_phrases(read) == printed


@pytest.mark.parametrize(
    ("bill", "language"),
    [(bills.GERMAN, "de"), (bills.CZECH, "cs"), (bills.SLOVAK, "sk"), (bills.POLISH, "pl"), (bills.HUNGARIAN, "hu"),
     (bills.FRENCH, "fr"), (bills.ENGLISH, "ms"), ("MILL CAFE TOTAL 4.05 THANK YOU", None)],
)  # fmt: skip
def test_the_words_of_a_bill_tell_its_language(bill: str, language: str | None):
    assert language_of(bill.splitlines()) == language
