"""Training of the line detector: losses, configuration, export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from training.data.line_detector import AnnotatedPage, Samples, SampleShape, annotated_page, read_pages
from training.export import export_onnx
from training.fit import FitConfig, Task, fit, steps_of
from training.nets.line_detector import LineDetector, LineDetectorSize, RawMaps
from training.quantise import quantise
from training.start import begin_with

NAME = "line_detector"


@dataclass(frozen=True, kw_only=True)
class Config(FitConfig):
    """Every number of a training.

    Attributes:
        size: of the net.
        samples: how samples are cut.
        batch: samples a step.
        cross_entropy, dice, edges, coarse, paper, orientation: weights of the losses.
    """

    rate: float = 1.2e-3
    decay: float = 0.997
    size: LineDetectorSize = field(default_factory=LineDetectorSize)
    samples: SampleShape = field(default_factory=SampleShape)
    batch: int = 4
    cross_entropy: float = 5.0
    dice: float = 1.0
    edges: float = 1.0
    coarse: float = 0.5
    paper: float = 0.5
    orientation: float = 1.0


class LineDetectorTask(Task):
    """The losses of the line detector.

    Kernel: weighted cross entropy and Dice (Milletari et al., V-Net, 2016), once more at 1/8; edges: one minus the
    intersection over union of predicted and true vertical extent (Yu et al., UnitBox, 2016); paper: cross entropy;
    orientation: cross entropy.
    """

    config: Config

    def __init__(self, config: Config) -> None:
        torch.manual_seed(config.seed)
        detector = LineDetector(config.size)
        # Convolutions of this net train twice as fast on a CPU with the channels last.
        detector.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(detector, config)
        self.detector_raw = detector.raw

    def training_step(self, batch: dict[str, Tensor], _: int) -> Tensor:
        raw = self.detector_raw(batch["image"].contiguous(memory_format=torch.channels_last))
        losses = detector_losses(RawMaps(*(output.float() for output in raw)), batch, self.config)
        self.log_dict({name: value.detach() for name, value in losses.items()})
        return sum(losses.values(), start=torch.zeros(()))


def detector_losses(raw: RawMaps, batch: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Weighted losses by name, scalars; ``batch`` as :class:`training.data.line_detector.Samples` gives it."""
    kernel, top, bottom, weight, paper = batch["maps"].unbind(1)
    inside = kernel * (weight > 0)
    losses = {
        "cross_entropy": config.cross_entropy * _cross_entropy(raw.kernel, kernel, weight),
        "dice": config.dice * _dice(raw.kernel, kernel, weight),
    }
    predicted = raw.edges.exp()
    meet = torch.minimum(predicted[:, 0], top) + torch.minimum(predicted[:, 1], bottom)
    join = torch.maximum(predicted[:, 0], top) + torch.maximum(predicted[:, 1], bottom)
    losses["edges"] = config.edges * ((1 - meet / join.clamp_min(1e-3)) * inside).sum() / inside.sum().clamp_min(1)
    half_kernel = functional.avg_pool2d(kernel[:, None], 2)[:, 0]
    half_weight = functional.avg_pool2d(weight[:, None], 2)[:, 0]
    losses["coarse"] = config.coarse * (
        config.cross_entropy * _cross_entropy(raw.coarse, half_kernel, half_weight)
        + config.dice * _dice(raw.coarse, half_kernel, half_weight)
    )
    losses["paper"] = config.paper * functional.binary_cross_entropy_with_logits(raw.paper, paper)
    losses["orientation"] = config.orientation * functional.cross_entropy(raw.orientation, batch["turns"])
    return losses


def _cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    loss = functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
    return loss / weight.sum().clamp_min(1)


