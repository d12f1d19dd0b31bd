from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch

from billocr_assets.ocr.engine import Engine
from training.export import export_onnx
from training.nets.line_recogniser import LineRecogniser
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
    assert rounded_before_relu(path) == []


def test_products_with_weights_are_in_8_bits_and_those_of_attention_in_float(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "model.onnx"
    images = [torch.randint(0, 256, (2, 1, 32, 64)).float() for _ in range(4)]
    export_onnx(
        LineRecogniser(5),
        images[0],
        path,
        outputs=["log_probabilities"],
        dynamic={0: "batch", 3: "width"},
        metadata={"name": "line_recogniser", "version": "7"},
        checks=images[:1],
    )
    before = Engine(path)(images[1].numpy())[0]
    quantise(path, [image.numpy() for image in images])
    assert np.abs(Engine(path)(images[1].numpy())[0] - before).mean() < 0.05
    graph = onnx.load(path).graph
    made = {output: node for node in graph.node for output in node.output}
    products = [node for node in graph.node if node.op_type == "MatMul"]
    in_float = [node for node in products if made[node.input[1]].op_type != "DequantizeLinear"]
    # Of the two layers each has one product of queries with keys and one of weights with values.
    assert (len(products), len(in_float)) == (14, 4)
    assert rounded_before_relu(path) == []


def rounded_before_relu(path: Path) -> list[str]:
    """The ReLUs of a graph whose input was brought to 8 bits: they would be rounded twice."""
    graph = onnx.load(path).graph
    made = {output: node for node in graph.node for output in node.output}
    return [n.name for n in graph.node if n.op_type == "Relu" and made[n.input[0]].op_type == "DequantizeLinear"]
