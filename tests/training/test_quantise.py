from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

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


@pytest.mark.parametrize("middle", [128.0, 127.5])
def test_a_quantised_graph_takes_the_bytes_of_a_picture_and_says_what_the_net_says(
    middle: float, tmp_path: Path
) -> None:
    class Stem(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 4, 3, 1, 1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.second(torch.relu(self.first((image - middle) / 64.0)))

    torch.manual_seed(0)
    path = tmp_path / "model.onnx"
    net = Stem()
    net.first.weight.data.abs_()  # half a grey level shows in the mean
    images = [torch.randint(0, 256, (2, 1, 32, 64)).float() for _ in range(8)]
    dynamic = {0: "batch", 2: "height", 3: "width"}
    export_onnx(net, images[0], path, outputs=["out"], dynamic=dynamic, metadata={"name": "stem"}, checks=images[:1])
    quantise(path, [image.numpy() for image in images])
    picture = torch.randint(0, 256, (3, 1, 64, 48)).float()
    with torch.no_grad():
        wanted = net(picture).numpy()
    found = Engine(path)(picture.numpy().astype(np.uint8))[0]
    # At the borders the padding is half a grey level away where the middle is no byte.
    wrong = (found - wanted)[..., 2:-2, 2:-2]
    assert np.abs(wrong).mean() < 0.02 * wanted.std()
    assert np.abs(wrong.mean((0, 2, 3))).max() < 0.008 * wanted.std()
    assert onnx.load(path).graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


def rounded_before_relu(path: Path) -> list[str]:
    """The ReLUs of a graph whose input was brought to 8 bits: they would be rounded twice."""
    graph = onnx.load(path).graph
    made = {output: node for node in graph.node for output in node.output}
    return [n.name for n in graph.node if n.op_type == "Relu" and made[n.input[0]].op_type == "DequantizeLinear"]
