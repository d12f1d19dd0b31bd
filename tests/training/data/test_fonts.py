import pytest
from PIL import ImageFont

from training.data import fonts
from training.data.fonts import NoFontsError, find_fonts


def test_no_held_out_typeface_is_trained_on_under_any_name():
    train = {face.design for face in find_fonts("train")}
    held_out = {face.design for face in find_fonts("held_out")}
    assert train
    assert held_out
    assert not train & held_out
    assert len(held_out) <= max(1, 0.3 * len(train))


def test_no_face_claims_a_character_that_it_draws_as_a_missing_glyph_box():
    faces = [*find_fonts("train")[::6], *find_fonts("held_out")[::3]]
    for face in faces:
        pen = ImageFont.truetype(str(face.path), 40)
        missing = bytes(pen.getmask("\uffff"))
        for c in face.characters - {" "}:
            drawn = bytes(pen.getmask(c))
            assert any(drawn), (face.path, c)
            assert drawn != missing, (face.path, c)


def test_a_face_of_capitals_only_is_not_used_for_small_letters():
    for face in find_fonts("train"):
        if "a" in face.characters:
            pen = ImageFont.truetype(str(face.path), 40)
            assert bytes(pen.getmask("a")) != bytes(pen.getmask("A")), face.path


def test_a_machine_without_fonts_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "_roots", lambda: [tmp_path])
    with pytest.raises(NoFontsError, match="apt-get install fonts-"):
        find_fonts.__wrapped__("train")
