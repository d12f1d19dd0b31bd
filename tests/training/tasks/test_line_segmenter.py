from __future__ import annotations

from pathlib import Path

import torch

from billocr_assets.ocr.segmentation import LineSegmenter
from training.data.line_columns import ColumnBatches
from training.data.synthetic.lines import synthesise_line
from training.tasks.line_segmenter import Config, LineSegmentation, export, train


def test_a_short_training_learns_gaps_is_exported_and_runs(tmp_path: Path) -> None:
    batch = next(iter(ColumnBatches(synthesise_line, seed=9, pool=64)))

    def loss(segmentation: LineSegmentation) -> float:
        with torch.no_grad():
            seen = segmentation.averaged.eval()(batch.images.float())
        return float(torch.nn.functional.binary_cross_entropy(seen[:, 0], batch.targets[:, 0]))

    task = LineSegmentation()
    before = loss(task)
    # A slow machine gets more goes, each going on from the last one's checkpoint.
    for go in range(1, 9):
        task = train([], tmp_path / "run", 0.25 * go, Config(decay=0.9))
        if loss(task) < 0.75 * before:
            break
    assert loss(task) < 0.75 * before
    export(tmp_path / "run", tmp_path / "model", "0.0.1")
    segmenter = LineSegmenter(tmp_path / "model" / "model.onnx")
    assert segmenter.version == "0.0.1"
    crop = batch.images[0, 0].numpy()
    (columns,) = segmenter([crop])
    assert columns.shape == (4, crop.shape[1] // 4)
    assert ((columns[:2] >= 0) & (columns[:2] <= 1)).all()
