"""Whole made-up bills through the rules."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billocr_assets.fields import Fields, extract_fields
from billocr_assets.ocr.document import Document
from tests.fields import bills


def fields_of(bill: str) -> Fields:
    return extract_fields(bills.document(bill))


@pytest.mark.parametrize(
    ("bill", "company", "address", "day", "total", "currency", "vat_id"),
    [
        (bills.ENGLISH, "HARBOUR LANE GROCERS SDN BHD", "NO. 14, JALAN QUAY 3/2, 40100 EASTPORT, SELANGOR",
         date(2018, 12, 25), "6.70", "MYR", "001234567890"),
        (bills.GERMAN, "Bäckerei Krume GmbH", "Mühlgasse 7 12345 Musterstadt", date(2020, 3, 2), "17.50", "EUR",
         "DE123456789"),
        (bills.CZECH, "Potraviny U Lípy s.r.o.", "Lipová 12 110 00 Praha 1", date(2021, 11, 5), "36.40", "CZK",
         "CZ12345678"),
        (bills.SLOVAK, "Predajňa Javor s.r.o.", "Javorová 3 821 01 Bratislava", date(2023, 2, 14), "4.88", "EUR",
         "SK2020202020"),
        (bills.POLISH, "Sklep Pod Dębem Sp. z o.o.", "ul. Dębowa 5 00-950 Warszawa", date(2022, 9, 30), "16.90", "PLN",
         "123-456-32-18"),
        (bills.HUNGARIAN, "Tölgy Élelmiszer Kft.", "1051 Budapest, Fő utca 8.", date(2021, 6, 14), "2100", "HUF",
         "12345678-2-41"),
        (bills.FRENCH, "Boulangerie du Chêne SARL", "12 rue des Lilas 75011 Paris", date(2021, 8, 7), "3.50", "EUR",
         "FR12345678901"),
    ],
    ids=["en", "de", "cs", "sk", "pl", "hu", "fr"],
)  # fmt: skip
def test_the_head_and_the_total_of_a_bill_in_each_language(bill, company, address, day, total, currency, vat_id):
    fields = fields_of(bill)
    assert (fields.company.value, fields.address.value, fields.date.value) == (company, address, day)
    assert (fields.total.value, fields.currency.value, fields.vat_id.value) == (Decimal(total), currency, vat_id)
    assert fields.consistency == "consistent"


def test_sums_payment_and_items_of_a_bill():
    fields = fields_of(bills.ENGLISH)
    assert fields.printed()["total"] == "6.70"
    assert fields.time.value == time(10, 41, 7)
    assert fields.subtotal.value == Decimal("6.30")
    assert fields.rounding.value == Decimal("0.02")
    assert [(tax.rate, tax.amount.value) for tax in fields.taxes] == [(6, Decimal("0.38"))]
    assert [(payment.method, payment.amount.value) for payment in fields.payments] == [("cash", 10)]
    assert fields.change.value == Decimal("3.30")
    assert [(item.name, item.quantity, item.unit_price, item.amount) for item in fields.items] == [
        ("OAT MILK 1L", 2, Decimal("1.95"), Decimal("3.90")),
        ("RYE BREAD", 1, Decimal("2.40"), Decimal("2.40")),
    ]


def test_tax_by_rate_comes_from_the_table_of_taxes():
    taxes = fields_of(bills.GERMAN).taxes
    assert [(str(tax.rate), str(tax.base), str(tax.amount.value)) for tax in taxes] == [
        ("7", "4.30", "0.30"),
        ("19", "10.84", "2.06"),
    ]


def test_a_field_says_where_it_stands():
    fields = fields_of(bills.ENGLISH)
    (source,) = fields.total.sources
    # "6.70" ends in column 41 of the fifteenth row.
    assert source.page == 1
    assert source.polygon[0] == (370.0, 30.0 * 14)
    assert source.polygon[2] == (410.0, 30.0 * 14 + 20)
    assert len(fields.address.sources) == len(["NO.", "14,", "JALAN", "QUAY", "3/2,", "40100", "EASTPORT,", "SELANGOR"])
    assert 0 < fields.total.confidence < 1


def test_fields_of_a_later_page_carry_its_number():
    first, _, rest = bills.ENGLISH.partition("SUB TOTAL")
    fields = extract_fields(bills.document(first, "SUB TOTAL" + rest))
    assert fields.company.sources[0].page == 1
    assert fields.total.value == Decimal("6.70")
    assert fields.total.sources[0].page == 2


def test_arithmetic_picks_the_total_that_payment_and_change_call_for():
    fields = fields_of("""
        MILL CAFE
        COFFEE       4.00
        TOTAL        4.03
        ROUNDING     0.02
        TOTAL        4.05
        CASH         5.00
        CHANGE       0.95
        TOTAL        3.80
    """)
    assert fields.total.value == Decimal("4.05")
    assert fields.consistency == "consistent"


def test_sums_that_disagree_are_reported_and_nothing_is_changed():
    fields = fields_of(bills.ENGLISH.replace("RM   6.70", "RM   6.10"))
    assert fields.total.value == Decimal("6.10")
    assert fields.consistency == "contradicted"
    failed = [check for check in fields.checks if not check.holds]
    assert ("cash - change = total", Decimal("6.70"), Decimal("6.10")) in [(c.name, c.left, c.right) for c in failed]


def test_the_tax_within_and_the_subtotal_are_not_taken_for_the_total():
    fields = fields_of("""
        MILL CAFE
        SUB TOTAL                 10.00
        TOTAL QTY                     3
        TOTAL (INCL GST)          10.60
        GST @6% INCLUDED IN TOTAL  0.60
        TOTAL SAVINGS              2.00
    """)
    assert fields.total.value == Decimal("10.60")


def test_an_open_date_is_reported_with_both_readings():
    day = fields_of("MILL CAFE\nDate 03/04/2018 10:41\nTOTAL  4.05").date
    assert day.text == "03/04/2018"
    assert day.ambiguous
    assert day.candidates == (date(2018, 4, 3), date(2018, 3, 4))
    clear = fields_of("MILL CAFE\nDate 13/04/2018 10:41\nTOTAL  4.05").date
    assert not clear.ambiguous
    assert clear.confidence > day.confidence


def test_a_currency_that_is_not_printed_is_not_invented():
    assert fields_of("MILL CAFE\nTOTAL  4.05").currency is None
    dollars = fields_of("MILL CAFE\nTOTAL  $4.05").currency
    assert (dollars.text, dollars.value) == ("$", None)


def test_a_name_on_two_rows_is_joined_and_its_number_left_out():
    fields = fields_of("""
        MILL STREET BOOKS
        CO. (M) SDN BHD (113825-W)
        NO 8, JALAN 7/118B
        56000 KUALA LUMPUR
        TOTAL   9.65
    """)
    assert fields.company.value == "MILL STREET BOOKS CO. (M) SDN BHD"


def test_the_customer_of_a_bill_is_not_its_merchant():
    fields = fields_of("""
        OAK TIMBER SUPPLY
        LOT 276 JALAN BANTING
        43800 DENGKIL, SELANGOR
        TAX INVOICE
        BILL TO :
        FAR AWAY TRANSPORT SDN BHD
        NO 1 JALAN AMAN 2
        TOTAL   174.90
    """)
    assert fields.company.value == "OAK TIMBER SUPPLY"
    assert fields.address.value == "LOT 276 JALAN BANTING 43800 DENGKIL, SELANGOR"


def test_names_above_and_below_their_amounts_are_found():
    above = fields_of("""
        MILL CAFE
        ITEM        QTY   PRICE   AMOUNT
        BLUE MUG
        9555916500133   2   3.10   6.20
        TEA POT
        9555916500126   1   4.62   4.62
        TOTAL                     10.82
    """)
    below = fields_of("""
        MILL CAFE
        ITEM        QTY   PRICE   AMOUNT
        9555916500133   2   3.10   6.20
        BLUE MUG
        9555916500126   1   4.62   4.62
        TEA POT
        TOTAL                     10.82
    """)
    for fields in (above, below):
        assert [(item.name, item.quantity, item.amount) for item in fields.items] == [
            ("BLUE MUG", 2, Decimal("6.20")),
            ("TEA POT", 1, Decimal("4.62")),
        ]


def test_an_empty_document_has_no_fields():
    empty = extract_fields(Document((), {}))
    assert empty == Fields()
    assert empty.printed() == {"company": None, "date": None, "address": None, "total": None}


@pytest.mark.parametrize("bill", [bills.ENGLISH, bills.GERMAN, bills.HUNGARIAN, "MILL CAFE"])
def test_fields_come_back_from_json(bill: str):
    fields = fields_of(bill)
    assert Fields.from_dict(json.loads(json.dumps(fields.to_dict(), allow_nan=False))) == fields


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("0123456789.,:/-()%€$ \nATOLRMXDEÜ"), max_size=200))
def test_no_text_makes_the_rules_fail(text: str):
    fields = fields_of(text)
    assert Fields.from_dict(json.loads(json.dumps(fields.to_dict()))) == fields


def test_a_calculation_on_a_row_of_its_own_belongs_to_its_item():
    fields = fields_of("""
        Bäckerei Krume GmbH
        Roggenbrot            2,10 A
        3 X    0,99
        Riegel                2,97 B
        Brezel                1,80 A
        2  0,90
        Summe                 6,87
    """)
    assert [(item.name, item.quantity, item.unit_price, item.amount) for item in fields.items] == [
        ("Roggenbrot", None, None, Decimal("2.10")),
        ("Riegel", 3, Decimal("0.99"), Decimal("2.97")),
        ("Brezel", 2, Decimal("0.90"), Decimal("1.80")),
    ]


def test_an_uncertain_word_of_an_address_is_mended_and_a_certain_one_is_left():
    page = "MILL CAFE SDN BND\nLOT 5, JALAM BESAR\n40100 EASTPORT, SELANGGOR\nTOTAL  4.05"
    unsure = extract_fields(bills.document(page, confidence=0.6))
    assert unsure.company.text == "MILL CAFE SDN BHD"
    assert unsure.address.text == "LOT 5, JALAN BESAR 40100 EASTPORT, SELANGOR"
    glued = bills.document("MILL CAFE\nLOT 5,JALAM BESAR,40100 EASTPORT,SELANGGOR\nTOTAL  4.05", confidence=0.6)
    assert extract_fields(glued).address.text == "LOT 5,JALAN BESAR,40100 EASTPORT,SELANGOR"
    sure = extract_fields(bills.document(page, confidence=0.99))
    assert sure.company.text == "MILL CAFE SDN BND"
    assert sure.address.text == "LOT 5, JALAM BESAR 40100 EASTPORT, SELANGGOR"


def test_an_amount_that_slipped_a_row_below_its_word_is_still_its_amount():
    fields = fields_of("MILL CAFE\nRye Bread  2.40\nTOTAL\nEUR 6.30\nCASH\n10.00\nCHANGE\n3.70")
    assert fields.total.value == Decimal("6.30")
    assert fields.consistency == "consistent"


def test_the_legal_owner_below_a_sign_is_the_merchant_without_its_registration():
    fields = fields_of("""
        MILL CAFE
        OWNED BY: HARBOUR LANE SDN BHD 273500-U (GKJ)
        (GST REGISTRATION NO : 000850247680)
        NO 8, JALAN 7/118B
        TOTAL   9.65
    """)
    assert fields.company.value == "HARBOUR LANE SDN BHD"
    assert fields.company.text == "OWNED BY: HARBOUR LANE SDN BHD"
    fields = fields_of("MILL TEA & CO.\nDimiliki oleh HARBOUR LANE SDN BHD\nNO 8, JALAN 7/118B\nTOTAL   9.65")
    assert fields.company.value == "HARBOUR LANE SDN BHD"


def test_the_foot_of_another_bill_above_the_merchant_is_passed_over():
    fields = fields_of("""
        THANK YOU. PLEASE COME AGAIN.
        FOR FEEDBACK OR COMPLAINT, PLEASE CALL:
        011-3194 0284
        HARBOUR LANE SDN.BHD
        12, QUAY 9,
        40100 EASTPORT
        TOTAL   9.65
    """)
    assert fields.company.value == "HARBOUR LANE SDN.BHD"
    assert fields.address.value == "12, QUAY 9, 40100 EASTPORT"


def test_an_address_ends_before_the_phone_and_begins_with_its_house_number():
    fields = fields_of("""
        MILL CAFE
        EAST QUARTER PLAZA
        NO 24, 25 & 26,
        JALAN BESAR,
        40100 EASTPORT, SELANGOR TEL NO.: 07-387 3322
        TERMINAL : 5
        TOTAL   9.65
    """)
    assert fields.address.value == "NO 24, 25 & 26, JALAN BESAR, 40100 EASTPORT, SELANGOR"


def test_what_is_due_and_a_total_glued_to_its_currency_are_totals():
    assert (
        fields_of("MILL CAFE\nDUE  7.50\nPAY  20.00\nCHANGE  12.50\nTOTAL INCLUDED GST @ 6% :  0.42").printed()["total"]
        == "7.50"
    )
    assert fields_of("MILL CAFE\nTotal  15.39\nRounding  0.01\nGrand TotaiRM15.40").total.value == Decimal("15.40")


def test_a_scribble_above_the_name_is_no_part_of_it():
    page = bills.document("/0o4o\nHARBOUR CO. (M) BHD\n40100 EASTPORT\nTOTAL  4.05", confidence=0.95).pages[0]
    scribble = replace(page.lines[0], segments=(), confidence=0.05)
    fields = extract_fields(Document((replace(page, lines=(scribble, *page.lines[1:])),), {}))
    assert fields.company.value == "HARBOUR CO. (M) BHD"


def test_accents_are_taken_off_where_the_bill_has_none():
    text = "MILL CAFE\nLOT 5, JÁLAN BESÄR\n40100 EASTPORT\n" + "Oat milk and rye bread  2.40\n" * 3 + "TOTAL  7.20"
    sure, unsure = (bills.document(text, confidence=confidence).pages[0] for confidence in (0.99, 0.6))
    lines = tuple(a if a.text.isascii() else b for a, b in zip(sure.lines, unsure.lines, strict=True))
    fields = extract_fields(Document((replace(sure, lines=lines),), {}))
    assert fields.address.text == "LOT 5, JALAN BESAR 40100 EASTPORT"


def test_items_after_an_intermediate_sum_are_read_and_the_sum_is_no_item():
    fields = fields_of("""
        Bäckerei Krume GmbH
        Roggenbrot            2,10 A
        Zwischensumme         2,10
        Brezel                1,80 A
        Summe                 3,90
    """)
    assert [(item.name, item.amount) for item in fields.items] == [
        ("Roggenbrot", Decimal("2.10")),
        ("Brezel", Decimal("1.80")),
    ]
    assert fields.total.value == Decimal("3.90")


def test_names_are_told_from_codes_counts_units_and_the_letters_of_the_tax():
    fields = fields_of("""
        MILL CAFE
        2014-12-02 18:23
        3. Pfand 0,25       0,55  B
        64495 Noodles       2,95  A
        2  Weizenmehl 405   1,50  A
        Mleko 2% 1L
        2 szt. x 3,15       6,30  1
        Kofola 0,5l        17,90  A
        0,252 kg x 2,50
        Plátka              0,63  A
        TOTAL              29,83
    """)
    assert [(item.name, item.quantity, item.unit_price, str(item.amount)) for item in fields.items] == [
        ("Pfand 0,25", None, None, "0.55"),
        ("Noodles", None, None, "2.95"),
        ("Weizenmehl 405", 2, None, "1.50"),
        ("Mleko 2% 1L", 2, Decimal("3.15"), "6.30"),
        ("Kofola 0,5l", None, None, "17.90"),
        ("Plátka", Decimal("0.252"), Decimal("2.50"), "0.63"),
    ]
    assert fields.consistency == "consistent"


def test_amounts_without_decimals_are_read_on_a_bill_that_has_no_others():
    fields = fields_of("""
        Tölgy Élelmiszer Kft.
        Asztal : 8
        Árucikk        Menny.  Egys.ár   Összesen
        077146 Kenyér     2       650     1 300 A
        Tej               1     1 450     1 450 A
        ÖSSZESEN:                         2 750
        KÉSZPÉNZ:                         5 000
        VISSZAJÁRÓ:                       2 250
    """)
    assert fields.total.value == 2750
    assert [(item.name, item.quantity, item.amount) for item in fields.items] == [
        ("Kenyér", 2, 1300),
        ("Tej", 1, 1450),
    ]
    assert fields.consistency == "consistent"
    assert fields.decimal_separator is None


def test_the_table_of_taxes_has_no_subtotal():
    fields = fields_of("""
        Potraviny U Lípy s.r.o.
        Rohlík                 213,60 Kč  2
        Maso                   784,30 Kč  1
        Mezisoučet             997,90 Kč
        K úhradě               997,90 Kč
        Sazba   Celkem      Základ      DPH
        A: 15%  213,60 Kč   185,74 Kč   27,86 Kč
        B: 12%  784,30 Kč   700,27 Kč   84,03 Kč
    """)
    assert fields.subtotal.value == Decimal("997.90")
    assert fields.consistency == "consistent"
    assert [(str(tax.rate), str(tax.amount.value)) for tax in fields.taxes] == [("15", "27.86"), ("12", "84.03")]


def test_a_misread_total_is_corrected_by_two_other_sums_and_says_so():
    bill = """
        MILL CAFE
        OAT MILK              4.00
        RYE BREAD             2.70
        TOTAL            RM   6.10
        CASH                 10.00
        CHANGE                3.30
    """
    unsure = extract_fields(bills.document(bill, confidence=0.6))
    assert (unsure.total.value, unsure.total.text) == (Decimal("6.70"), "6.70")
    assert unsure.consistency == "corrected"
    sure = extract_fields(bills.document(bill, confidence=0.99))
    assert sure.total.value == Decimal("6.10")
    assert sure.consistency == "contradicted"
    other = extract_fields(bills.document(bill.replace("6.10", "8.15"), confidence=0.6))
    assert other.total.value == Decimal("8.15")
    assert other.consistency == "contradicted"


def test_the_table_of_taxes_speaks_for_a_total_that_payment_contradicts():
    fields = fields_of("""
        Bäckerei Krume GmbH
        Käse      2,59 x  2  5,18 A
        Bulgur    0,99 x  2  1,98 A
        zu zahlen
        Bar             1.110,00
        MWST%     MWST  Netto  Brutto
        A 7 %     0,47   6,69    7,16
    """)
    assert fields.total.value == Decimal("7.16")


def test_the_language_of_the_bill_settles_the_order_of_day_and_month_and_says_so():
    german = fields_of(bills.GERMAN.replace("02.03.2020", "02/03/2020")).date
    assert (german.value, german.ambiguous, german.order_from) == (date(2020, 3, 2), False, "language")
    malay = fields_of(bills.ENGLISH.replace("25/12/2018", "03/04/2018")).date
    assert (malay.value, malay.order_from) == (date(2018, 4, 3), "language")
    english = fields_of("MILL CAFE\nDate 03/04/2018 10:41\nTOTAL  4.05").date
    assert (english.ambiguous, english.order_from) == (True, None)
    assert fields_of("MILL CAFE\nDate 03/04/2018\nDue 28/04/2018\nTOTAL  4.05").date.order_from == "date"


def test_a_date_with_one_impossible_digit_is_given_with_what_it_can_have_been():
    day = fields_of("MILL CAFE\nBILL DT: 72/01/2017 09:09:16 PM\nTOTAL  4.05").date
    assert day.candidates == (date(2017, 1, 22), date(2017, 1, 12))
    assert day.ambiguous
    assert day.confidence < 0.6
    assert fields_of("MILL CAFE\nROOM 72/01/20 4.05").date is None


def test_a_year_with_a_misread_nought_is_mended_and_doubted_where_a_word_tells_a_date():
    day = fields_of("MILL CAFE\nDATE: 25/12/2818\nTOTAL  4.05").date
    assert (day.value, day.text) == (date(2018, 12, 25), "25/12/2018")
    assert day.confidence < fields_of("MILL CAFE\nDATE: 25/12/2018\nTOTAL  4.05").date.confidence
    assert fields_of("MILL CAFE\nROOM 25/12/2818\nTOTAL  4.05").date is None


def test_a_name_that_is_too_long_for_its_row_and_the_kind_of_shop_above_a_name_are_whole():
    assert fields_of("Piekarnia\nWiśniowy Sad\nul. Dębowa 5\n00-950 Warszawa\nRAZEM  4,05").company.value == (
        "Piekarnia Wiśniowy Sad"
    )
    page = bills.document(
        "BOULANGERIE LA BELLE\nEPOQUE\n" + "12 rue des Lilas\n75011 Paris\n" * 3 + "TOTAL  4,05"
    ).pages[0]
    large = tuple(
        replace(line, polygon=tuple((x, y * 1.0 + (12 if i > 1 else 0)) for i, (x, y) in enumerate(line.polygon)))
        if line.row < 2
        else line
        for line in page.lines
    )
    fields = extract_fields(Document((replace(page, lines=large),), {}))
    assert fields.company.value == "BOULANGERIE LA BELLE EPOQUE"


@pytest.mark.parametrize(
    ("street", "town"),
    [("Dürerweg 27", "D-27390 Fürth"), ("nám. Svobody 43B", "Karlovy Vary, PSČ 636 24"),
     ("Hviezdoslavova 12b", "SK-276 98 Košice"), ("39 bis, cours Jean Jaurès", "02399 Nîmes CEDEX 4"),
     ("Bem rkp. 65-25.", "8880 Sopron"), ("Arany János u. 166/C.", "6554 Kaposvár"),
     ("Erdő sor 130. fsz. 27.", "3356 Eger"), ("Na Příkopě 192", "94870 Děčín"),
     ("138 Broadway", "Oxford 99217"), ("Suite 63, 4 Elm Grove", "Glasgow G3 1VV"),
     ("Hôrky 193B SK-213 29", "Michalovce"), ("GK101,GND FLR,QUAY CENTRE", "NO.1,LEBUH BESAR,")],
)  # fmt: skip
def test_an_address_has_its_street_and_its_post_code_in_every_country(street: str, town: str):
    assert fields_of(f"Krume & Co.\n{street}\n{town}\nTel. 123 456\nTOTAL  4,05").address.value == f"{street} {town}"


@pytest.mark.parametrize(
    "number", ["Steuer-Nr. 762/052/47975", "HRB 19046", "RCS Paris 670 522 697", "SIRET 627 244 144 29051", "APE 71480"]
)
def test_the_numbers_of_a_registration_beside_an_address_are_no_part_of_it(number: str):
    street, town = "9 rue des Lilas", "75011 Paris"
    above = fields_of(f"Krume & Co.\n{number}\n{street}\n{town}\nTOTAL  4,05")
    below = fields_of(f"Krume & Co.\n{street}\n{town}\n{number}\nTOTAL  4,05")
    assert above.address.value == below.address.value == f"{street} {town}"


@pytest.mark.parametrize(
    ("name", "rest"),
    [("BUCHHANDLUNG WAGNER", "E.K."), ("HUDÁK SPOL. S", "R.O."), ("BUFET SOVA, S. R.", "O."),
     ("VENDÉGLŐ OLÁH", "SZÖVETKEZET"), ("KARCZMA DĘBOWA", "F.H.U."), ("CUKIERNIA MAK SP. Z O.O.", "SP. K."),
     ("KAVÁRNA ŘÍHA", "& ZEMAN")],
)  # fmt: skip
def test_a_name_keeps_its_legal_form_from_the_row_below(name: str, rest: str):
    assert fields_of(f"{name}\n{rest}\nMill Street 4\n12345 Eastport\nTOTAL  4,05").company.value == f"{name} {rest}"


def test_nothing_is_added_to_a_name_that_is_complete_or_to_one_whose_bracket_was_left_open():
    fields = fields_of("MILL TRADING SDN BHD\nSE\nNO. 5, JALAN BESAR, 40100\nEASTPORT\nTOTAL  4.05")
    assert fields.company.value == "MILL TRADING SDN BHD"
    assert fields.address.value == "NO. 5, JALAN BESAR, 40100 EASTPORT"
    fields = fields_of("MILL CAFE (EAST\nLOT 5, JALAN BESAR\n40100 EASTPORT\nTOTAL  4.05")
    assert fields.company.value == "MILL CAFE (EAST"
    assert fields.address.value == "LOT 5, JALAN BESAR 40100 EASTPORT"


def test_an_address_has_neither_its_label_nor_the_branch_or_the_scrap_behind_it():
    fields = fields_of("MILL CAFE\nHQ ADD: LOT 5, JALAN BESAR\n40100 EASTPORT, MALAYSIA\nEAST MALL\nTOTAL  4.05")
    assert fields.address.value == "LOT 5, JALAN BESAR 40100 EASTPORT, MALAYSIA"
    fields = fields_of("MILL CAFE\nLOT 5, JALAN BESAR\n40100 EASTPORT 0)\nCHIT NUMBER\n29721\nTOTAL  4.05")
    assert fields.address.value == "LOT 5, JALAN BESAR 40100 EASTPORT"


def test_a_bill_whose_name_is_a_logo_has_its_address_and_no_invented_name():
    fields = fields_of("""
        Mühlgasse 130
        33100 Paderborn
                           EUR
        53777 Gurke     1,00 A
        zu zahlen       1,00
    """)
    assert fields.company is None
    assert fields.address.value == "Mühlgasse 130 33100 Paderborn"
    fields = fields_of("Krume\nName        Menge   Preis   Betrag\n53777 Gurke     1   1,00   1,00\nSumme   1,00")
    assert fields.address is None


def test_the_branch_between_a_brand_and_the_legal_name_ends_neither():
    fields = fields_of(
        "MILL\nDesa Park\nHarbour Lane Sdn Bhd\nA-16-1, Tower A, Mid\nCity, No 1, Medan Besar\nTOTAL  4.05"
    )
    assert fields.company.value == "Harbour Lane Sdn Bhd"
    assert fields.address.value == "A-16-1, Tower A, Mid City, No 1, Medan Besar"


@pytest.mark.parametrize(
    ("sum_", "total"),
    [("Celkem k úhradě:  8  593,00 Kč", "8593.00"), ("Celkem k úhradě:\n8  593,00  Kč", "8593.00"),
     ("TOTAL TTC:  131,  53  €", "131.53"), ("NET À PAYER:\n287  ,94  €", "287.94")],
)  # fmt: skip
def test_a_total_in_wide_print_that_was_cut_between_its_groups_is_whole(sum_: str, total: str):
    fields = fields_of(f"U Lípy s.r.o.\nLipová 12\n110 00 Praha 1\nSešit  14,50\n{sum_}\nDěkujeme")
    assert fields.total.value == Decimal(total)


def test_a_count_and_a_price_are_no_number_in_wide_print():
    fields = fields_of("U Lípy s.r.o.\nSešit\n3  288,20  864,60\nPolozek celkem\nCelkem  864,60 Kč")
    assert [(item.quantity, item.amount) for item in fields.items] == [(3, Decimal("864.60"))]
    assert fields.total.value == Decimal("864.60")
