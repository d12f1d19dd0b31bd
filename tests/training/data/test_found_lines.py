from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from billocr_assets.ocr.models import load_models
from training.data.found_lines import found_lines, photographed
from training.data.receipts import read_pack
from training.data.synthetic.pack import scenes, write_pack


def test_lines_that_reading_finds_carry_the_truth_of_their_place(tmp_path: Path) -> None:
    write_pack(tmp_path, scenes(1, 3))
    (receipt,) = read_pack(tmp_path)
    once = list(found_lines([receipt], load_models(), photographs=0))
    truth = {line.text for line in receipt.lines}
    assert len(once) > 0.5 * len(receipt.lines)
    assert all(line.found and line.text in truth for line in once)
    assert len(list(found_lines([receipt], load_models(), photographs=2))) > 1.5 * len(once)


def test_a_photograph_shows_every_line_where_its_polygon_says() -> None:
    page = np.full((600, 400), 240, np.uint8)
    boxes = [(40, 40 + 60 * i, 300, 60 + 60 * i) for i in range(8)]
    for x0, y0, x1, y1 in boxes:
        page[y0:y1, x0:x1] = 20
    polygons = np.array([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, y0, x1, y1 in boxes], np.float32)
    for seed in range(6):
        picture, places = photographed(page, polygons, np.random.default_rng(seed))
        assert (places.min((0, 1)) >= 0).all()
        assert (places.max((0, 1)) <= np.array(picture.shape[::-1]) - 1).all()
        on, beside = [], []
        for above, below in pairwise(places):
            blank = (above[2:].mean(0) + below[:2].mean(0)) / 2
            for point, seen in ((below.mean(0), on), (blank, beside)):
                x, y = point.round().astype(int)
                seen.append(picture[y - 3 : y + 4, x - 3 : x + 4].mean())
        assert abs(np.mean(on) - np.mean(beside)) > 15
