import ast
import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from billocr_assets.exports.formats import UnknownFormat
from billocr_assets.store import errors
from billocr_assets.store.errors import BillError, BillNotFound, TooLarge
from billocr_assets.store.quotas import NAMES
from billocr_ui.services import wording
from billocr_ui.strings import LANGUAGES, _catalogue, language_accepted, language_of, words

ROOT = Path(__file__).parent.parent.parent


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


# What no person causes on a page, only a program.
OF_PROGRAMS = {"idempotency_key_reused", "under_way", "webhook_not_found", "webhook_refused"}
# Bases: what is raised says more.
BASES = {"bill_error", "unreadable", "not_allowed", "quota_exceeded"}
EXAMPLES: list[BillError] = [
    errors.BillNotFound(),
    errors.DuplicateUpload("id", "lunch.png"),
    errors.NotReadYet(),
    errors.InvalidOperation(1, "No."),
    errors.BeingReviewed("Mia"),
    errors.BadFilter("whose"),
    errors.BadCursor(),
    errors.FilterNotFound(),
    UnknownFormat(),
    errors.Empty(),
    errors.TooLarge(30 * 2**20, 25),
    errors.UnknownKind(),
    errors.Damaged("PNG"),
    errors.TooManyPixels(100_000_000),
    errors.TooManyPages(20),
    errors.PasswordProtected(),
    errors.TooComplex(),
    *(errors.QuotaExceeded(name, 5, 6, 2, datetime(2026, 12, 1, tzinfo=UTC)) for name in NAMES),
    errors.NotLoggedIn(),
    errors.WrongCredentials(),
    *(errors.TooManyTries(seconds) for seconds in (30, 600, 7200)),
    errors.LoginTooOld(),
    errors.MissingScope("bills:read"),
    errors.EmailTaken(),
    *(errors.AccountRefused(code, "No.") for code in ("bad_email", "weak_password", "bad_token")),
    *(errors.AccountRefused(code, "No.") for code in ("last_login", "identity_taken")),
    errors.AccountNotFound(),
    errors.InvalidLimit("max_pages"),
    errors.PersonNotFound(),
    errors.GroupNotFound(),
    errors.GrantNotFound(),
]


def kinds(kind: type[BillError]) -> Iterator[type[BillError]]:
    for each in kind.__subclasses__():
        yield each
        yield from kinds(each)


def test_every_error_that_a_person_can_cause_is_among_the_examples():
    there = {kind.code for kind in kinds(BillError)}
    assert there - OF_PROGRAMS - BASES == {error.code for error in EXAMPLES if "code" not in vars(error)} - BASES


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: f"{error.code} {error.reason or ''}")
def test_what_went_wrong_is_said_in_german_with_the_same_numbers(error: BillError):
    said = words("de").error(error)
    assert said != str(error)
    assert not set("{}") & set(said)
    assert "None" not in said


def refusals() -> Iterator[tuple[str, str]]:
    """Where the sources refuse something that the user's role or kind does not permit, and for which reason."""
    for path in [*ROOT.glob("billocr_assets/**/*.py"), *ROOT.glob("billocr_ui/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotAllowed":
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                match node.args[1]:
                    case ast.Constant(str(reason)):
                        yield where, reason
                    case ast.Name("role"):
                        yield from ((where, role) for role in ("operator", "admin"))
                    case ast.Name("level"):
                        yield from ((where, level) for level in ("edit", "own"))
                    case other:
                        raise AssertionError(f"{where}: which reasons are {ast.unparse(other)}?")


def test_every_refusal_for_want_of_rights_is_said_in_german_and_no_sentence_is_left_over():
    german = {key.rpartition(".")[2] for key in _catalogue("de") if key.startswith("errors.not_allowed.")}
    assert {reason for _, reason in refusals()} == german


def test_numbers_and_days_in_errors_are_written_as_the_language_does():
    full = errors.QuotaExceeded("storage_bytes", 2**30, 2**31, 3 * 2**19)
    assert "2.048 MB" in words("de").error(full)
    assert "1,5 MB" in words("de").error(full)
    month = errors.QuotaExceeded("bills_per_month", 5, 5, 1, datetime(2026, 12, 1, tzinfo=UTC))
    assert "1. Dezember 2026" in words("de").error(month)


@pytest.mark.parametrize(
    ("header", "language"),
    [("de-AT,de;q=0.9,en;q=0.8", "de"), ("fr-CH, de;q=0.5", "de"), ("en-US,de", "en"), ("*", "en"), ("", "en")],
)
def test_a_browser_is_answered_in_the_first_language_that_both_know(header: str, language: str):
    assert language_accepted(header) == language


def test_a_sentence_that_there_is_not_is_an_error():
    with pytest.raises(KeyError):
        words("en")("pages.nowhere")
