"""Fits which words of a row make one line: ``python -m training.grouping --receipts PACK --out FOLDER``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from billocr_assets.ocr.detection import rows_of
from billocr_assets.ocr.grouping import FEATURES, gap_features
from billocr_assets.ocr.models import Models, load_models
from billocr_assets.ocr.perceptron import Perceptron
from billocr_assets.ocr.pipeline import spans_on_page, upright_page, words_of
from billocr_assets.ocr.segmentation import segment_lines
from billocr_assets.ocr.stages import TextLine
from training.data.receipts import AnnotatedReceipt, read_pack
from training.perceptron import fit

_HIDDEN, _STEPS, _DECAY = 32, 600, 1e-4
_FOLDS = 4


def gaps_of(receipts: Iterable[AnnotatedReceipt], models: Models) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each receipt the features of its blanks (n, F) and whether the truth parts lines there (n,).

    Words are read within the true lines, so that nothing here knows what the detector makes of the page, which it
    has learnt by heart.
    """
    found = []
    for receipt in receipts:
        prepared = upright_page(receipt.image(), models)
        true = np.array([line.polygon for line in receipt.lines if not line.ignore], np.float64).reshape(-1, 1, 4, 2)
        polygons = [cv2.perspectiveTransform(line, np.linalg.inv(prepared.to_upload))[0] for line in true]
        rows = rows_of(np.array(polygons).reshape(-1, 4, 2))
        order = np.lexsort((np.array(polygons).reshape(-1, 8)[:, 0], rows))
        lines = [TextLine(polygons[i].astype(np.float32), 1.0, int(rows[i])) for i in order]
        segments = segment_lines(prepared, lines, models.line_segmenter)
        reads = models.line_recogniser.recognise([segment.crop for segment in segments], bills=[len(segments)])
        texts, spans, of_line = [], [np.zeros((0, 2))], []
        for segment, read in zip(segments, reads, strict=True):
            words = words_of(segment, read)
            texts += [text for text, *_ in words]
            spans.append(spans_on_page(segment, words))
            of_line += [segment.line] * len(words)
        features, pairs = gap_features(texts, np.concatenate(spans), of_line, lines)
        found.append((features, np.diff(of_line)[pairs] != 0))
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.grouping", description=__doc__)
    parser.add_argument("--receipts", type=Path, action="append", required=True, help="folder of annotated receipts")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights.json")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    models = load_models()
    gaps = gaps_of((receipt for pack in options.receipts for receipt in read_pack(pack)), models)
    wrong = total = 0
    for fold in range(_FOLDS):
        others = [gap for i, gap in enumerate(gaps) if i % _FOLDS != fold]
        network = _fitted(others, options.seed)
        for features, parted in gaps[fold::_FOLDS]:
            wrong += int(((network.log_odds(features) > 0) != parted).sum())
            total += len(parted)
    options.out.mkdir(parents=True, exist_ok=True)
    _fitted(gaps, options.seed).save(options.out / "weights.json")
    print(
        f"{total} blanks, {wrong / max(1, total):.4f} of them taken wrongly by networks that did not see their receipts"
    )
    return 0


def _fitted(gaps: Sequence[tuple[np.ndarray, np.ndarray]], seed: int) -> Perceptron:
    features, parted = (np.concatenate(parts) for parts in zip(*gaps, strict=True))
    weight = np.ones(len(parted))
    return fit(FEATURES, features, parted, weight, seed, hidden=_HIDDEN, steps=_STEPS, decay=_DECAY)


if __name__ == "__main__":
    raise SystemExit(main())
