"""Trains one of the three nets: ``python -m training.train fit|export|evaluate NET ...``.

Each net has two modules of its name: ``training.tasks`` gives ``train`` and ``export``, ``training.evaluation`` gives
``evaluate``, the figures of an exported graph on annotated receipts and rendered ones.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import torch

from training.export import write_metrics

NETS = ("line_detector", "line_segmenter", "line_recogniser")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    fit = commands.add_parser("fit", help="train, or go on training")
    fit.add_argument("--receipts", type=Path, help="folder of annotated receipts; without one, rendered bills alone")
    fit.add_argument("--run", type=Path, required=True, help="folder of checkpoints and logs")
    fit.add_argument("--minutes", type=float, required=True, help="wall minutes of training in all")
    fit.add_argument("--synthetic-share", type=float, help="share of rendered samples where there are receipts, 0..1")
    fit.add_argument("--start", type=Path, help="checkpoint of an earlier run to fine-tune")
    fit.add_argument("--threads", type=int, default=1)

    export = commands.add_parser("export", help="write the averaged weights as ONNX")
    export.add_argument("--run", type=Path, required=True, help="folder of the checkpoint")
    export.add_argument("--out", type=Path, required=True, help="folder for model.onnx")
    export.add_argument("--version", required=True)

    evaluate = commands.add_parser("evaluate", help="measure an exported graph")
    evaluate.add_argument("--model", type=Path, required=True, help="folder of model.onnx")
    evaluate.add_argument("--receipts", type=Path, help="folder of annotated receipts")

    for command in (fit, export, evaluate):
        command.add_argument("net", choices=NETS)
    options = parser.parse_args(arguments)

    if options.command == "fit":
        torch.set_num_threads(options.threads)
        share = {} if options.synthetic_share is None else {"synthetic_share": options.synthetic_share}
        options.run.mkdir(parents=True, exist_ok=True)
        command_line = shlex.join(["python", "-m", "training.train", *(sys.argv[1:] if arguments is None else arguments)])
        (options.run / "command.txt").write_text(command_line + "\n", encoding="utf-8")
        module = importlib.import_module(f"training.tasks.{options.net}")
        module.train(options.receipts, options.run, options.minutes, start=options.start, **share)
        print(f"{options.net}: trained, {options.run / 'last.ckpt'}")
    elif options.command == "export":
        module = importlib.import_module(f"training.tasks.{options.net}")
        sha256 = module.export(options.run, options.out, options.version)
        write_metrics(options.out, {**about(options.run), "name": options.net, "version": options.version, "sha256": sha256})
        print(f"{options.net}: {options.out / 'model.onnx'}")
    else:
        module = importlib.import_module(f"training.evaluation.{options.net}")
        figures = module.evaluate(options.model / "model.onnx", options.receipts)
        path = options.model / "metrics.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        name = options.receipts.name if options.receipts else "synthetic"
        write_metrics(options.model, {**known, "figures": {**known.get("figures", {}), name: figures}})
        print(json.dumps(figures, indent=1))
    return 0


def about(run: Path) -> dict[str, Any]:
    """How the checkpoint of ``run`` came to be: its command, steps, minutes and parameters."""
    state = torch.load(run / "last.ckpt", map_location="cpu", weights_only=False)
    command = run / "command.txt"
    return {
        "command": command.read_text(encoding="utf-8").strip() if command.exists() else None,
        "steps": state["global_step"],
        "minutes": round(state["callbacks"]["Budget"]["spent"] / 60, 1),
        "parameters": sum(v.numel() for k, v in state["state_dict"].items() if k.startswith("net.") and "running_" not in k),
    }


if __name__ == "__main__":
    sys.exit(main())
