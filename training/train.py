"""Trains one of the three nets: ``python -m training.train fit|average|export|evaluate NET ...``.

Each net has two modules of its name: ``training.tasks`` gives ``train`` and ``export``, ``training.evaluation`` gives
``evaluate``, the figures of an exported graph.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shlex
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import update_bn

from training.export import write_metrics
from training.start import begin_with

# Batches that show a blend its statistics.
_BATCHES = 24
NETS = ("line_detector", "line_segmenter", "line_recogniser")


def train(
    net: str,
    packs: Sequence[Path],
    run: Path,
    *,
    minutes: float,
    seed: int = 0,
    synthetic_share: float | None = None,
    start: Path | None = None,
    rate: float | None = None,
) -> None:
    """Trains ``net`` for ``minutes`` in all; goes on where ``run`` holds a checkpoint.

    Args:
        packs: folders of annotated receipts; without any, rendered bills alone.
        synthetic_share: share of rendered samples where there are receipts, 0..1; by default the net's own.
        start: checkpoint of an earlier run to fine-tune.
        rate: peak learning rate; by default the net's own, which is high for fine-tuning.
    """
    module = importlib.import_module(f"training.tasks.{net}")
    given = {"seed": seed, "synthetic_share": synthetic_share, "rate": rate}
    config = module.Config(**{name: value for name, value in given.items() if value is not None})
    module.train(packs, run, minutes, config, start=start)


def synthetic_share(net: str) -> float:
    """The net's own share of rendered samples where there are receipts, 0..1."""
    share: float = importlib.import_module(f"training.tasks.{net}").Config().synthetic_share
    return share


def average(runs: Sequence[Path], run: Path) -> None:
    """Writes the mean of the weights of ``runs``, each begun with the one before, to ``run/last.ckpt``.

    Such a mean reads better than any of them (Wortsman et al., Model soups, 2022); minutes and steps add up.
    """
    states = [torch.load(each / "last.ckpt", map_location="cpu", weights_only=False) for each in runs]
    mean = states[-1]
    for name, value in mean["state_dict"].items():
        if value.is_floating_point():
            mean["state_dict"][name] = torch.stack([state["state_dict"][name] for state in states]).mean(0)
    mean["global_step"] = sum(state["global_step"] for state in states)
    mean["callbacks"]["Budget"]["spent"] = sum(state["callbacks"]["Budget"]["spent"] for state in states)
    run.mkdir(parents=True, exist_ok=True)
    torch.save(mean, run / "last.ckpt")
    commands = [each / "command.txt" for each in runs]
    said = [command.read_text(encoding="utf-8").strip() for command in commands if command.exists()]
    (run / "command.txt").write_text("; ".join(said) + "\n", encoding="utf-8")


def blend(net: str, start: Path, of: Path, run: Path, share: float, packs: Sequence[Path], seed: int = 0) -> None:
    """Writes to ``run/last.ckpt`` weights between those that a run began with and those that it ended with.

    Such weights read better than either, most of all what training shows little of (Wortsman et al., Robust fine-tuning
    of zero-shot models, 2022). The statistics of batch normalisation are taken anew.

    Args:
        start: what the run ``of`` began with.
        share: of the run's own weights, 0..1.
        packs: folders of annotated receipts that it was trained on.
    """
    module = importlib.import_module(f"training.tasks.{net}")
    config = module.Config(seed=seed)
    task = module.TASK(config)
    images = [batch.float() for batch in islice(module.images_of(packs, config), _BATCHES)]
    begin_with(task, start, images)
    state = torch.load(of / "last.ckpt", map_location="cpu", weights_only=False)
    weights = task.averaged.state_dict()
    for name, value in weights.items():
        trained = state["state_dict"][f"averaged.{name}"]
        value.copy_(torch.lerp(value, trained, share) if value.is_floating_point() else trained)
    update_bn(images, task.averaged)
    for name, value in weights.items():
        state["state_dict"][f"averaged.{name}"] = value
    run.mkdir(parents=True, exist_ok=True)
    torch.save(state, run / "last.ckpt")


def export(net: str, run: Path, folder: Path, version: str) -> dict[str, Any]:
    """Writes the averaged weights of ``run`` to ``folder/model.onnx`` and what is known of them to ``metrics.json``.

    Returns:
        What ``metrics.json`` says: name, version, sha256, parameters, steps, minutes and the command.

    Raises:
        ValueError: graph and net differ.
    """
    sha256 = importlib.import_module(f"training.tasks.{net}").export(run, folder, version)
    state = torch.load(run / "last.ckpt", map_location="cpu", weights_only=False)
    command = run / "command.txt"
    metrics = {
        "name": net,
        "version": version,
        "sha256": sha256,
        "parameters": sum(
            value.numel()
            for name, value in state["state_dict"].items()
            if name.startswith("net.") and not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        ),
        "steps": state["global_step"],
        "minutes": round(state["callbacks"]["Budget"]["spent"] / 60, 1),
        "command": command.read_text(encoding="utf-8").strip() if command.exists() else None,
    }
    write_metrics(folder, metrics)
    return metrics


