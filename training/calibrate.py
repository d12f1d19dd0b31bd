"""Fits what a word's confidence means, after each training of the recogniser.

``python -m training.calibrate fit --receipts PACK``, then ``python -m training.calibrate measure --receipts OTHER``;
``--recogniser CANDIDATE/model.onnx`` for weights that are not (yet) the shipped ones: the calibration lies beside them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from billocr_assets.ocr.confidence import FEATURES, word_features, word_ranges
from billocr_assets.ocr.detection import find_lines
from billocr_assets.ocr.models import SHIPPED, Models, load_models
from billocr_assets.ocr.perceptron import Perceptron
from billocr_assets.ocr.pipeline import assemble_page, upright_page
from billocr_assets.ocr.recognition import LineRecogniser
from billocr_assets.ocr.segmentation import segment_lines
from training.data.receipts import AnnotatedLine, read_pack
from training.data.synthetic.pack import scenes
from training.perceptron import fit

SHARE = 0.15
"""Share of the words that a person might be asked to check."""

# Confidences have four digits: words that are numbered by them lie so far apart.
_STEP = 1e-4


def words_of_page(image: np.ndarray, models: Models) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Text, features and centre in the picture's pixels of every word that a page's document has."""
    prepared = upright_page(image, models)
    lines = find_lines(prepared, models.line_detector)
    segments = segment_lines(prepared, lines, models.line_segmenter)
    reads = models.line_recogniser.recognise([segment.crop for segment in segments], bills=[len(segments)])
    features = word_features(lines, segments, reads)
    texts = [read.text[a:b] for read in reads for a, b in word_ranges(read.text)]
    page = assemble_page(prepared, lines, segments, reads, _number_words)
    found = []
    for line in page.lines:
        for word in line.words:
            number = round((word.confidence - 0.5) / _STEP)
            found.append((texts[number], features[number], np.mean(word.polygon, 0)))
    return found


def _number_words(features: np.ndarray) -> np.ndarray:
    """A calibration by which no line is left out, and each word can be told by its confidence."""
    return 0.5 + _STEP * np.arange(len(features))


def right_words(words: Sequence[tuple[str, np.ndarray]], lines: Iterable[AnnotatedLine]) -> np.ndarray:
    """(n,) bool, which of ``words`` (text, centre) the truth has: each word once, case folded.

    Args:
        lines: of the truth; ignored ones have no words.
    """  # fmt: skip
    kept = [line for line in lines if not line.ignore]
    left = [Counter(line.text.upper().split()) for line in kept]
    right = np.zeros(len(words), bool)
    for here in (True, False):
        for i, (text, centre) in enumerate(words):
            for line, counts in zip(kept, left, strict=True):
                if right[i]:
                    break
                at = not here or cv2.pointPolygonTest(line.polygon, centre.astype(float).tolist(), False) >= 0
                if at and counts[text.upper()]:
                    counts[text.upper()] -= 1
                    right[i] = True
    return right


