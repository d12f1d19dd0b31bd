"""Weights to begin a training with: another run's checkpoint, or a graph that ships."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from training.fit import Task
from training.quantise import from_blocks

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
Layer: TypeAlias = nn.Conv1d | nn.Conv2d | nn.Linear


def begin_with(task: Task, start: Path, images: Iterable[Tensor]) -> None:
    """Gives ``task`` the weights of ``start``, a checkpoint (``.ckpt``) or an exported graph (``.onnx``).

    Args:
        images: some batches of the net's input; a graph has no statistics of batch normalisation, they show them.

    Raises:
        ValueError: the graph is of another net.
    """
    if start.suffix == ".onnx":
        load_graph(task.averaged, start, images)
    else:
        state = torch.load(start, map_location="cpu", weights_only=False)["state_dict"]
        averaged = {k.removeprefix("averaged."): v for k, v in state.items() if k.startswith("averaged.")}
        task.averaged.load_state_dict(averaged)
    task.net.load_state_dict(task.averaged.state_dict())


def load_graph(net: nn.Module, path: Path, images: Iterable[Tensor]) -> None:
    """Puts the weights of an exported float or 8-bit graph into ``net``, whose outputs then are the graph's.

    The export folded every batch normalisation into its convolution; here each gets back the statistics of what its
    convolution gives on ``images``, with the scale and shift that leave the function as it is.

    Raises:
        ValueError: layers of graph and net differ in number or shape.
    """
    batches = [image.float() for image in images]
    layers, norms = _in_order(net, batches[0])
    nodes = _weighted_nodes(path)
    shifts: dict[nn.Module, Tensor] = {}
    with torch.no_grad():
        for layer in layers:
            # Those of one shape come one after the other; branches of other shapes lie in the graph in any order.
            found = next((i for i, (weight, _) in enumerate(nodes) if weight.shape == tuple(layer.weight.shape)), None)
            if found is None:  # a head that only the losses need is not in the graph and keeps its fresh weights
                continue
            weight, bias = nodes.pop(found)
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            if layer in norms:
                assert bias is not None
                shifts[norms[layer]] = torch.from_numpy(bias.copy())
            elif bias is not None and layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(bias.copy()))
        named = _initialisers(path)
        for name, parameter in net.named_parameters():
            if name in named and tuple(named[name].shape) == tuple(parameter.shape):
                parameter.copy_(torch.from_numpy(named[name].copy()))
    if nodes:
        raise ValueError(f"{path}: the net has no layer for weights of shape {nodes[0][0].shape}")
    _restore_norms(net, {layer: norm for layer, norm in norms.items() if norm in shifts}, shifts, batches)


def _in_order(net: nn.Module, image: Tensor) -> tuple[list[Layer], dict[Layer, nn.Module]]:
    """The layers with weights as the net runs them, and the normalisation behind each that has one."""
    layers: list[Layer] = []
    norms: dict[Layer, nn.Module] = {}

    def seen(module: nn.Module, *_: object) -> None:
        if isinstance(module, _NORMS):
            norms[layers[-1]] = module
        elif isinstance(module, Layer):
            layers.append(module)

    kinds = (*_CONVOLUTIONS, nn.Linear, *_NORMS)
    hooks = [module.register_forward_hook(seen) for module in net.modules() if isinstance(module, kinds)]
    net.eval()
    with torch.no_grad():
        net(image[:1])
    for hook in hooks:
        hook.remove()
    return layers, norms


def _initialisers(path: Path) -> dict[str, np.ndarray]:
    return {value.name: numpy_helper.to_array(value) for value in onnx.load(path).graph.initializer}


def _weighted_nodes(path: Path) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Weight and bias of each convolution and product with constants, in the graph's order."""
    graph = onnx.load(path).graph
    values = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in values:
            stored, scale = values[node.input[0]].astype(np.float32), values[node.input[1]]
            zero = values[node.input[2]].astype(np.float32) if len(node.input) > 2 else np.float32(0)
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
            shape = [-1 if i == axis else 1 for i in range(stored.ndim)] if scale.ndim else []
            values[node.output[0]] = (stored - zero.reshape(shape)) * scale.reshape(shape)
    found = []
    for node in graph.node:
        if node.op_type in ("Conv", "MatMul", "Gemm") and node.input[1] in values:
            weight = values[node.input[1]]
            # A product's weights are the transpose of the layer's, those of the exporter's Gemm are not.
            weight = weight.T if node.op_type == "MatMul" else weight
            weight = from_blocks(weight) if weight.shape[1:] == (4, 2, 2) else weight
            found.append((weight, values.get(node.input[2]) if len(node.input) > 2 else None))
    return found


def _restore_norms(
    net: nn.Module, norms: dict[Layer, nn.Module], shifts: dict[nn.Module, Tensor], batches: list[Tensor]
) -> None:
    sums: dict[nn.Module, list[Tensor]] = {norm: [] for norm in norms.values()}

    def seen(module: nn.Module, inputs: tuple[Tensor], _: Tensor) -> None:
        values = inputs[0].double().transpose(0, 1).flatten(1)
        sums[module].append(torch.stack([torch.full_like(values[:, 0], values.shape[1]), values.sum(1),
                                         values.square().sum(1)]))  # fmt: skip

    for norm, shift in shifts.items():
        assert isinstance(norm, _NORMS)
        with torch.no_grad():
            norm.running_mean.zero_()  # type: ignore[union-attr]
            norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
            norm.weight.fill_(1)
            norm.bias.copy_(shift)
    hooks = [norm.register_forward_hook(seen) for norm in sums]
    with torch.no_grad():
        for batch in batches:
            net(batch)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        for layer, norm in norms.items():
            assert isinstance(norm, _NORMS)
            assert isinstance(layer, _CONVOLUTIONS)
            count, total, square = torch.stack(sums[norm]).sum(0)
            mean = (total / count).float()
            variance = (square / count - (total / count).square()).clamp_min(1e-8).float()
            # The scale of a normalised convolution is free: that of a fresh one suits the learning rate.
            fresh = (3 * layer.weight[0].numel()) ** -0.5
            free = fresh / layer.weight.square().flatten(1).mean(1).sqrt().clamp_min(1e-8)
            layer.weight.mul_(free.view(-1, *[1] * (layer.weight.ndim - 1)))
            norm.weight.copy_((variance + norm.eps / free**2).sqrt())
            norm.bias.add_(mean)
            norm.running_mean.copy_(mean * free)  # type: ignore[union-attr]
            norm.running_var.copy_(variance * free**2)  # type: ignore[union-attr]
