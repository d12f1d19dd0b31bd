import json
import random
import re
from decimal import Decimal
from itertools import pairwise

import cv2
import numpy as np
import pytest

from training.data.alphabet import normalise
from training.data.receipts import read_pack
from training.data.synthetic.__main__ import main
from training.data.synthetic.bill import make_bill
from training.data.synthetic.pack import scenes, write_pack
from training.data.synthetic.scene import Scene, print_bill, synthesise_bill


@pytest.fixture(scope="module")
def bills() -> list[Scene]:
    return list(scenes(24, seed=1))


def test_the_same_seed_gives_the_same_bill_whatever_else_is_made():
    alone = synthesise_bill(np.random.default_rng([1, 2]))
    third = list(scenes(3, seed=1))[2]
    assert np.array_equal(alone.image, third.image)
    assert [line.text for line in alone.lines] == [line.text for line in third.lines]
    assert np.array_equal(alone.lines[0].polygon, third.lines[0].polygon)


def test_locale_and_mode_are_as_asked():
    bill = synthesise_bill(np.random.default_rng(3), locale="cs", mode="photo")
    assert (bill.bill.locale.code, bill.mode) == ("cs", "photo")
    with pytest.raises(KeyError, match="there are en, de"):
        synthesise_bill(np.random.default_rng(3), locale="xx")


def test_lines_lie_inside_the_picture(bills):
    for bill in bills:
        height, width = bill.image.shape
        points = np.concatenate([line.polygon for line in bill.lines])
        assert points.min() >= 0
        assert points[:, 0].max() <= width
        assert points[:, 1].max() <= height


def test_a_lines_polygon_runs_clockwise_and_holds_its_characters(bills):
    for bill in bills:
        for line in bill.lines:
            (ax, ay), (bx, by), _, (dx, dy) = line.polygon
            assert (bx - ax) * (dy - ay) - (by - ay) * (dx - ax) > 0
            assert line.glyphs.shape == (len(line.text), 4, 2)
            for corner in line.glyphs.reshape(-1, 2):
                assert cv2.pointPolygonTest(line.polygon, tuple(map(float, corner)), True) > -1.0


def test_the_ink_is_inside_the_polygons(bills):
    darker = []
    for bill in bills:
        for line in bill.lines:
            inside: np.ndarray = np.zeros(bill.image.shape, np.uint8)
            cv2.fillPoly(inside, [line.polygon.round().astype(np.int32)], 255)
            letters: np.ndarray = np.zeros(bill.image.shape, np.uint8)
            cv2.fillPoly(letters, [quad.round().astype(np.int32) for quad in line.glyphs], 255)
            between = inside & ~letters
            if between.any() and letters.any():
                darker.append(bill.image[letters > 0].mean() < bill.image[between > 0].mean())
    assert len(darker) > 300
    assert np.mean(darker) > 0.97


def test_bills_say_only_what_the_recogniser_can_spell(bills):
    for bill in bills:
        for line in bill.lines:
            assert normalise(line.text) == line.text


def test_the_printed_total_is_the_bills_total_and_stands_on_the_page(bills):
    for bill in bills:
        printed = bill.fields["total"]
        digits = re.sub(r"[^\d]", "", printed)
        assert Decimal(digits) == bill.bill.total.scaleb(bill.bill.locale.decimals)
        assert any(printed in line.text for line in bill.lines if line.field == "total")


def test_company_date_and_address_can_be_read_on_the_page(bills):
    for bill in bills:
        text = " ".join(line.text for line in bill.lines)
        assert all(word in text for word in bill.fields["company"].split())
        assert all(word in text for word in bill.fields["address"].split())
        assert bill.fields["date"] is None or bill.fields["date"].split()[0] in text


def test_rows_are_cut_where_people_cut_them():
    r = random.Random(4)
    narrow, kept, wide = 0, 0, 0
    for _ in range(25):
        _, lines, _ = print_bill(make_bill(r, "en"), r)
        for line in lines:
            for i, c in enumerate(line.text):
                if c == " ":
                    gap = (line.boxes[i, 2] - line.boxes[i, 0]) / (1.3 * line.cap)
                    narrow += gap < 0.8
                    wide += gap > 3.1
        for row in range(lines[-1].row + 1):
            ends = sorted((line.boxes[0, 0], line.boxes[-1, 2], line.cap) for line in lines if line.row == row)
            kept += sum(b[0] - a[1] > 1.5 * 1.3 * a[2] for a, b in pairwise(ends))
    assert wide == 0
    assert narrow > 200
    assert kept > 100


def test_both_modes_come_and_a_colour_picture_matches_the_grey_one(bills):
    assert {bill.mode for bill in bills} == {"scan", "photo"}
    colour = synthesise_bill(np.random.default_rng(8), mode="photo", colour=True)
    assert colour.image_bgr.shape == (*colour.image.shape, 3)
    assert np.array_equal(cv2.cvtColor(colour.image_bgr, cv2.COLOR_BGR2GRAY), colour.image)


def test_a_written_pack_reads_back_as_annotated_receipts(tmp_path, bills):
    assert write_pack(tmp_path, bills[:3]) == 3
    read = read_pack(tmp_path)
    assert [receipt.name for receipt in read] == ["synthetic-00000", "synthetic-00001", "synthetic-00002"]
    for receipt, bill in zip(read, bills, strict=False):
        assert receipt.fields == bill.fields
        assert receipt.image().shape == bill.image.shape
        assert [line.text for line in receipt.lines] == [line.text for line in bill.lines]
        assert np.abs(receipt.lines[0].polygon - bill.lines[0].polygon).max() <= 0.051
        assert not any(line.ignore for line in receipt.lines)


def test_the_command_writes_a_pack_and_a_contact_sheet(tmp_path, capsys):
    sheet = tmp_path / "sheet.jpg"
    assert main(["--out", str(tmp_path / "pack"), "--count", "2", "--seed", "5", "--contact-sheet", str(sheet)]) == 0
    assert "2 bills" in capsys.readouterr().out
    assert len(read_pack(tmp_path / "pack")) == 2
    assert json.loads((tmp_path / "pack/synthetic-00000.json").read_text("utf-8"))["source"]["set"] == "synthetic"
    assert cv2.imread(str(sheet)).shape[1] > 1000


def test_the_command_says_when_it_has_nothing_to_do(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "--out" in capsys.readouterr().err


def test_the_sample_bills_of_the_interface_are_small_colour_pictures(tmp_path):
    assert main(["--samples", str(tmp_path)]) == 0
    pictures = sorted(tmp_path.glob("*.jpg"))
    assert len(pictures) == 6
    for path in pictures:
        assert path.stat().st_size < 150_000
        assert cv2.imread(str(path)).shape[1] <= 1000
