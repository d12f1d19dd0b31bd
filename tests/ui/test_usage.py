from datetime import UTC, datetime

from billocr_assets.store.quotas import Use
from billocr_ui.services.usage import meters, rows
from billocr_ui.strings import words

LIMITS = {
    "bills_per_month": Use(100, 40, datetime(2026, 12, 1, tzinfo=UTC)),
    "storage_bytes": Use(None, 3_565_158),
    "max_file_bytes": Use(25 * 2**20, None),
}


def test_the_uploader_says_what_is_left_and_until_when():
    assert meters(LIMITS, words("en")) == [(0.4, "60 of 100 bills left until 1 Dec 2026")]


def test_the_account_page_says_each_limit_in_the_readers_language():
    english, german = ({name: stands for name, _, stands in rows(LIMITS, words(code))} for code in ("en", "de"))
    assert english["Bills this month"] == "40 of 100 · renews on 1 Dec 2026"
    assert english["Storage"] == "3.4 MB, no limit"
    assert english["Largest file"] == "25 MB"
    assert german["Belege in diesem Monat"] == "40 von 100 · neu ab 01.12.2026"


def test_a_limit_of_nothing_is_used_up():
    assert meters({**LIMITS, "bills_per_month": Use(0, 0)}, words("en"))[0][0] == 1.0
