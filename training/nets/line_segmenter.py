"""The line segmenter: where the words of a line lie and how high its letters stand."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from training.nets.line_recogniser import conv

HEIGHT = 32


class Dilated(nn.Module):
    """A residual 1x5 convolution over columns (van den Oord et al., WaveNet, 2016, without the gate)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + F.relu(self.norm(self.conv(x)))


class LineSegmenter(nn.Module):
    """Looks at a line by columns of 4 px.

    Input float32 (B, 1, 32, W), grey 0..255, W a multiple of 8; output float32 (B, 4, W/4): probability that the column
    lies between words or beside the text, probability that a glyph's centre lies in it, y of the capitals' top and y of
    the baseline there, both in pixels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(1, 12, 2), conv(12, 24, 2), conv(24, 24), conv(24, 32, (2, 1)), conv(32, 40, (2, 1))
        )
        self.collapse = nn.Sequential(nn.Conv1d(2 * 40, 48, 1, bias=False), nn.BatchNorm1d(48), nn.ReLU(inplace=True))
        self.columns = nn.Sequential(*(Dilated(48, dilation) for dilation in (1, 2, 4, 8)))
        self.head = nn.Conv1d(48, 4, 1)

    def logits(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 4, W/4) before the sigmoids; y in crop heights."""
        x = self.body((image - 128.0) / 64.0)
        return self.head(self.columns(self.collapse(x.flatten(1, 2))))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = torch.sigmoid(self.logits(image).float())
        return torch.cat([x[:, :2], x[:, 2:] * HEIGHT], 1)
