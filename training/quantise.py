"""Convolutions and products in 8 bits: a graph that takes a quarter of the room and less than half of the time."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


def quantise(path: Path, images: Sequence[np.ndarray]) -> str:
    """Gives the graph at ``path`` 8-bit weights, a scale a channel, and 8-bit inputs of convolutions and products.

    Post-training quantisation (Jacob et al., 2018); a tensor's range is what holds 99.999 % of its values on
    ``images``: on 70 receipts the line detector loses .003 of its F with the whole range and nothing with this one.
    Weights use 7 of the 8 bits, since the products of processors without VNNI would overflow silently. A ReLU takes the
    range of what it lets through, so that a convolution rounds once and not before and behind it. What attention
    multiplies with each other stays in float.

    Args:
        images: float32 inputs of the graph, all of one shape.

    Returns:
        The new file's sha256 in hexadecimal.
    """
    properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        constants = {value.name for value in graph.initializer}
        quantize_static(
            str(prepared),
            str(path),
            _Reader(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Relu", "MatMul"],
            nodes_to_exclude=[n.name for n in graph.node if n.op_type == "MatMul" and n.input[1] not in constants],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
        )
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _Reader(CalibrationDataReader):
    def __init__(self, images: Iterable[np.ndarray]) -> None:
        self._left: Iterator[np.ndarray] = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._left, None)
        return None if image is None else {"image": image}
