"""What each part of a net's training brings: ``python -m training.evaluation.ablation NET --receipts PACK ...``.

Every variant is trained from nothing with one part left out, for the same processor time, and measured as it would be
served. Short runs show what helps early; how much of it lasts in a long training is not told by them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch

from training.data import line_detector as pages
from training.data import lines
from training.tasks import line_recogniser

Change = Callable[[], AbstractContextManager[Any]]


def _capitals_as_printed() -> AbstractContextManager[Any]:
    whole = lines.lines_of
    return patch.object(line_recogniser, "lines_of", lambda pack: [replace(line, folded=False) for line in whole(pack)])


def _boxes_that_fit() -> AbstractContextManager[Any]:
    jittered = lines.jittered
    return patch.object(lines, "jittered", lambda line, rng, amount=1.0: jittered(line, rng, 0.0))


_SAMPLES = pages.SampleShape()
VARIANTS: Mapping[str, Mapping[str, tuple[dict[str, Any], Change | None]]] = {
    "line_recogniser": {
        "everything": ({}, None),
        "receipts alone": ({"synthetic_share": 0.0}, None),
        "receipts spoilt no further": ({}, lambda: patch.object(lines, "spoilt", lambda image, rng: image)),
        "boxes that fit exactly": ({}, _boxes_that_fit),
        "true boxes on scans alone": ({}, lambda: patch.object(line_recogniser, "found_lines", lambda *_: ())),
        "capitals of the truth taken as printed": ({}, _capitals_as_printed),
    },
    "line_detector": {
        "everything": ({"synthetic_share": 0.1}, None),
        "receipts alone": ({}, None),
        "pictures spoilt no further": (
            {"synthetic_share": 0.1},
            lambda: patch.object(pages, "degrade", lambda rng, image, strength=1.0: image),
        ),
        "gaps in a row like any other blank": (
            {"synthetic_share": 0.1, "samples": replace(_SAMPLES, kernel=pages.KernelShape(gap_weight=1.0))},
            None,
        ),
    },
    "line_segmenter": {
        "everything": ({}, None),
        "no glyph centres": ({"centre": 0.0}, None),
        "gaps count once": ({"gap": 1.0}, None),
    },
}
"""Of each net, the parts that can be left out: what changes in its configuration, and in the code."""

FIGURES: Mapping[str, tuple[str, ...]] = {
    "line_recogniser": ("cer", "cer_unseen", "bills_cer", "bills_recall_diacritics"),
    "line_detector": ("line_f", "orientation"),
    "line_segmenter": ("word_f1_4px", "lines_with_right_word_count"),
}
"""What is shown of :func:`evaluate` of each net."""


def run(
    net: str, name: str, receipts: Sequence[Path], checks: Sequence[Path], folder: Path, minutes: float
) -> dict[str, float]:
    """Trains and measures a variant in ``folder``; what was measured before is only read again.

    Args:
        checks: annotated receipts to measure on; the recogniser is also measured on rendered bills, the segmenter only.
        minutes: of processor time.
    """
    known = folder / "figures.json"
    if known.exists():
        return json.loads(known.read_text(encoding="utf-8"))
    task = importlib.import_module(f"training.tasks.{net}")
    evaluate = importlib.import_module(f"training.evaluation.{net}").evaluate
    options, change = VARIANTS[net][name]
    with ExitStack() as stack:
        # Processor time, not wall time: whatever else the machine does, each variant gets the same.
        stack.enter_context(patch("training.fit.time", SimpleNamespace(monotonic=time.process_time)))
        if change is not None:
            stack.enter_context(change())
        task.train(receipts, folder, minutes, task.Config(seed=5, **options))
    task.export(folder, folder, "0.0.0")
    measured = [(f"{check.name} ", evaluate(folder / "model.onnx", check)) for check in checks]
    if net != "line_detector":
        measured.append(("", evaluate(folder / "model.onnx", None)))
    figures = {f"{pack}{key}": found[key] for pack, found in measured for key in FIGURES[net] if key in found}
    known.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net", choices=VARIANTS)
    parser.add_argument("--receipts", type=Path, action="append", default=[], help="annotated receipts to train on")
    parser.add_argument("--check", type=Path, action="append", default=[], help="annotated receipts to measure on")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints and figures")
    parser.add_argument("--minutes", type=float, default=10, help="processor minutes a variant")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    header: list[str] = []
    for name in VARIANTS[options.net]:
        folder = options.run / options.net / name.replace(" ", "-")
        figures = run(options.net, name, options.receipts, options.check, folder, options.minutes)
        if not header:
            header = list(figures)
            print(f"| {options.net} | " + " | ".join(header) + " |")
            print("| --- |" + " --- |" * len(header))
        print(f"| {name} | " + " | ".join(f"{figures[figure]:.4f}" for figure in header) + " |", flush=True)


if __name__ == "__main__":
    main()
