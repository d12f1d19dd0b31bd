from __future__ import annotations

import numpy as np
import pytest

from billocr_assets.ocr.grammar import decimal_sign, decimal_signs, read_typed, with_sign
from billocr_assets.ocr.language import Reading
from billocr_assets.ocr.stages import ReadSegment
from tests.ocr.lattices import ALPHABET, places, spelt


def read(text: str, place: int, doubt: dict[str, float]) -> Reading:
    """What becomes of a line whose character at ``place`` is in doubt."""
    confidences = np.full(len(text), 0.99)
    confidences[place] = doubt.get(text[place], 0.5)
    log_probs = spelt(text, **{f"at{place}": doubt})
    return read_typed(Reading(text, places(text), confidences), log_probs, ALPHABET)


@pytest.mark.parametrize(
    ("misread", "place", "truth"),
    [
        ("1O.50", 1, "10.50"),
        ("12,5O", 4, "12,50"),
        ("13-20", 2, "13.20"),
        ("1.2B4,00", 3, "1.284,00"),
        ("03/O4/2018", 3, "03/04/2018"),
        ("03/04:2018", 5, "03/04/2018"),
        ("2018-B4-03", 5, "2018-04-03"),
        ("12:3O:59", 4, "12:30:59"),
        ("l9%", 0, "19%"),
        ("8,S%", 2, "8,5%"),
        ("DE81481689g", 10, "DE814816899"),
        ("CZ6940165B", 9, "CZ69401658"),
        ("955606500035Z", 12, "9556065000352"),
        ("9655058800696", 1, "9555058800696"),
    ],
)
def test_a_doubtful_sign_becomes_what_the_type_demands(misread: str, place: int, truth: str) -> None:
    assert read(misread, place, {misread[place]: 0.6, truth[place]: 0.35}).text == truth


def test_numbers_are_mended_where_they_stand_in_a_line() -> None:
    assert read("TOTAL RM1O.50 SR", 9, {"O": 0.6, "0": 0.35}).text == "TOTAL RM10.50 SR"
    assert read("(1O.50)", 2, {"O": 0.6, "0": 0.35}).text == "(10.50)"


def test_an_amount_that_a_doubtful_blank_parts_is_one_again() -> None:
    assert read("5.0 0", 3, {" ": 0.5}).text == "5.00"


def test_a_sign_that_is_sure_stays_whatever_would_fit() -> None:
    assert read("1O.50", 1, {"O": 0.96, "0": 0.004}).text == "1O.50"


def test_a_number_that_fits_its_type_stays_even_in_doubt() -> None:
    assert read("10.50", 1, {"0": 0.5, "8": 0.45}).text == "10.50"


@pytest.mark.parametrize(
    ("text", "place", "doubt"),
    [
        ("73 98", 2, {" ": 0.6, ".": 0.35}),  # two numbers
        ("S4.98", 0, {"S": 0.5, "5": 0.45}),  # a currency sign
        ("RM4.98", 1, {"M": 0.5, "4": 0.45}),
        ("4.5", 2, {"5": 0.6, "%": 0.35}),  # no digit becomes a percent sign
        ("45/13/2018", 3, {"1": 0.6, "2": 0.35}),  # no such day either way
        ("0001326167727", 6, {"6": 0.6, "8": 0.35}),  # begins with 0: no number of an article
    ],
)
def test_what_may_be_right_as_it_is_stays(text: str, place: int, doubt: dict[str, float]) -> None:
    assert read(text, place, doubt).text == text


def test_a_lost_digit_comes_back_only_where_a_check_digit_proves_it() -> None:
    assert read("955606500035 ", 12, {" ": 0.5, "2": 0.4}).text.strip() == "955606500035"
    frames = spelt("9556065000352", at12={"2": 0.45})
    short = Reading("955606500035", places("955606500035"), np.append(np.full(11, 0.99), 0.9))
    assert read_typed(short, frames, ALPHABET).text == "9556065000352"
    frames = spelt("10.50", at4={"0": 0.45})
    assert read_typed(Reading("10.5", places("10.5"), np.full(4, 0.9)), frames, ALPHABET).text == "10.5"


def test_characters_of_the_new_reading_stand_on_their_own_frames() -> None:
    found = read("TOTAL 1O.50", 7, {"O": 0.6, "0": 0.35})
    assert found.frames.tolist() == places("TOTAL 10.50").tolist()
    assert found.confidences[7] == pytest.approx(0.5)


def bill(*amounts: tuple[str, float]) -> list[str]:
    """The lines of a bill of (text, share of the comma in each decimal sign) with its one decimal sign."""
    read_segments, signs = [], []
    for text, comma in amounts:
        log_probs = spelt(text, **{f"at{i}": {",": comma, ".": 0.99 - comma} for i, c in enumerate(text) if c in ",."})
        empty = np.zeros(len(text), np.float32)
        read_segments.append(ReadSegment(text, empty, np.full(len(text), 0.9, np.float32), empty))
        signs.append(decimal_signs(text, places(text), log_probs, ALPHABET))
    sign = decimal_sign([lean for of_line in signs for _, lean in of_line])
    return [with_sign(each, of_line, sign).text for each, of_line in zip(read_segments, signs, strict=True)]


def test_a_bill_has_one_decimal_sign() -> None:
    assert bill(("12,50", 0.98), ("3,20", 0.97), ("9.30", 0.3)) == ["12,50", "3,20", "9,30"]
    assert bill(("12.50", 0.001), ("3.20", 0.001), ("9,30", 0.6)) == ["12.50", "3.20", "9.30"]


def test_a_decimal_sign_that_is_sure_stays_against_the_bill() -> None:
    assert bill(("12,50", 0.98), ("3,20", 0.97), ("9.30", 0.0001)) == ["12,50", "3,20", "9.30"]


def test_faint_commas_that_look_like_points_outvote_points() -> None:
    assert bill(("12.50", 0.4), ("3.20", 0.3), ("9,30", 0.9)) == ["12,50", "3,20", "9,30"]


def test_times_dates_and_grouped_thousands_have_no_decimal_sign() -> None:
    others = ["9.00 Uhr - 20.00 Uhr", "12.04.18", "1.234,50", "0.125", "8.50%"]
    assert bill(("12,50", 0.98), ("3,20", 0.98), *((text, 0.3) for text in others))[2:] == others


def test_a_line_without_amounts_is_left_alone() -> None:
    assert bill(("TOTAL", 0.0), ("12,50", 0.98)) == ["TOTAL", "12,50"]
