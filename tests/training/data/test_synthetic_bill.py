import random
from decimal import Decimal

import pytest

from training.data.alphabet import normalise
from training.data.synthetic import corpus
from training.data.synthetic.bill import make_bill
from training.data.synthetic.corpus import LOCALES


@pytest.mark.parametrize("code", LOCALES)
def test_the_sums_of_every_bill_add_up_to_the_cent(code):
    r = random.Random(code)
    for _ in range(150):
        bill = make_bill(r, code)
        assert sum(item.amount for item in bill.items) == bill.subtotal
        for item in bill.items:
            assert abs(item.quantity * item.unit_price - item.amount) <= Decimal("0.5")
        for tax in bill.taxes:
            assert tax.net + tax.tax == tax.gross
        extra = 0 if bill.tax_included else sum(tax.tax for tax in bill.taxes)
        assert bill.subtotal - bill.discount + bill.service + extra + bill.rounding == bill.total
        assert sum(tax.gross for tax in bill.taxes) + bill.rounding == bill.total
        assert bill.tendered - bill.total == bill.change >= 0
        if bill.cash:
            assert bill.total % bill.locale.cash_step == 0


@pytest.mark.parametrize("code", LOCALES)
def test_every_list_of_a_locale_is_filled_and_spelt_in_the_alphabet(code):
    where = corpus.locale(code)
    assert set(where.lists) >= set(corpus.locale("en").lists)
    for entries in (*where.lists.values(), *where.items.values()):
        for entry in entries:
            assert entry
            assert entry == " " or normalise(entry) == entry


def test_amounts_are_written_as_the_locale_writes_them():
    amount = Decimal("1234.50")
    assert corpus.locale("de").money(amount) == "1.234,50"
    assert corpus.locale("cs").money(amount) == "1 234,50"
    assert corpus.locale("en").money(amount) == "1,234.50"
    assert corpus.locale("hu").money(Decimal(1234)) == "1 234"
    assert corpus.locale("fr").money(amount, grouped=False) == "1234,50"
