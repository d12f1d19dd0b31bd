import string
from datetime import date
from decimal import Decimal

import pytest

from billocr_assets.store.errors import BillNotFound, TooLarge
from billocr_ui.services import wording
from billocr_ui.strings import LANGUAGES, _catalogue, language_of, words


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_a_translation_is_whole_and_has_the_same_places(language):
    english, other = _catalogue("en"), _catalogue(language)
    sentences = {key for key in other if not key.startswith("errors.")}
    assert sentences == {key for key in english if not key.startswith("errors.")}
    differing = {key for key in sentences if places(english[key]) != places(other[key])}
    assert differing == set()


def test_the_language_is_the_users_then_the_browsers_then_english():
    assert language_of("de", "en-US") == "de"
    assert language_of(None, "de-AT") == "de"
    assert language_of(None, "fr-FR") == "en"
    assert language_of(None, None) == "en"


def test_counts_dates_and_amounts_are_written_as_the_language_does():
    german = words("de")
    assert (wording.bills(1, german), wording.bills(1200, german)) == ("1 Beleg", "1.200 Belege")
    assert wording.money(Decimal("1234.5"), "EUR", german) == "1.234,50 EUR"
    assert wording.money("1234.5", None) == "1,234.50"
    assert wording.day(date(2025, 12, 24), german) == "24.12.2025"


def test_an_error_is_translated_where_a_translation_exists_and_said_in_its_own_words_elsewhere():
    assert words("de").error(BillNotFound()).startswith("Diesen Beleg gibt es nicht")
    large = TooLarge(30 * 2**20, 25)
    assert words("en").error(large) == str(large)


def test_a_sentence_that_there_is_not_is_an_error():
    with pytest.raises(KeyError):
        words("en")("pages.nowhere")