def evaluate(net: str, folder: Path, packs: Sequence[Path]) -> dict[str, float]:
    """Figures of ``folder/model.onnx`` on annotated receipts, or on rendered bills where no pack is given.

    Returns:
        Figures by name; of several packs, each name begins with the pack's.
    """
    module = importlib.import_module(f"training.evaluation.{net}")
    found = {pack.name: module.evaluate(folder / "model.onnx", pack) for pack in packs}
    if not found:
        return module.evaluate(folder / "model.onnx", None)
    if len(found) == 1:
        return next(iter(found.values()))
    return {f"{pack}/{name}": value for pack, figures in found.items() for name, value in figures.items()}


def _said(arguments: list[str] | None) -> str:
    """The command line, without where this machine keeps its data: metrics.json is published."""
    given = [Path(word).name if word.startswith(("/", "..")) else word for word in arguments or sys.argv[1:]]
    return shlex.join(["python", "-m", "training.train", *given])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    fitting = commands.add_parser("fit", help="train, or go on training")
    fitting.add_argument("--run", type=Path, required=True, help="folder of checkpoints and logs")
    fitting.add_argument("--minutes", type=float, required=True, help="wall minutes of training in all")
    fitting.add_argument("--synthetic-share", type=float, help="share of rendered samples beside receipts, 0..1")
    fitting.add_argument("--start", type=Path, help="checkpoint of an earlier run to fine-tune")
    fitting.add_argument("--rate", type=float, help="peak learning rate")
    fitting.add_argument("--seed", type=int, default=0)
    fitting.add_argument("--threads", type=int, default=1)

    averaging = commands.add_parser("average", help="the mean of the weights of several runs")
    averaging.add_argument("--run", type=Path, required=True, help="folder for the mean")
    averaging.add_argument("--of", type=Path, action="append", required=True, help="folder of a run; several times")

    blending = commands.add_parser("blend", help="weights between a run's beginning and its end")
    blending.add_argument("--run", type=Path, required=True, help="folder for the blend")
    blending.add_argument("--start", type=Path, required=True, help="what the run began with")
    blending.add_argument("--of", type=Path, required=True, help="folder of the run")
    blending.add_argument("--share", type=float, default=0.5, help="of the run's own weights, 0..1")
    blending.add_argument("--seed", type=int, default=0)

    exporting = commands.add_parser("export", help="write the averaged weights as ONNX")
    exporting.add_argument("--run", type=Path, required=True, help="folder of the checkpoint")
    exporting.add_argument("--folder", type=Path, required=True, help="folder for model.onnx")
    exporting.add_argument("--version", required=True)

    measuring = commands.add_parser("evaluate", help="measure an exported graph, add the figures to metrics.json")
    measuring.add_argument("--folder", type=Path, required=True, help="folder of model.onnx")

    for command in (fitting, blending, measuring):
        command.add_argument(
            "--receipts", type=Path, action="append", default=[],
            help="folder of annotated receipts; without one, rendered bills alone",
        )  # fmt: skip
    for command in (fitting, averaging, blending, exporting, measuring):
        command.add_argument("net", choices=NETS)
    options = parser.parse_args(arguments)

    if options.command == "fit":
        torch.set_num_threads(options.threads)
        options.run.mkdir(parents=True, exist_ok=True)
        (options.run / "command.txt").write_text(_said(arguments) + "\n", encoding="utf-8")
        train(
            options.net, options.receipts, options.run, minutes=options.minutes, seed=options.seed,
                synthetic_share=options.synthetic_share, start=options.start, rate=options.rate,
        )  # fmt: skip
        print(f"{options.net}: trained, {options.run / 'last.ckpt'}")
    elif options.command == "average":
        average(options.of, options.run)
        print(f"{options.net}: mean of {len(options.of)} runs, {options.run / 'last.ckpt'}")
    elif options.command == "blend":
        if not 0 <= options.share <= 1:
            parser.error("--share is between 0 and 1")
        blend(options.net, options.start, options.of, options.run, options.share, options.receipts, options.seed)
        said = [(options.of / "command.txt").read_text(encoding="utf-8").strip(), _said(arguments)]
        (options.run / "command.txt").write_text("; ".join(said) + "\n", encoding="utf-8")
        print(f"{options.net}: {options.share} of {options.of}, {options.run / 'last.ckpt'}")
    elif options.command == "export":
        export(options.net, options.run, options.folder, options.version)
        print(f"{options.net}: {options.folder / 'model.onnx'}")
    else:
        figures = evaluate(options.net, options.folder, options.receipts)
        path = options.folder / "metrics.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        name = "+".join(pack.name for pack in options.receipts) or "rendered"
        write_metrics(options.folder, {**known, "figures": {**known.get("figures", {}), name: figures}})
        print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
