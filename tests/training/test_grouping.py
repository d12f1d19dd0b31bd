from __future__ import annotations

from pathlib import Path

import numpy as np

from billocr_assets.ocr.grouping import FEATURES
from billocr_assets.ocr.models import load_models
from billocr_assets.ocr.perceptron import Perceptron
from training.data.receipts import read_pack
from training.data.synthetic.pack import scenes, write_pack
from training.grouping import gaps_of, main


def test_blanks_between_true_lines_are_told_from_those_within(tmp_path: Path) -> None:
    write_pack(tmp_path, scenes(1, 3))
    (receipt,) = read_pack(tmp_path)
    ((features, parted),) = gaps_of([receipt], load_models())
    assert features.shape == (len(parted), len(FEATURES))
    gap = features[:, FEATURES.index("gap")]
    assert 0 < parted.sum() < len(parted)
    assert np.median(gap[parted]) > np.median(gap[~parted])


def test_the_fit_leaves_weights_that_the_product_can_load(tmp_path: Path) -> None:
    write_pack(tmp_path, scenes(3, 3))
    assert main(["--receipts", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    network = Perceptron.load(tmp_path / "out" / "weights.json", FEATURES)
    features, parted = map(np.concatenate, zip(*gaps_of(read_pack(tmp_path), load_models()), strict=True))
    assert ((network.log_odds(features) > 0) == parted).mean() > 0.9
