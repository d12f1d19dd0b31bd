import random
import re

import numpy as np
import pytest

from training.data.alphabet import ALPHABET, normalise
from training.data.synthetic.lines import LineSample, synthesise_line
from training.data.synthetic.phrases import line_text


@pytest.fixture(scope="module")
def samples() -> list[LineSample]:
    rng = np.random.default_rng(0)
    return [synthesise_line(rng) for _ in range(400)]


def test_the_same_seed_gives_the_same_line():
    first, second = (synthesise_line(np.random.default_rng(5)) for _ in range(2))
    assert first.text == second.text
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.glyphs, second.glyphs)
    assert not np.array_equal(first.image, synthesise_line(np.random.default_rng(6)).image)


def test_lines_say_only_what_the_recogniser_can_spell(samples):
    for sample in samples:
        assert 1 <= len(sample.text) <= 48
        assert normalise(sample.text) == sample.text


def test_every_character_of_the_alphabet_comes_up():
    r = random.Random(0)
    seen = {c for _ in range(6000) for c in line_text(r)}
    assert seen == set(ALPHABET)


def test_numbers_of_which_only_the_end_is_printed_come_up_with_every_sign_that_hides_the_rest():
    r = random.Random(4)
    texts = [line_text(r) for _ in range(4000)]
    for sign in "#*X":
        assert any(re.search(re.escape(sign) + r"{4} ?\d{3}", text) for text in texts)


def test_lines_are_short_and_long_in_both_cases_with_many_blanks(samples):
    texts = [sample.text for sample in samples]
    assert min(map(len, texts)) <= 2
    assert max(map(len, texts)) >= 35
    assert sum(" " in text for text in texts) > 0.5 * len(texts)
    assert sum(text.isupper() for text in texts) > 0.15 * len(texts)
    assert sum(text != text.upper() for text in texts) > 0.3 * len(texts)


def test_every_character_has_a_place_in_order_within_the_crop(samples):
    for sample in samples:
        height, width = sample.image.shape
        assert sample.glyphs.shape == (len(sample.text), 2)
        assert (sample.glyphs[:, 1] >= sample.glyphs[:, 0]).all()
        assert (np.diff(sample.glyphs.mean(1)) > -0.1 * height).all()
        assert sample.glyphs.min() > -0.25 * height
        assert sample.glyphs.max() < width + 0.25 * height
        assert sample.top < sample.baseline


def test_there_is_ink_where_characters_are_and_paper_where_blanks_are(samples):
    agree = []
    for sample in samples:
        grey = sample.image.astype(float)
        if " " not in sample.text or len(sample.text) < 8 or grey.std() < 20:
            continue
        rows = slice(max(0, int(sample.top)), max(int(sample.top) + 2, int(sample.baseline)))
        columns = np.abs(grey[rows] - np.median(grey[rows])).mean(0)
        letters, blanks = [], []
        for c, (x0, x1) in zip(sample.text, sample.glyphs, strict=True):
            part = columns[max(0, round(float(x0))) : max(0, round(float(x1)))]
            (blanks if c == " " else letters).extend(part)
        if letters and blanks:
            agree.append(np.mean(letters) > np.mean(blanks))
    assert len(agree) > 50
    assert np.mean(agree) > 0.9


def test_held_out_fonts_give_lines_too():
    rng = np.random.default_rng(1)
    assert all(synthesise_line(rng, "held_out").text for _ in range(20))
