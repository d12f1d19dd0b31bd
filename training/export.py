"""A trained net as an ONNX graph that serving runs, checked against the original."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from billocr_assets.ocr.engine import Engine


def export_onnx(
    net: nn.Module,
    example: torch.Tensor,
    path: Path,
    *,
    outputs: list[str],
    dynamic: dict[int, str],
    metadata: dict[str, str],
    checks: Iterable[torch.Tensor],
    tolerance: float = 1e-3,
) -> str:
    """Writes ``net`` to ``path`` in float32 and compares both on ``checks``.

    Args:
        example: an input that fixes the rank, float32.
        outputs: names of the graph's outputs, in order.
        dynamic: axis of the input to its name; the outputs' axes follow from the graph.
        metadata: written into the graph, ``name`` and ``version`` among them.
        checks: inputs for the comparison.
        tolerance: largest difference allowed in any output.

    Returns:
        The file's sha256 in hexadecimal.

    Raises:
        ValueError: the graph and the net differ by more than ``tolerance``.
    """
    net = net.float().eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net,
        (example,),
        str(path),
        input_names=["image"],
        output_names=outputs,
        dynamic_axes={"image": dynamic},
        opset_version=17,
        dynamo=False,
    )
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, metadata)
    onnx.save(graph, path)

    engine = Engine(path)
    for image in checks:
        with torch.no_grad():
            wanted = net(image)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        for name, a, b in zip(outputs, wanted, engine(image.numpy()), strict=True):
            difference = float(np.abs(a.numpy() - b).max())
            if difference > tolerance:
                shape = tuple(image.shape)
                raise ValueError(f"{path.name}: output {name} differs by {difference:.2g} on shape {shape}")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_metrics(folder: Path, metrics: dict[str, object]) -> None:
    """``metrics.json`` beside the graph: version, sha256, command, data and figures of a model."""
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1, sort_keys=True) + "\n", encoding="utf-8")
