"""One bill or many as one file, under names that are safe everywhere."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billocr_assets.exports import FORMATS, ReadBill, UnknownFormat, UnreadBill, export_many, export_one, format_of
from billocr_assets.exports.names import Names, stem_of
from billocr_assets.fields import Fields
from billocr_assets.fields.model import Text
from tests.exports import made
from tests.fields import bills

ONE = made.of_text(bills.ENGLISH, name="Kassenbon März.jpg")
TWO = made.of_text(bills.GERMAN, bills.CZECH, name="Kassenbon März.png")


def unzipped(chunks: Iterator[bytes]) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("name", "file", "start"),
    [
        ("text", "Kassenbon März.txt", b""),
        ("json", "Kassenbon März.json", b"{"),
        ("csv", "Kassenbon März.csv", b"\xef\xbb\xbfbill,"),
        ("items", "Kassenbon März-items.csv", b"\xef\xbb\xbfbill,"),
        ("xlsx", "Kassenbon März.xlsx", b"PK"),
        ("alto", "Kassenbon März.alto.xml", b"<?xml"),
        ("page", "Kassenbon März.page.xml", b"<?xml"),
        ("hocr", "Kassenbon März.hocr.html", b"<?xml"),
        ("pdf", "Kassenbon März.pdf", b"%PDF-1.7"),
    ],
)
def test_one_bill_is_one_file_named_after_the_upload(name: str, file: str, start: bytes):
    told, media_type, chunks = export_one(ONE, format_of(name))
    assert (told, media_type) == (file, FORMATS[name].media_type)
    assert b"".join(chunks).startswith(start)


def test_every_format_is_tried_here():
    assert list(FORMATS) == ["text", "json", "csv", "items", "xlsx", "alto", "page", "hocr", "pdf"]


def test_pages_of_one_bill_come_as_a_zip_where_the_format_has_a_file_a_page():
    name, media_type, chunks = export_one(TWO, format_of("page"))
    assert (name, media_type) == ("Kassenbon März-page.zip", "application/zip")
    assert list(unzipped(chunks)) == ["Kassenbon März-page1.page.xml", "Kassenbon März-page2.page.xml"]


def test_many_bills_come_as_a_zip_and_keep_apart():
    name, media_type, chunks = export_many([ONE, TWO, ONE], format_of("json"))
    assert (name, media_type) == ("bills-json.zip", "application/zip")
    found = unzipped(chunks)
    assert list(found) == ["Kassenbon März.json", "Kassenbon März-2.json", "Kassenbon März-3.json"]
    assert [json.loads(content)["image"] for content in found.values()] == [ONE.name, TWO.name, ONE.name]


def test_many_bills_come_as_one_table():
    name, _, chunks = export_many([ONE, TWO], format_of("csv"))
    assert name == "bills.csv"
    assert b"".join(chunks).count(b"\r\n") == 3


def test_what_cannot_be_exported_is_named_with_the_reason_and_stops_nothing():
    def gone() -> bytes:
        raise FileNotFoundError

    broken = replace(ONE, name="broken.pdf", upload=lambda: b"%PDF-1.4 nothing")
    lost = replace(ONE, name="lost.jpg", upload=gone)
    unread = UnreadBill("b", "later.jpg", "This bill has not been read yet.")
    found = unzipped(export_many([broken, lost, unread, ONE], format_of("pdf"))[2])
    assert list(found) == ["Kassenbon März.pdf", "not exported.txt"]
    lines = found["not exported.txt"].decode().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["broken.pdf", "lost.jpg", "later.jpg"]
    assert lines[0].startswith("broken.pdf: This PDF file is damaged")


def test_a_zip_of_no_bill_is_a_zip():
    assert unzipped(export_many([], format_of("text"))[2]) == {}


def test_the_zip_flows_while_it_is_made():
    asked = []

    def endless() -> Iterator[ReadBill]:
        while True:
            asked.append(1)
            yield ONE

    chunks = export_many(endless(), format_of("json"))[2]
    for number in range(1, 4):
        assert next(chunks)
        assert len(asked) == number


@pytest.mark.parametrize("name", ["text", "csv", "xlsx"])
def test_memory_stays_bounded_however_many_bills_there_are(name: str):
    lines = [[f"{number * 2654435761 % 2**32:032x}"] for number in range(300)]
    large = made.read_bill(made.of_words(*lines), Fields(address=Text("", lines_of(lines), (), 0.9)), upload=b"-")

    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in export_many((large for _ in range(count)), format_of(name))[2]:
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(5)
    few, many = peak(20), peak(400)
    # Names and the ZIP's table of contents grow, by a few hundred bytes a bill; a bill itself has ten thousand.
    assert many - few < 380 * 1000


def lines_of(lines: list[list[str]]) -> str:
    return "\n".join(line for (line,) in lines)


def test_an_unknown_format_is_refused_with_those_there_are():
    with pytest.raises(UnknownFormat, match="text, json, csv"):
        format_of("docx")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("bill.jpg", "bill"),
        ("a.b.pdf", "a.b"),
        ("../../etc/passwd", "passwd"),
        ("..\\x.png", "x"),
        ("C:\\bill.jpg", "bill"),
        ('a<b>:"|?*.png', "a_b______"),
        ("line\nbreak.png", "line_break"),
        ("...", "bill"),
        ("", "bill"),
        ("x" * 300 + ".jpg", "x" * 150),
    ],
)
def test_names_are_made_safe(name: str, stem: str):
    assert stem_of(name) == stem


def test_names_stay_apart_where_case_does_not_count():
    names = Names()
    assert [names.of(stem, ".json") for stem in ("Bill", "bill", "bill-2")] == [
        "Bill.json",
        "bill-2.json",
        "bill-2-2.json",
    ]
    assert names.of_pages("bill", ".json", 2) == ["bill-page1.json", "bill-page2.json"]


@given(st.lists(st.text(), max_size=8))
def test_no_two_names_are_alike_and_none_leads_out_of_the_folder(names: list[str]):
    given_out = Names()
    made_up = [given_out.of(stem_of(name), ".json") for name in names]
    assert len({name.lower() for name in made_up}) == len(made_up)
    for name in made_up:
        assert PurePath(name).name == name
        assert not set(name) & set('<>:"/\\|?*\0\n\r')
        name.encode()
