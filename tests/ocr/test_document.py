"""The result document: what is written is valid, and what is read back is what was written."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import billocr_assets.ocr.document
from billocr_assets.ocr.document import Document, Line, Page, PageQuality, Segment, Word

SCHEMA = json.loads(
    Path(billocr_assets.ocr.document.__file__).with_name("document.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

coordinate = st.integers(-50, 90_000).map(lambda tenths: tenths / 10)
polygon = st.tuples(*[st.tuples(coordinate, coordinate)] * 4)
confidence = st.floats(0, 1)
text = st.text(max_size=12)
word = st.builds(Word, text, polygon, confidence)
segment = st.builds(Segment, text, polygon, confidence, st.lists(word, max_size=2).map(tuple))
line = st.builds(Line, text, polygon, confidence, st.integers(0, 200), st.lists(segment, max_size=2).map(tuple))
grey = st.floats(0, 255)
quality = st.builds(
    PageQuality, st.floats(0, 1e6), grey, grey, st.floats(-45, 45), st.sampled_from((0, 90, 180, 270)), st.booleans()
)
side = st.integers(1, 10_000)
page = st.builds(Page, st.integers(1, 20), side, side, quality, st.lists(line, max_size=3).map(tuple))
seconds = st.dictionaries(st.sampled_from(["preprocessing", "detection", "recognition"]), st.floats(0, 60))
models = st.dictionaries(st.sampled_from(["line_detector", "line_segmenter", "line_recogniser"]), st.just("1.0.0"))
document = st.builds(Document, st.lists(page, max_size=2).map(tuple), models, seconds)


def as_json(value: object) -> dict:
    return json.loads(json.dumps(value, allow_nan=False))


def a_document() -> Document:
    corners = ((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0))
    words = (Word("TOTAL", corners, 0.9), Word("9,20", corners, 0.8))
    lines = (
        Line("TOTAL", corners, 0.9, 0, (Segment("TOTAL", corners, 0.9, words[:1]),)),
        Line("9,20", corners, 0.8, 0, (Segment("9,20", corners, 0.8, words[1:]),)),
        Line("Děkujeme", corners, 0.8, 1, ()),
    )
    return Document((Page(1, 40, 30, PageQuality(90, 120, 200, 0.5, 180, True), lines),), {"line_detector": "1.0.0"})


def test_the_schema_is_itself_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@given(document)
def test_every_document_is_valid_and_comes_back_the_same(made: Document):
    data = as_json(made.to_dict())
    VALIDATOR.validate(data)
    assert Document.from_dict(data) == made


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "2.0"),
        (("pages", 0, "width"), 0),
        (("pages", 0, "quality", "orientation"), 45),
        (("pages", 0, "lines", 0, "confidence"), 1.5),
        (("pages", 0, "lines", 0, "polygon"), [[0, 0], [1, 0], [1, 1]]),
        (("pages", 0, "lines", 0, "segments", 0, "words", 0, "text"), None),
        (("pages", 0, "lines", 0, "colour"), "red"),
    ],
)
def test_the_schema_refuses_what_no_document_has(path: tuple, value: object):
    data = as_json(a_document().to_dict())
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(data)


def test_the_text_has_a_line_a_row_and_keeps_columns_apart():
    assert a_document().text == "TOTAL  9,20\nDěkujeme"
    assert [word.text for word in a_document().words] == ["TOTAL", "9,20"]


def test_a_document_of_another_major_version_is_refused():
    with pytest.raises(ValueError, match=r"2\.0"):
        Document.from_dict({**a_document().to_dict(), "version": "2.0"})
