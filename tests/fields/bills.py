"""Made-up bills as documents: a string a row, columns apart by two blanks or more."""

from __future__ import annotations

import re

from billocr_assets.ocr.document import Document, Line, Page, PageQuality, Segment, Word

QUALITY = PageQuality(90, 120, 200, 0, 0, True)


def document(*pages: str, confidence: float = 0.9) -> Document:
    """A document of monospaced pages: a character is 10 x 20 pixels, a row 30 high."""
    return Document(tuple(_page(number, page, confidence) for number, page in enumerate(pages, 1)), {})


def _page(number: int, text: str, confidence: float) -> Page:
    lines = []
    rows = [row for row in text.strip("\n").splitlines() if row.strip()]
    for row, content in enumerate(rows):
        for cell in re.finditer(r"\S+(?: \S+)*", content):
            words = tuple(
                Word(word.group(), _box(cell.start() + word.start(), cell.start() + word.end(), row), confidence)
                for word in re.finditer(r"\S+", cell.group())
            )
            box = _box(cell.start(), cell.end(), row)
            lines.append(Line(cell.group(), box, confidence, row, (Segment(cell.group(), box, confidence, words),)))
    return Page(number, 500, 30 * len(rows) + 30, QUALITY, tuple(lines))


def _box(start: int, end: int, row: int):
    left, right, top = 10.0 * start, 10.0 * end, 30.0 * row
    return ((left, top), (right, top), (right, top + 20), (left, top + 20))


ENGLISH = """
        HARBOUR LANE GROCERS SDN BHD
             (1234567-X)
        NO. 14, JALAN QUAY 3/2,
        40100 EASTPORT, SELANGOR
        TEL: 03-5512 3456
        GST ID : 001234567890
             TAX INVOICE
Date: 25/12/2018      10:41:07
DESCRIPTION        QTY   U.PRICE   AMOUNT
OAT MILK 1L          2     1.95      3.90
RYE BREAD            1     2.40      2.40
SUB TOTAL                            6.30
GST 6%                               0.38
ROUNDING ADJ                         0.02
GRAND TOTAL                     RM   6.70
CASH                                10.00
CHANGE                               3.30
THANK YOU, PLEASE COME AGAIN
"""

GERMAN = """
        Bäckerei Krume GmbH
           Mühlgasse 7
        12345 Musterstadt
        Tel. 01234 / 567890
        USt-IdNr. DE123456789
                        EUR
Brezel    4 x 0,85     3,40 A
Roggenbrot             1,20 A
Kaffee Crema          12,90 B
Summe EUR             17,50
Bar                   20,00
Rückgeld               2,50
MwSt   Netto   Steuer   Brutto
A 7%   4,30    0,30     4,60
B 19%  10,84   2,06     12,90
02.03.2020  15:59
Vielen Dank für Ihren Einkauf
"""

CZECH = """
        Potraviny U Lípy s.r.o.
        Lipová 12
        110 00 Praha 1
        DIČ: CZ12345678
Datum: 05.11.2021  08:15
Rohlík tukový          5 ks    14,50
Mléko polotučné                21,90
Celkem k úhradě        36,40 Kč
Hotovost               50,00
Vráceno                13,60
Děkujeme za nákup
"""

SLOVAK = """
        Predajňa Javor s.r.o.
        Javorová 3
        821 01 Bratislava
        IČ DPH: SK2020202020
Dátum: 14.02.2023  17:20
Chlieb          1,89
Maslo           2,99
Na úhradu       4,88 EUR
Platba kartou   4,88
"""

POLISH = """
        Sklep Pod Dębem Sp. z o.o.
        ul. Dębowa 5
        00-950 Warszawa
        NIP: 123-456-32-18
2022-09-30       11:05
PARAGON FISKALNY
Chleb żytni      1 x 4,50    4,50 C
Masło            2 x 6,20   12,40 C
SUMA PLN         16,90
Gotówka          20,00
Reszta            3,10
"""

HUNGARIAN = """
        Tölgy Élelmiszer Kft.
        1051 Budapest, Fő utca 8.
        Adószám: 12345678-2-41
NYUGTA
Kenyér              650 Ft
Tej                 1 450 Ft
ÖSSZESEN:           2 100 Ft
KÉSZPÉNZ            5 000 Ft
VISSZAJÁRÓ          2 900 Ft
2021.06.14.   09:30
"""

FRENCH = """
        Boulangerie du Chêne SARL
        12 rue des Lilas
        75011 Paris
        TVA FR12345678901
Le 07/08/2021 à 18:02
Baguette     2 x 1,10     2,20
Croissant                 1,30
TOTAL TTC                 3,50 €
dont TVA 5,5%             0,18
CB                        3,50
Merci de votre visite
"""
