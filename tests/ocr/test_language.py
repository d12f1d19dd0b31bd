from __future__ import annotations

import numpy as np
import pytest

from billocr_assets.ocr.language import (
    FLOOR,
    LanguageModel,
    align,
    fold,
    mend,
    read_again,
    shipped_language,
    table_of,
)
from tests.ocr.lattices import ALPHABET, lattice, places, spelt


def read_line(text: str, log_probs: np.ndarray, sure: float = 0.99, **unsure: float) -> str:
    confidences = np.full(len(text), sure)
    for place, value in unsure.items():
        confidences[int(place[2:])] = value
    return mend(text, places(text), confidences, log_probs, ALPHABET, shipped_language()).text


def test_a_letter_in_doubt_becomes_the_one_that_bills_spell() -> None:
    doubt = {"I": 0.55, "L": 0.4}
    assert read_line("TOTAI", spelt("TOTAI", at4=doubt), at4=0.55) == "TOTAL"


def test_a_letter_that_is_sure_stays_even_if_bills_never_spell_it_so() -> None:
    assert read_line("TOTAI", spelt("TOTAI")) == "TOTAI"


def test_the_language_has_no_say_between_digits() -> None:
    doubt = {"1": 0.5, "7": 0.45}
    assert read_line("12.10", spelt("12.10", at3=doubt), at3=0.5) == "12.10"
    assert read_line("12.70", spelt("12.70", at3={"1": 0.45, "7": 0.5}), at3=0.5) == "12.70"
    assert read_line("0.3 L", spelt("0.3 L", at1={".": 0.5, ",": 0.45}), at1=0.5) == "0.3 L"


def test_strokes_that_are_no_text_are_not_talked_into_words() -> None:
    doubt = {"I": 0.2, "L": 0.15}
    log_probs = spelt("TOTAI", **{f"at{i}": doubt for i in range(5)})
    assert read_line("IIIII", log_probs, sure=0.2) == "IIIII"


def test_confidence_is_the_share_of_readings_that_agree() -> None:
    flat = LanguageModel(np.zeros(8, np.uint16))
    text, confidences = read_again(lattice({}, {"0": 0.6, "1": 0.39}, {}), ALPHABET, flat)
    assert text == "0"
    assert confidences == pytest.approx([0.6 / 0.99], abs=0.02)


def test_characters_of_a_new_reading_stand_on_their_own_frames() -> None:
    frames, _ = align(lattice({}, {"A": 0.9}, {}, {"B": 0.4}, {"B": 0.9}, {}), [1, 2])
    assert frames.tolist() == [1, 4]


def test_doubled_letters_need_a_blank_between_them() -> None:
    both = [ALPHABET.index("L") + 1] * 2
    assert align(lattice({"L": 0.9}, {"L": 0.5}, {"L": 0.9}), both)[0].tolist() == [0, 2]


def test_a_reading_is_as_likely_as_its_best_path() -> None:
    frames = lattice({"A": 0.8}, {"B": 0.3})
    classes = [ALPHABET.index(c) + 1 for c in "AB"]
    assert np.exp(align(frames, classes)[1]) == pytest.approx(0.24, abs=1e-3)
    assert np.exp(align(frames, [])[1]) == pytest.approx(0.14, abs=1e-3)


def test_an_unknown_character_costs_the_floor_and_a_known_one_less() -> None:
    model = LanguageModel(table_of([("A", -1.05), ("BA", -0.35)], 8))
    assert model.log_probability("B", "A") == pytest.approx(-0.35)
    assert model.log_probability("", "A") == pytest.approx(-1.05)
    assert model.log_probability("", "É") == pytest.approx(FLOOR + np.log(0.4))


def test_digits_and_case_fold_away_but_one_character_stays_one() -> None:
    assert fold("Straße 19") == "STRAßE 00"