def _dice(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    seen = (weight > 0).float()
    probability = torch.sigmoid(logits) * seen
    target = target * seen
    return 1 - (2 * (probability * target).sum() + 1) / (probability.sum() + target.sum() + 1)


def synthetic_page(rng: np.random.Generator) -> AnnotatedPage:
    """A synthetic bill as the detector trains on it."""
    # Imported here: a training on receipts alone needs no fonts.
    from training.data.synthetic.scene import synthesise_bill

    scene = synthesise_bill(rng)
    lines = np.array([line.polygon for line in scene.lines], np.float32).reshape(-1, 4, 2)
    page = annotated_page(scene.image, lines, np.zeros(len(lines), bool))
    # Scans show no edge of the paper: as in annotated ones, it ends with the print.
    return replace(page, photo=True, paper=scene.paper) if scene.mode == "photo" else page


TASK = LineDetectorTask


def train(
    receipts: Sequence[Path],
    run: Path,
    minutes: float,
    config: Config | None = None,
    *,
    start: Path | None = None,
    pages: Sequence[AnnotatedPage] = (),
    synthesise: Callable[[np.random.Generator], AnnotatedPage] | None = synthetic_page,
) -> LineDetectorTask:
    """Trains within ``minutes`` and leaves ``run/last.ckpt``; goes on where one lies there.

    Args:
        receipts: folders of annotated receipts; without any, rendered bills alone.
        start: checkpoint or graph to fine-tune, see :func:`training.start.begin_with`.
        pages: pages at hand, beside those of ``receipts``.
    """
    config = config or Config()
    pages = [*pages, *(page for pack in receipts for page in read_pages(pack))]
    # A resumed run would otherwise see the samples of its beginning again.
    batches = _batches_of(pages, config, config.seed + steps_of(run / "last.ckpt"), synthesise)
    task = LineDetectorTask(config)
    if start is not None:
        begin_with(task, start, [batch["image"] for batch in islice(batches, 12)])
    fit(task, batches, run, minutes=minutes)
    return task


def _batches_of(
    pages: Sequence[AnnotatedPage],
    config: Config,
    seed: int,
    synthesise: Callable[[np.random.Generator], AnnotatedPage] | None,
) -> DataLoader[dict[str, Tensor]]:
    drawn = synthesise if config.synthetic_share > 0 or not pages else None
    samples = Samples(list(pages), config.samples, drawn, config.synthetic_share, seed)
    return DataLoader(samples, batch_size=config.batch, num_workers=0)


def images_of(receipts: Sequence[Path], config: Config) -> Iterator[Tensor]:
    """Endless batches of the net's input alone, as a training sees them."""
    pages = [page for pack in receipts for page in read_pages(pack)]
    return (batch["image"] for batch in _batches_of(pages, config, config.seed, synthetic_page))


def load(checkpoint: Path, config: Config | None = None) -> LineDetector:
    """The averaged net of a checkpoint, ready to run."""
    config = config or Config()
    net = LineDetector(config.size)
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)["state_dict"]
    net.load_state_dict({k.removeprefix("averaged."): v for k, v in state.items() if k.startswith("averaged.")})
    return net.eval()


def export(run: Path, out: Path, version: str = "1.0.0", config: Config | None = None) -> str:
    """Writes ``out/model.onnx`` from ``run/last.ckpt``, checked against the net and then quantised.

    Returns:
        The graph's sha256.

    Raises:
        ValueError: graph and net differ.
    """
    rng = np.random.default_rng(0)
    checks = [
        torch.from_numpy(rng.integers(0, 256, (1, 1, h, w)).astype(np.float32)) for h, w in ((64, 96), (256, 160))
    ]
    export_onnx(
        load(run / "last.ckpt", config),
        checks[0],
        out / "model.onnx",
        outputs=["maps", "orientation"],
        dynamic={2: "height", 3: "width"},
        metadata={"name": NAME, "version": version},
        # Distances are exponentials of up to e^6: a hundredth of a pixel is float noise there.
        checks=checks,
        tolerance=1e-2,
    )
    samples = Samples([], (config or Config()).samples, synthetic_page)
    return quantise(out / "model.onnx", [sample["image"][None].numpy() for sample in islice(samples, 32)])
