"""Text and JSON, read again by the standard library."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billocr_assets.exports.json import write
from billocr_assets.exports.text import write as write_text
from billocr_assets.fields import Fields
from tests.exports import made


@pytest.mark.parametrize("text", made.ALL)
def test_text_boxes_and_fields_come_back(text: str):
    bill = made.of_text(text, text)
    (content,) = write(bill)
    data = json.loads(content)
    lines = [(page.number, line) for page in bill.document.pages for line in page.lines]
    assert [(line["page"], line["text"], line["polygon"]) for line in data["lines"]] == [
        (number, line.text, [list(corner) for corner in line.polygon]) for number, line in lines
    ]
    words = [word for line in data["lines"] for word in line["words"]]
    assert [(word["text"], word["polygon"]) for word in words] == [
        (word.text, [list(corner) for corner in word.polygon]) for word in bill.document.words
    ]
    assert Fields.from_dict({**data["values"], "items": data["items"]}) == bill.fields
    assert data["image"] == "bill.jpg"


def test_what_somebody_has_typed_counts_and_lies_on_its_line():
    bill = made.of_text("WRONG TEXT")
    line = replace(bill.document.pages[0].lines[0], text="right text here")
    page = replace(bill.document.pages[0], lines=(line,))
    (content,) = write(replace(bill, document=replace(bill.document, pages=(page,))))
    (told,) = json.loads(content)["lines"]
    assert [word["text"] for word in told["words"]] == ["right", "text", "here"]
    (left, top), (right, _), (_, bottom), _ = line.polygon
    edges = [(word["polygon"][0][0], word["polygon"][1][0]) for word in told["words"]]
    assert edges[0][0] == left
    assert edges[2][1] == right
    assert edges[0][1] < edges[1][0] < edges[1][1] < edges[2][0]
    assert {corner[1] for word in told["words"] for corner in word["polygon"]} == {top, bottom}


def test_text_has_a_line_a_row_and_pages_apart():
    (content,) = write_text(made.of_text("TOTAL     6.30\nThanks", "Page two"))
    assert content.decode() == "TOTAL  6.30\nThanks\n\nPage two\n"


@settings(deadline=None)
@given(st.lists(st.lists(st.text(min_size=1), min_size=1, max_size=3), min_size=1, max_size=3))
def test_any_text_is_valid_utf8_and_json(lines: list[list[str]]):
    bill = made.read_bill(made.of_words(*lines), Fields(), upload=b"-")
    (content,), (plain,) = write(bill), write_text(bill)
    told = [line["text"] for line in json.loads(content.decode())["lines"]]
    ours = [line.text.encode(errors="replace").decode() for line in bill.document.lines]
    assert told == ours
    assert plain.decode() == "\n".join(ours) + "\n"
