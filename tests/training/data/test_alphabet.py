from training.data.alphabet import ALPHABET, normalise


def test_the_alphabet_has_no_character_twice_and_keeps_its_order():
    assert len(set(ALPHABET)) == len(ALPHABET) == 209
    assert ALPHABET[:95] == "".join(map(chr, range(32, 127)))
    assert set("äöüßáčďéěíňóřšťúůýžľĺŕôąćęłńśźżőűàâæçèêëîïœùûÿ€£§°×–—„“”½²³…±µ¥") <= set(ALPHABET)


def test_every_letter_but_sharp_s_is_there_in_both_cases():
    for c in ALPHABET:
        assert c in "ßµ" or {c.upper(), c.lower()} <= set(ALPHABET), c


def test_look_alikes_become_the_character_that_the_recogniser_knows():
    assert normalise("5 − 3 ‚Straße‘ ﬁn ５ ¼ 2⨯3 µ μ") == "5 - 3 ,Straße‘ fin 5 1/4 2×3 µ µ"
    assert normalise("e\u0301te\u0301") == "été"
    assert normalise("  a\u00a0\t b\n") == "a b"


def test_text_outside_the_alphabet_is_refused_not_spoilt():
    assert normalise("谢谢") is None
    assert normalise("Цена 5") is None


def test_text_of_the_alphabet_stays_as_it_is():
    text = "x".join(ALPHABET[1:])
    assert normalise(text) == text
