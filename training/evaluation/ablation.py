"""What each part of the recogniser's training brings: ``python -m training.evaluation.ablation --receipts PACK ...``.

Every variant is trained from nothing with one part left out, for the same processor time, and measured as it would be
served. Short runs show what helps early; how much of it lasts in a long training is not told by them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch

from training.data import lines
from training.evaluation.line_recogniser import evaluate
from training.tasks import line_recogniser as task

Change = Callable[[], AbstractContextManager[Any]]


def _without_folding() -> AbstractContextManager[Any]:
    whole = lines.lines_of
    literal = lambda pack: [  # noqa: E731
        lines.Line(line.image, line.box, line.text, False, line.rendered) for line in whole(pack)
    ]
    return patch.object(task, "lines_of", literal)


def _with_exact_boxes() -> AbstractContextManager[Any]:
    jittered = lines.jittered
    return patch.object(lines, "jittered", lambda line, rng, amount=1.0: jittered(line, rng, 0.0))


VARIANTS: dict[str, tuple[dict[str, Any], Change | None]] = {
    "everything": ({}, None),
    "receipts alone": ({"synthetic_share": 0.0}, None),
    "receipts spoilt no further": ({}, lambda: patch.object(lines, "spoilt", lambda image, rng: image)),
    "boxes that fit exactly": ({}, _with_exact_boxes),
    "no print shining through": ({"reverse_share": 0.0}, None),
    "no joined lines": ({"joined_share": 0.0}, None),
    "capitals of the truth taken as printed": ({}, _without_folding),
}


def run(name: str, receipts: Path, checks: list[Path], folder: Path, minutes: float) -> dict[str, float]:
    """Trains and measures a variant in ``folder``; what was measured before is only read again."""
    known = folder / "figures.json"
    if known.exists():
        return json.loads(known.read_text(encoding="utf-8"))
    options, change = VARIANTS[name]
    with ExitStack() as stack:
        # Processor time, not wall time: whatever else the machine does, each variant gets the same.
        stack.enter_context(patch("training.fit.time", SimpleNamespace(monotonic=time.process_time)))
        if change is not None:
            stack.enter_context(change())
        task.train([receipts], folder, minutes, task.Config(seed=5, **options))
    task.export(folder, folder, "0.0.0")
    figures: dict[str, float] = {}
    for check in checks:
        found = evaluate(folder / "model.onnx", check)
        figures |= {f"{check.name} {figure}": found[figure] for figure in ("cer", "cer_unseen") if figure in found}
    rendered = evaluate(folder / "model.onnx", None)
    figures |= {"rendered bills": rendered["bills_cer"], "their diacritics": rendered["bills_recall_diacritics"]}
    known.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--receipts", type=Path, required=True, help="folder of annotated receipts to train on")
    parser.add_argument("--check", type=Path, action="append", required=True, help="folder of receipts to measure on")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints and figures")
    parser.add_argument("--minutes", type=float, default=4, help="processor minutes a variant")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    header: list[str] = []
    for name in VARIANTS:
        folder = options.run / name.replace(" ", "-")
        figures = run(name, options.receipts, options.check, folder, options.minutes)
        if not header:
            header = list(figures)
            print("| training | " + " | ".join(header) + " |")
            print("| --- |" + " --- |" * len(header))
        print(f"| {name} | " + " | ".join(f"{100 * figures[figure]:.2f} %" for figure in header) + " |", flush=True)


if __name__ == "__main__":
    main()
