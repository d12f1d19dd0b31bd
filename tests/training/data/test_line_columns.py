from __future__ import annotations

import numpy as np

from training.data.line_columns import ColumnBatches, Marked, beside, columns_of, marked
from training.data.synthetic.lines import synthesise_line


def plain(spans: list[tuple[float, float]], begins: list[bool], width: int) -> Marked:
    level = np.full(width, 5.0)
    return Marked(np.full((32, width), 240, np.uint8), np.array(spans), np.array(begins), level, level + 20)


def test_columns_are_gaps_between_words_and_beside_them() -> None:
    line = plain([(8, 16), (16, 24), (40, 48)], [True, False, True], 64)
    gap, centre, top, base = columns_of(line, 18)
    assert gap.tolist() == [1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]
    assert np.flatnonzero(centre > 0.85).tolist() == [2, 3, 4, 5, 10, 11]
    assert (top == 5).all()
    assert (base == 25).all()


def test_an_edge_within_a_column_counts_by_its_share() -> None:
    gap = columns_of(plain([(9, 15)], [True], 24), 6)[0]
    assert gap.tolist() == [1, 1, 0.25, 0.25, 1, 1]


def test_the_second_line_of_a_row_stands_behind_the_blank() -> None:
    line = beside(plain([(4, 12)], [True], 20), plain([(4, 12)], [True], 20), 40, np.random.default_rng(0))
    assert line.image.shape == (32, 80)
    assert line.spans.tolist() == [[4, 12], [64, 72]]
    assert len(line.top) == len(line.base) == 80


def test_ink_lies_within_the_marked_characters_and_between_top_and_baseline() -> None:
    rng = np.random.default_rng(4)
    inside = []
    for _ in range(40):
        sample = synthesise_line(rng)
        line = marked(sample, rng)
        paper, ink = np.percentile(line.image, (85, 1))
        if paper - ink < 60:
            continue
        dark = line.image < (paper + ink) / 2
        columns = np.zeros(line.image.shape[1], bool)
        for x0, x1 in line.spans:
            columns[max(0, round(x0 - 1)) : round(x1 + 1)] = True
        between = np.arange(32)[:, None]
        band = dark & (between > line.top[None] - 2) & (between < line.base[None] + 2)
        inside.append((band & columns[None]).sum() / max(1, band.sum()))
    assert np.median(inside) > 0.95


def test_batches_are_of_one_width_and_say_four_things_of_every_column() -> None:
    batch = next(iter(ColumnBatches(synthesise_line, pool=24, pixels=2048)))
    count, _, height, width = batch.images.shape
    assert height == 32
    assert batch.targets.shape == (count, 4, width // 4)
    assert float(batch.targets[:, :2].min()) >= 0
    assert float(batch.targets[:, :2].max()) <= 1
