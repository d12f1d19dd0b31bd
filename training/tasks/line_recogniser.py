"""Fitting and exporting the line recogniser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from billocr_assets.ocr.models import load_models
from training.data.alphabet import ALPHABET
from training.data.found_lines import found_lines
from training.data.lines import Batch, LineBatches, lines_of, of_one_width, rendered_line
from training.data.receipts import read_pack
from training.export import export_onnx
from training.fit import FitConfig, Task, fit, steps_of
from training.nets.line_recogniser import LineRecogniser
from training.quantise import quantise
from training.start import begin_with

NAME = "line_recogniser"


@dataclass(frozen=True, kw_only=True)
class Config(FitConfig):
    """Every number of a training.

    Attributes:
        width, heads: of the net's attention.
        short: lines of at most six characters that come first; none where a run goes on or starts from weights.
        pixels: columns of a batch, padding included.
        pool: lines that are drawn at a time and sorted by width.
        longest: columns of the longest line that is kept.
        joined_share, blank_share, reverse_share: see :class:`training.data.lines.LineBatches`.
        photographs: pictures taken of each receipt, see :func:`training.data.found_lines.found_lines`.
    """

    rate: float = 1.5e-3
    decay: float = 0.999
    synthetic_share: float = 0.55
    width: int = 128
    heads: int = 4
    short: int = 8000
    pixels: int = 8192
    pool: int = 1024
    longest: int = 1024
    joined_share: float = 0.08
    blank_share: float = 0.01
    reverse_share: float = 0.07
    photographs: int = 2


def case_pairs(alphabet: str) -> tuple[torch.Tensor, torch.Tensor]:
    """How classes fold when case does not count.

    Returns:
        ``fold`` (classes,): the class that stands for each class (the capital for a small letter, else itself), and
        ``partner`` (classes,): the small letter of each capital, else ``classes``; small letters fold away.
    """
    classes = len(alphabet) + 1
    index = {c: i + 1 for i, c in enumerate(alphabet)}
    fold, partner = torch.arange(classes), torch.full((classes,), classes)
    for c, i in index.items():
        capital = index.get(c.upper())
        if capital is not None and capital != i:
            fold[i] = capital
            partner[capital] = i
    return fold, partner


def folded_log_probs(log_probs: torch.Tensor, fold: torch.Tensor, partner: torch.Tensor) -> torch.Tensor:
    """(..., classes) log-probabilities with each small letter's probability added to its capital's."""
    never = torch.full_like(log_probs[..., :1], -1e4)
    merged = torch.logaddexp(log_probs, torch.cat([log_probs, never], -1)[..., partner])
    gone = fold != torch.arange(len(fold), device=fold.device)
    return merged.masked_fill(gone, -1e4)


class LineRecognition(Task):
    """CTC (Graves et al., 2006) in float32, on folded classes for truths that do not tell case."""

    fold: torch.Tensor
    partner: torch.Tensor
    averaged: LineRecogniser

    def __init__(self, config: Config | None = None, alphabet: str = ALPHABET) -> None:
        config = config or Config()
        super().__init__(LineRecogniser(len(alphabet) + 1, config.width, config.heads), config)
        fold, partner = case_pairs(alphabet)
        self.register_buffer("fold", fold, persistent=False)
        self.register_buffer("partner", partner, persistent=False)

    def loss(self, log_probs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Negative log-likelihood per character of ``log_probs`` (B, T, classes)."""
        folded = folded_log_probs(log_probs, self.fold, self.partner)
        scores = torch.where(batch.folded[:, None, None], folded, log_probs)
        of_line = torch.repeat_interleave(batch.folded, batch.lengths)
        targets = torch.where(of_line, self.fold[batch.targets], batch.targets)
        frames = torch.full_like(batch.lengths, scores.shape[1])
        total = F.ctc_loss(scores.transpose(0, 1), targets, frames, batch.lengths, reduction="sum", zero_infinity=True)
        return total / batch.lengths.sum().clamp_min(1)

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        log_probs = self.net(batch.images.float())
        with torch.autocast(self.device.type, enabled=False):
            loss = self.loss(log_probs.float(), batch)
        self.log("loss", loss, batch_size=len(batch.lengths))
        return loss


TASK = LineRecognition


def train(
    receipts: Sequence[Path], run: Path, minutes: float, config: Config | None = None, *, start: Path | None = None
) -> LineRecognition:
    """Trains within ``minutes`` and leaves ``run/last.ckpt``; goes on where one lies there.

    Args:
        receipts: folders of annotated receipts; without any, rendered lines alone.
        start: checkpoint or graph to fine-tune, see :func:`training.start.begin_with`.
    """
    config = config or Config()
    torch.manual_seed(config.seed)
    task = LineRecognition(config)
    steps = steps_of(run / "last.ckpt")
    # A resumed run would otherwise see the samples of its beginning again.
    loader = batches_of(
        receipts, config, seed=config.seed + steps, short=0 if steps or start is not None else config.short
    )
    if start is not None:
        begin_with(task, start, [batch.images for batch in islice(loader, 12)])
    fit(task, loader, run, minutes=minutes)
    return task


def batches_of(receipts: Sequence[Path], config: Config, *, seed: int, short: int = 0) -> DataLoader[Batch]:
    """Endless batches as a training sees them, see :class:`training.data.lines.LineBatches`."""
    annotated = [read_pack(pack) for pack in receipts]
    found = (line for pack in annotated for line in found_lines(pack, load_models(), config.photographs, config.seed))
    batches = LineBatches(
        [*(line for pack in annotated for line in lines_of(pack)), *found],
        rendered_line if config.synthetic_share > 0 or not receipts else None,
        rendered_share=config.synthetic_share,
        seed=seed,
        short=short,
        pixels=config.pixels,
        pool=config.pool,
        longest=config.longest,
        joined_share=config.joined_share,
        blank_share=config.blank_share,
        reverse_share=config.reverse_share,
    )
    return DataLoader(batches, batch_size=None)


def images_of(receipts: Sequence[Path], config: Config) -> Iterator[torch.Tensor]:
    """Endless batches of the net's input alone."""
    return (batch.images for batch in batches_of(receipts, config, seed=config.seed))


def load(checkpoint: Path) -> LineRecogniser:
    """The averaged net of a checkpoint, ready to run."""
    task = LineRecognition()
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
        outputs=["log_probabilities"],
        dynamic={0: "batch", 3: "width"},
        metadata={"name": NAME, "version": version, "alphabet": json.dumps(list(ALPHABET), ensure_ascii=False)},
        checks=checks,
    )
    return quantise(out / "model.onnx", of_one_width(batch.images for batch in LineBatches([], rendered_line, short=0)))
