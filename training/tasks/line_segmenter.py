"""Fitting and exporting the line segmenter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from training.data.line_columns import ColumnBatch, ColumnBatches
from training.data.lines import of_one_width
from training.data.synthetic.lines import synthesise_line
from training.export import export_onnx
from training.fit import FitConfig, Task, fit, steps_of
from training.nets.line_segmenter import HEIGHT, LineSegmenter
from training.quantise import quantise
from training.start import begin_with

NAME = "line_segmenter"


@dataclass(frozen=True, kw_only=True)
class Config(FitConfig):
    """Every number of a training. Only rendered lines tell where every glyph lies, so no others take part.

    Attributes:
        gap, centre, height: weights of the losses.
    """

    rate: float = 3e-3
    decay: float = 0.998
    synthetic_share: float = 1.0
    gap: float = 2.0
    centre: float = 1.0
    height: float = 0.1


class LineSegmentation(Task):
    """Cross entropy on gaps and glyph centres, absolute error of the heights where there is text."""

    net: LineSegmenter
    averaged: LineSegmenter

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(LineSegmenter(), config or Config())

    def training_step(self, batch: ColumnBatch, _: int) -> torch.Tensor:
        logits = self.net.logits(batch.images.float()).float()
        gap, centre = (F.binary_cross_entropy_with_logits(logits[:, i], batch.targets[:, i]) for i in (0, 1))
        text = 1 - batch.targets[:, :1]
        off = (torch.sigmoid(logits[:, 2:]) * HEIGHT - batch.targets[:, 2:]).abs() * text
        height = off.sum() / (2 * text.sum()).clamp_min(1)
        self.log_dict({"gap": gap, "centre": centre, "height": height}, batch_size=len(batch.images))
        return self.config.gap * gap + self.config.centre * centre + self.config.height * height


TASK = LineSegmentation


def train(
    receipts: Sequence[Path], run: Path, minutes: float, config: Config | None = None, *, start: Path | None = None
) -> LineSegmentation:
    """Trains within ``minutes`` and leaves ``run/last.ckpt``; goes on where one lies there.

    Args:
        receipts: not used, see :class:`Config`.
        start: checkpoint or graph to fine-tune, see :func:`training.start.begin_with`.
    """
    config = config or Config()
    torch.manual_seed(config.seed)
    task = LineSegmentation(config)
    # A resumed run would otherwise see the samples of its beginning again.
    batches = ColumnBatches(synthesise_line, seed=config.seed + steps_of(run / "last.ckpt"))
    loader = DataLoader(batches, batch_size=None)
    if start is not None:
        begin_with(task, start, [batch.images for batch in islice(loader, 12)])
    fit(task, loader, run, minutes=minutes)
    return task


def images_of(_: Sequence[Path], config: Config) -> Iterator[torch.Tensor]:
    """Endless batches of the net's input alone."""
    return (batch.images for batch in ColumnBatches(synthesise_line, seed=config.seed))


def load(checkpoint: Path) -> LineSegmenter:
    """The averaged net of a checkpoint, ready to run."""
    task = LineSegmentation()
    task.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=False)["state_dict"])
    return task.averaged.eval()


def export(run: Path, out: Path, version: str) -> str:
    """Writes ``out/model.onnx`` from ``run/last.ckpt``, checked against the net and then quantised.

    Returns:
        The graph's sha256.

    Raises:
        ValueError: graph and net differ.
    """
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 64), (1, 8), (2, 328), (1, 800))
    checks = [torch.randint(0, 256, (b, 1, 32, w), generator=generator).float() for b, w in shapes]
    export_onnx(
        load(run / "last.ckpt"),
        checks[0],
        out / "model.onnx",
        outputs=["columns"],
        dynamic={0: "batch", 3: "width"},
        metadata={"name": NAME, "version": version},
        checks=checks,
    )
    return quantise(out / "model.onnx", of_one_width(batch.images for batch in ColumnBatches(synthesise_line)))
