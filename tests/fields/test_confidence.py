from __future__ import annotations

from billocr_assets.fields import extract_fields
from billocr_assets.fields.confidence import probability
from tests.fields import bills


def test_confidence_grows_with_the_score_and_stays_a_probability():
    chances = [probability(score / 20, 1.3, -0.1) for score in range(21)]
    assert chances == sorted(chances)
    assert 0 < chances[0] < chances[-1] < 1


def test_a_field_read_from_surer_words_is_believed_more():
    sure, unsure = (extract_fields(bills.document(bills.GERMAN, confidence=value)) for value in (0.99, 0.4))
    for name in ("company", "address", "date", "total", "time", "vat_id"):
        assert getattr(sure, name).confidence > getattr(unsure, name).confidence
    assert sure.taxes[0].amount.confidence > unsure.taxes[0].amount.confidence
    assert len(sure.items) > 1
    for believed, doubted in zip(sure.items, unsure.items, strict=True):
        assert 0.9 < believed.confidence < 1
        assert believed.confidence > doubted.confidence
