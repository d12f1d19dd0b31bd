"""Fits a :class:`billocr_assets.ocr.perceptron.Perceptron`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from billocr_assets.ocr.perceptron import Perceptron, standardised


def fit(
    names: Sequence[str],
    features: np.ndarray,
    truth: np.ndarray,
    weight: np.ndarray,
    seed: int = 0,
    *,
    hidden: int = 16,
    steps: int = 250,
    decay: float = 3e-4,
) -> Perceptron:
    """Fits by Adam on all rows at once, which cross entropy and a little decay of the weights drive.

    Args:
        names: of the F features.
        features: (n, F).
        truth: (n,) bool.
        weight: (n,) what each row counts.
        hidden: units.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    mean, scale = features.mean(0), np.maximum(features.std(0), 1e-3)
    x = torch.tensor(standardised(features, mean, scale), dtype=torch.float32)
    y, w = (torch.tensor(values, dtype=torch.float32) for values in (truth, weight / weight.sum()))
    torch.manual_seed(seed)
    inner, outer = torch.nn.Linear(x.shape[1], hidden), torch.nn.Linear(hidden, 1)
    net = torch.nn.Sequential(inner, torch.nn.Tanh(), outer)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = binary_cross_entropy_with_logits(net(x)[:, 0], y, w, reduction="sum")
        (loss + decay * (inner.weight.square().sum() + outer.weight.square().sum())).backward()
        optimiser.step()
        schedule.step()
    return Perceptron(
        tuple(names),
        tuple(mean.tolist()),
        tuple(scale.tolist()),
        tuple(tuple(row) for row in torch.cat([inner.weight, inner.bias[:, None]], 1).tolist()),
        tuple(outer.weight[0].tolist()),
        outer.bias.item(),
    )
