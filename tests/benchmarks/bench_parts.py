"""What each part of the reading brings: ``python -m tests.benchmarks.bench_parts PACK``.

Reads the annotated bills of PACK with everything, then with one part at a time left out, and prints how each reading
scores. Nothing is trained anew: it says what a part brings to the networks as they ship.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from billocr_assets import evaluation
from billocr_assets.ocr import grouping, pipeline, preprocessing, recognition, segmentation
from billocr_assets.ocr.document import Document
from billocr_assets.ocr.language import Reading
from billocr_assets.ocr.models import load_models
from tests.benchmarks.comparison import chosen, table

Change = Callable[[], AbstractContextManager[Any]]


def _without_word_gaps() -> AbstractContextManager[Any]:
    words_of = pipeline.words_of
    return patch.object(pipeline, "words_of", lambda segment, read: words_of(replace(segment, words=()), read))


PARTS: dict[str, Change] = {
    "everything": nullcontext,
    "no language model": lambda: patch.object(recognition, "mended", lambda *read: Reading(*read[:3])),
    "no typed grammars": lambda: patch.object(recognition, "read_typed", lambda read, *_: read),
    "decimal sign of each amount by itself": lambda: patch.object(recognition, "with_sign", lambda read, *_: read),
    "lines parted as the detector parts them": lambda: patch.object(grouping, "_VOTE", 99.0),
    "segmenter: lines not straightened": lambda: patch.object(segmentation, "_straightened", lambda crop, *_: crop),
    "segmenter: words end halfway to the next": _without_word_gaps,
    "paper not rectified": lambda: patch.object(preprocessing, "bill_outline", lambda paper: None),
    "light not evened": lambda: patch.object(preprocessing, "even_light", lambda image: image),
    "lines of nonsense and rules kept": lambda: patch.multiple(pipeline, _LEGIBLE=0.0, _is_rule=lambda text: False),
}
MEASURES = {
    "word F1": ("words_ci", "f"),
    "CER": ("e2e_cer_ci",),
    "line F": ("det_iou50", "f"),
    "cover F": ("cover", "f"),
}


def score(pack: Path, bills: int | None) -> dict[str, list[float]]:
    """Part left out to the :data:`MEASURES`."""
    models = load_models()
    truths = chosen(evaluation.matching(evaluation.read_folder(pack), []), bills)
    paths = {path.stem: path for path in sorted(pack.iterdir()) if path.suffix != ".json" and path.stem in truths}
    found = {}
    for name, change in PARTS.items():
        with change():
            read = {stem: _lines(pipeline.read_bill(path.read_bytes(), models)) for stem, path in paths.items()}
        measures = evaluation.measure(truths, read)
        found[name] = [_at(measures, keys) for keys in MEASURES.values()]
    return found


def _lines(document: Document) -> dict[str, Any]:
    return {"lines": [{"text": line.text, "polygon": line.polygon} for page in document.pages for line in page.lines]}


def _at(measures: Any, keys: Sequence[str]) -> float:
    for key in keys:
        measures = measures[key]
    return float(measures)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path, help="folder with an annotated NAME.json beside each picture")
    parser.add_argument("--bills", type=int, help="so many of the pack's, evenly over their names; all if left out")
    options = parser.parse_args(arguments)
    rows = [
        [name, *(f"{value:.4f}" for value in values)] for name, values in score(options.pack, options.bills).items()
    ]
    print(table([options.pack.name, *MEASURES], rows))


if __name__ == "__main__":
    main()
