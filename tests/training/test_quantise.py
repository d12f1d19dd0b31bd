from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch

from billocr_assets.ocr.engine import Engine
from training.export import export_onnx
from training.nets.line_segmenter import LineSegmenter
from training.quantise import quantise


def test_a_quantised_graph_is_smaller_says_nearly_the_same_and_keeps_its_name(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "model.onnx"
    images = [torch.randint(0, 256, (2, 1, 32, 64)).float() for _ in range(8)]
    export_onnx(
        LineSegmenter(),
        images[0],
        path,
        outputs=["columns"],
        dynamic={0: "batch", 3: "width"},
        metadata={"name": "line_segmenter", "version": "7"},
        checks=images[:1],
    )
    size, before = path.stat().st_size, Engine(path)(images[1].numpy())[0]

    sha256 = quantise(path, [image.numpy() for image in images])

    engine = Engine(path)
    assert path.stat().st_size < 0.6 * size
    assert engine.metadata == {"name": "line_segmenter", "version": "7"}
    assert np.abs(engine(images[1].numpy())[0] - before)[:, :2].mean() < 0.02
    weights = [value for value in onnx.load(path).graph.initializer if value.data_type == onnx.TensorProto.INT8]
    values = np.concatenate([onnx.numpy_helper.to_array(value).ravel() for value in weights])
    # More than 64 would overflow on processors without VNNI.
    assert np.abs(values.astype(int)).max() <= 64
    assert len(sha256) == 64
