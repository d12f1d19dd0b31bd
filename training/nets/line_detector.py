"""The line detector: a small residual feature pyramid over a grey page.

Dense 3x3 convolutions in residual blocks (He et al., Deep Residual Learning, 2016) with a feature pyramid (Lin et al.,
Feature Pyramid Networks, 2017), read out at a quarter of the resolution. On a CPU they train and run faster than
depthwise blocks of the same accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class LineDetectorSize:
    """Channels of the stem (1/2), of the stages (1/4, 1/8, 1/16, 1/32) and of the pyramid; residual blocks a stage."""

    stem: int = 16
    stages: tuple[int, int, int, int] = (32, 48, 80, 112)
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    pyramid: int = 40


class RawMaps(NamedTuple):
    """What the losses need; B pages of H x W pixels.

    Attributes:
        kernel: (B, H/4, W/4) logits of a line's kernel.
        edges: (B, 2, H/4, W/4) natural logarithms of the distances to the line's top and bottom in input pixels.
        paper: (B, H/4, W/4) logits of the bill's paper.
        coarse: (B, H/8, W/8) logits of the kernel from the next coarser level; training only.
        orientation: (B, 4) logits of the quarter turns clockwise that the page needs to stand upright.
    """

    kernel: Tensor
    edges: Tensor
    paper: Tensor
    coarse: Tensor
    orientation: Tensor


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _conv(inputs, outputs, stride)
        norm = nn.BatchNorm2d(outputs)
        # The block starts as the identity, so that a short training starts from a shallow net.
        nn.init.zeros_(norm.weight)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), norm)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


class LineDetector(nn.Module):
    """Maps of lines and paper, and the page's orientation.

    Input: (B, 1, H, W) float32 grey, 0..255, H and W multiples of 32.

    Returns:
        ``maps`` (B, 4, H/4, W/4): kernel probability, distance to the line's top and to its bottom (input pixels),
        paper probability; and ``orientation`` (B, 4): probabilities of 0, 90, 180 and 270 degrees clockwise.
    """

    def __init__(self, size: LineDetectorSize | None = None) -> None:
        super().__init__()
        size = size or LineDetectorSize()
        self.stem = nn.Sequential(_conv(1, size.stem, 2), _conv(size.stem, size.stages[0], 2))
        stages, inputs = [], size.stages[0]
        for index, (outputs, depth) in enumerate(zip(size.stages, size.depths, strict=True)):
            blocks = [_Residual(inputs, outputs, 1 if index == 0 else 2)]
            blocks += [_Residual(outputs, outputs) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*blocks))
            inputs = outputs
        self.stages = nn.ModuleList(stages)
        self.laterals = nn.ModuleList(nn.Conv2d(channels, size.pyramid, 1) for channels in size.stages)
        self.smooth = nn.ModuleList(_conv(size.pyramid, size.pyramid) for _ in range(2))
        last = nn.Conv2d(size.pyramid, 4, 1)
        self.head = nn.Sequential(_conv(size.pyramid, size.pyramid), last)
        self.coarse_head = nn.Conv2d(size.pyramid, 1, 1)
        self.orientation_head = nn.Sequential(
            nn.Linear(size.stages[-1] + size.stages[-2], 64), nn.ReLU(inplace=True), nn.Linear(64, 4)
        )
        with torch.no_grad():  # few pixels are kernel; edges are some e^2 px away
            last.bias = nn.Parameter(torch.tensor([-2.0, 2.0, 2.0, 0.0]))

    def raw(self, image: Tensor) -> RawMaps:
        """Logits and log distances; see :class:`RawMaps`."""
        x = self.stem((image - 127.5) / 64.0)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        top = self.laterals[3](levels[3])
        top = self.laterals[2](levels[2]) + functional.interpolate(top, scale_factor=2.0, mode="nearest")
        eighth = self.smooth[1](
            self.laterals[1](levels[1]) + functional.interpolate(top, scale_factor=2.0, mode="nearest")
        )
        quarter = self.smooth[0](
            self.laterals[0](levels[0]) + functional.interpolate(eighth, scale_factor=2.0, mode="nearest")
        )
        maps = self.head(quarter)
        paper = maps[:, 3]
        # Which way the print stands is a matter of the paper alone: padding and background must not dilute it.
        finer = functional.avg_pool2d(torch.sigmoid(paper.detach())[:, None], 4)
        weight = functional.avg_pool2d(finer, 2)
        pooled = torch.cat(
            [
                (levels[3] * weight).sum((2, 3)) / (weight.sum((2, 3)) + 1e-2),
                (levels[2] * finer).sum((2, 3)) / (finer.sum((2, 3)) + 1e-2),
            ],
            1,
        )
        return RawMaps(
            maps[:, 0], maps[:, 1:3].clamp(-2, 6), paper, self.coarse_head(eighth)[:, 0], self.orientation_head(pooled)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        raw = self.raw(image)
        maps = torch.cat(
            [torch.sigmoid(raw.kernel)[:, None], torch.exp(raw.edges), torch.sigmoid(raw.paper)[:, None]], 1
        )
        return maps, torch.softmax(raw.orientation, 1)
