"""Fitting a task within a budget of wall time, resumable after a kill at any moment."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch import nn

CHECKPOINT = timedelta(minutes=2)
"""Time between two checkpoints."""


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """The numbers that every training has; each net adds its own in a subclass.

    Attributes:
        rate: peak learning rate.
        decay: of the weights' moving average.
        synthetic_share: share of rendered samples where there are receipts, 0..1; without receipts all are.
        warmup: share of the budget in which the rate rises, 0..1.
        weight_decay: of matrices; vectors have none.
        betas: of AdamW (Loshchilov and Hutter, 2019).
        clip: of the gradient's norm.
        seed: of weights and samples.
    """

    rate: float
    decay: float
    synthetic_share: float = 0.0
    warmup: float = 0.03
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 5.0
    seed: int = 0


class Budget(Callback):
    """Stops after ``minutes`` of training in all, over every resumption, and drives the learning rate by that clock.

    The rate warms up over the first ``warmup`` share of the budget and follows a half cosine to zero, so that a slow
    machine still ends at rate zero.

    Args:
        minutes: wall minutes of training.
        peak: learning rate at the end of the warm-up.
        warmup: share of the budget, 0..1.
    """

    def __init__(self, minutes: float, peak: float, warmup: float) -> None:
        self.seconds = minutes * 60
        self.peak = peak
        self.warmup = warmup
        self.spent = 0.0
        self._mark = 0.0

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0..1."""
        return min(1.0, self.spent / self.seconds)

    def on_train_start(self, *_: Any) -> None:
        # From batch to batch: making the samples counts as well.
        self._mark = time.monotonic()

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        done = self.progress
        if done < self.warmup:
            rate = self.peak * max(done, 1e-3) / self.warmup
        else:
            rate = self.peak * 0.5 * (1 + math.cos(math.pi * (done - self.warmup) / (1 - self.warmup)))
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        now = time.monotonic()
        self.spent, self._mark = self.spent + now - self._mark, now
        if self.spent >= self.seconds:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"spent": self.spent}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.spent = state_dict["spent"]


class Average(Callback):
    """Keeps an exponential moving average of the weights in ``task.averaged``; that is what is measured and exported.

    Buffers are copied, not averaged. The decay warms up as in Tarvainen and Valpola, Mean Teacher, 2017.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        decay = min(self.decay, (1 + trainer.global_step) / (10 + trainer.global_step))
        assert isinstance(pl_module, Task)
        net, averaged = pl_module.net, pl_module.averaged
        with torch.no_grad():
            for kept, new in zip(averaged.parameters(), net.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
            for still, moved in zip(averaged.buffers(), net.buffers(), strict=True):
                still.copy_(moved)


def steps_of(checkpoint: Path) -> int:
    """Steps that the run behind ``checkpoint`` had made; 0 where there is none."""
    return int(torch.load(checkpoint, weights_only=False)["global_step"]) if checkpoint.exists() else 0


class Task(pl.LightningModule):
    """A net with its loss. Subclasses give ``training_step``; ``averaged`` holds the weights to export."""

    def __init__(self, net: nn.Module, config: FitConfig) -> None:
        super().__init__()
        self.net = net
        self.config = config
        self.averaged = copy.deepcopy(net).requires_grad_(False).eval()

    def on_train_start(self) -> None:
        self.averaged.eval()

    def configure_gradient_clipping(self, optimizer: Any, *limits: Any, **named: Any) -> None:
        super().configure_gradient_clipping(optimizer, *limits, **named)
        # One step whose gradient is not finite would spoil every weight for good: it is left out.
        if not all(torch.isfinite(p.grad).all() for p in self.net.parameters() if p.grad is not None):
            optimizer.zero_grad()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        vectors = [p for p in self.net.parameters() if p.ndim <= 1]
        return torch.optim.AdamW(
            [{"params": matrices, "weight_decay": self.config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=self.config.rate,
            betas=self.config.betas,
        )


def fit(task: Task, batches: Iterable[Any], run: Path, *, minutes: float) -> Task:
    """Trains ``task`` on endless ``batches`` until the budget is spent.

    A checkpoint is written to ``run/last.ckpt`` every :data:`CHECKPOINT`; training goes on from one that lies there.
    Runs on one GPU where there is one, else on the CPU, in bfloat16 autocast on both.

    Args:
        batches: an endless iterable (usually a ``DataLoader`` over an ``IterableDataset``).
        run: folder for checkpoints, logs and curves.
        minutes: wall minutes of training in all.
    """
    config = task.config
    run.mkdir(parents=True, exist_ok=True)
    last = run / "last.ckpt"
    trainer = pl.Trainer(
        default_root_dir=run,
        accelerator="auto",
        devices=1,
        precision="bf16-mixed",
        max_epochs=-1,
        gradient_clip_val=config.clip,
        logger=CSVLogger(run, name="curves"),
        log_every_n_steps=20,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            Budget(minutes, config.rate, config.warmup),
            Average(config.decay),
            ModelCheckpoint(run, filename="last", train_time_interval=CHECKPOINT, enable_version_counter=False),
        ],
    )
    trainer.fit(task, batches, ckpt_path=str(last) if last.exists() else None, weights_only=False)
    trainer.save_checkpoint(last)
    return task