def readings_of(
    pages: Iterable[tuple[np.ndarray, Sequence[AnnotatedLine]]], models: Models
) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, F) and whether right (n,) of all words of ``pages`` (picture, truth)."""
    rows, labels = [], []
    for image, lines in pages:
        words = words_of_page(image, models)
        rows += [row for _, row, _ in words]
        labels += right_words([(text, centre) for text, _, centre in words], lines).tolist()
    return np.array(rows), np.array(labels, bool)


def worn(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A scan at a lower resolution, softer and noisier: what the recogniser knows by heart is read afresh."""
    small = cv2.resize(image, None, fx=(f := rng.uniform(0.55, 0.9)), fy=f, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 0.9))
    noisy = small + rng.normal(0, rng.uniform(2, 12), small.shape)
    back = np.clip(noisy, 0, 255).astype(np.uint8)
    return cv2.resize(back, image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def figures(confidence: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """What ``confidence`` (n,) is worth against ``right`` (n,) bool.

    ``ece`` is the expected calibration error over 15 equal bins (Guo et al., 2017), ``caught`` the share of wrong words
    among the :data:`SHARE` least certain words.
    """
    bins = np.minimum((confidence * 15).astype(int), 14)
    gaps = [abs(np.sum(confidence[bins == b] - right[bins == b])) for b in range(15)]
    order = np.argsort(confidence, kind="stable")
    least = order[: round(SHARE * len(order))]
    wrong = max(1, int((~right).sum()))
    return {
        "words": len(right),
        "wrong": float((~right).mean()),
        "mean_confidence": float(confidence.mean()),
        "ece": float(np.sum(gaps) / len(right)),
        "caught": float((~right[least]).sum() / wrong),
    }


def _plot(path: Path, curves: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    _, (risk, reliability) = pyplot.subplots(1, 2, figsize=(10, 4))
    for name, (confidence, right) in curves.items():
        order = np.argsort(-confidence, kind="stable")
        coverage = np.arange(1, len(order) + 1) / len(order)
        risk.plot(coverage, np.cumsum(~right[order]) / np.arange(1, len(order) + 1), label=name)
        tenths = np.array_split(np.argsort(confidence, kind="stable"), 10)
        reliability.plot([confidence[t].mean() for t in tenths], [right[t].mean() for t in tenths], "o-", label=name)
    reliability.plot([0, 1], [0, 1], ":", color="grey")
    risk.set(xlabel="share of the words kept, the surest first", ylabel="share of them that is wrong")
    reliability.set(xlabel="confidence, tenths of the words", ylabel="share that is right")
    risk.legend()
    pyplot.tight_layout()
    pyplot.savefig(path, dpi=110)


_Page = tuple[np.ndarray, Sequence[AnnotatedLine]]


def _pages(packs: Iterable[Path], count: int | None = None, first: int = 0) -> Iterator[_Page]:
    for pack in packs:
        receipts = read_pack(pack)
        for receipt in receipts[first :: max(1, len(receipts) // count)] if count else receipts:
            yield receipt.image(), receipt.lines


def _worn(pages: Iterable[_Page], rng: np.random.Generator) -> Iterator[_Page]:
    return ((worn(image, rng), lines) for image, lines in pages)


def _rendered(count: int, seed: int) -> Iterator[_Page]:
    for scene in scenes(count, seed, fonts="held_out"):
        yield (
            scene.image,
            [AnnotatedLine(np.asarray(line.polygon, np.float32), line.text, False) for line in scene.lines],
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.calibrate", description=__doc__)
    parser.add_argument("command", choices=("fit", "measure"))
    parser.add_argument("--receipts", type=Path, action="append", default=[], help="folder of annotated receipts")
    parser.add_argument("--count", type=int, default=80, help="receipts and invented bills that the fit reads")
    parser.add_argument("--models", type=Path, default=SHIPPED)
    parser.add_argument("--recogniser", type=Path, help="weights instead of the recogniser of --models")
    parser.add_argument("--plot", type=Path, help="picture of the risk-coverage and reliability curves")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args(arguments)
    weights = options.recogniser or options.models / "line_recogniser" / "model.onnx"
    models = replace(load_models(options.models), line_recogniser=LineRecogniser(weights))
    path = weights.with_name("calibration.json")
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if options.command == "fit":
        rng = np.random.default_rng(options.seed)
        sources = {"rendered": _rendered(options.count, options.seed)}
        sources["rendered, worn"] = _worn(_rendered(options.count, options.seed + 1), rng)
        if options.receipts:
            sources["worn"] = _worn(_pages(options.receipts, options.count), rng)
            sources["worn twice"] = _worn(_worn(_pages(options.receipts, options.count, 1), rng), rng)
        read = {name: readings_of(pages, models) for name, pages in sources.items()}
        # Real receipts count twice: a rendered bill has fewer ways to be misread.
        shares = [(2 if name.startswith("worn") else 1) / len(right) for name, (_, right) in read.items()]
        x, y = (np.concatenate(parts) for parts in zip(*read.values(), strict=True))
        weight = np.repeat(shares, [len(right) for _, right in read.values()])
        calibration = fit(FEATURES, x, y, weight, options.seed)
        calibration.save(path)
    else:
        calibration = Perceptron.load(path, FEATURES)
        read = {pack.name: readings_of(_pages([pack]), models) for pack in options.receipts}
    for name, (features, right) in read.items():
        curves[name] = calibration(features), right
        print(name, json.dumps({key: round(value, 4) for key, value in figures(*curves[name]).items()}))
    if options.plot:
        _plot(options.plot, curves)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
