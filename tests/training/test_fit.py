from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from training.fit import FitConfig, Task, fit


class Line(Task):
    """Learns y = 2 x from batches of x, the third of which cannot be learnt from."""

    def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
        loss = ((self.net(batch) - 2 * batch) ** 2).mean()
        return loss * float("nan") if index == 2 else loss


def batches() -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    while True:
        yield torch.randn(16, 1, generator=generator)


def test_a_step_without_a_finite_gradient_is_left_out_and_training_goes_on(tmp_path: Path) -> None:
    task = fit(Line(nn.Linear(1, 1), FitConfig(rate=0.05, decay=0.5)), batches(), tmp_path, minutes=0.1)

    assert task.global_step > 3
    assert all(torch.isfinite(value).all() for value in task.averaged.state_dict().values())
    assert abs(float(task.averaged.weight) - 2) < 0.5
