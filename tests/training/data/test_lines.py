from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from billocr_assets.ocr.segmentation import crop_line
from training.data.lines import (
    Line,
    LineBatches,
    batch_of,
    blank_paper,
    crop_of,
    frames_needed,
    inner_box,
    jittered,
    lines_of,
    rendered_line,
    spoilt,
)
from training.data.receipts import read_pack
from training.tasks.line_recogniser import LineRecognition


def pack(folder: Path, *texts: str) -> Path:
    folder.mkdir()
    image = np.full((60 * len(texts) + 40, 500), 250, np.uint8)
    lines = []
    for i, text in enumerate(texts):
        y = 20 + 60 * i
        cv2.putText(image, text.upper(), (20, y + 26), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 10, 2)
        right = 20 + 20 * len(text)
        lines.append({"polygon": [[20, y], [right, y], [right, y + 32], [20, y + 32]], "text": text})
    cv2.imwrite(str(folder / "a.jpg"), image)
    data = {"image": "a.jpg", "width": 500, "height": image.shape[0], "lines": lines}
    (folder / "a.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def test_truth_without_a_small_letter_is_taken_as_not_telling_case(tmp_path: Path) -> None:
    capitals = lines_of(read_pack(pack(tmp_path / "capitals", "TOTAL", "CASH 5.00")))
    mixed = lines_of(read_pack(pack(tmp_path / "mixed", "Total", "CASH 5.00")))
    assert [line.folded for line in capitals] == [True, True]
    assert [line.folded for line in mixed] == [False, False]


def test_lines_that_cannot_be_spelt_or_cannot_fit_are_left_out(tmp_path: Path) -> None:
    receipts = read_pack(pack(tmp_path / "pack", "谢谢光临", "TOTAL"))
    assert [line.text for line in lines_of(receipts)] == ["TOTAL"]


def test_without_jitter_training_sees_the_crop_that_serving_cuts(tmp_path: Path) -> None:
    receipts = read_pack(pack(tmp_path / "pack", "TOTAL 12.50"))
    (line,) = lines_of(receipts)
    trained = jittered(line, np.random.default_rng(0), amount=0.0)
    served, _ = crop_line(receipts[0].image(), receipts[0].lines[0].polygon)
    width = min(trained.shape[1], served.shape[1])
    assert abs(trained.shape[1] - served.shape[1]) <= 3
    assert np.abs(trained[:, :width].astype(float) - served[:, :width]).mean() < 12


def test_a_rendered_line_keeps_its_whole_picture() -> None:
    image = np.full((40, 200), 200, np.uint8)
    crop = jittered(Line(image, inner_box(image), "AB", False), np.random.default_rng(0), amount=0.0)
    assert crop.shape == (32, 160)


def test_equal_neighbours_need_a_frame_between() -> None:
    assert frames_needed("100.00") == 8


def test_batches_hold_the_pixel_budget_and_the_first_lines_are_short() -> None:
    batches = list(islice(iter(LineBatches([], rendered_line, short=64, pool=64, pixels=4096, longest=512)), 30))
    for batch in batches:
        count, _, height, width = batch.images.shape
        assert height == 32
        assert width % 32 == 0
        assert count == 1 or count * width <= 4096
        assert int(batch.lengths.sum()) == len(batch.targets)
        # CTC needs room for every character.
        assert (batch.lengths <= width // 4).all()
    assert int(batches[0].lengths.max()) <= 8


def test_the_same_seed_gives_the_same_batches() -> None:
    one, two = (next(iter(LineBatches([], rendered_line, seed=5, short=0, pool=32))) for _ in range(2))
    assert (one.images == two.images).all()
    assert one.targets.tolist() == two.targets.tolist()


def test_no_lines_at_all_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="no line to learn from"):
        next(iter(LineBatches([], None)))


def test_spoiling_keeps_shape_and_print() -> None:
    rng = np.random.default_rng(0)
    image = np.full((32, 120), 240, np.uint8)
    for x in range(20, 100, 10):
        image[8:24, x : x + 3] = 15
    for _ in range(50):
        out = spoilt(image, rng)
        assert out.shape == image.shape
        assert out.dtype == np.uint8
        assert int(np.ptp(out)) > 20


def test_rendered_crops_have_the_recognisers_height() -> None:
    rng = np.random.default_rng(1)
    assert {crop_of(rendered_line(rng), rng).shape[0] for _ in range(10)} == {32}


def test_a_batch_of_bare_paper_alone_can_be_learnt_from() -> None:
    batch = batch_of([(blank_paper(np.random.default_rng(0)), "", False)])
    task = LineRecognition()
    assert np.isfinite(float(task.loss(task.net(batch.images.float()), batch)))
