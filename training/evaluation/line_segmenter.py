"""How well an exported line segmenter finds the gaps and heights of rendered lines in fonts it never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from billocr_assets.ocr.segmentation import LineSegmenter, word_spans
from training.data.line_columns import Marked, columns_of, marked
from training.data.synthetic.lines import synthesise_line


def matched_spans(truth: np.ndarray, found: np.ndarray, tolerance: float) -> int:
    """Spans (n, 2) of ``truth`` that have one in ``found`` (m, 2) with both edges within ``tolerance`` pixels."""
    if not len(truth) or not len(found):
        return 0
    near = (np.abs(truth[:, None] - found[None]) <= tolerance).all(-1)
    return int(near.any(1).sum())


def words_of(line: Marked) -> np.ndarray:
    """(n, 2) spans of the words of a rendered line, pixels."""
    words = np.flatnonzero(line.begins)
    ends = np.maximum.reduceat(line.spans[:, 1], words)
    return np.stack([line.spans[words, 0], ends], 1)


def evaluate(model: Path, receipts: Path | None = None, rendered: int = 2000, seed: int = 1) -> dict[str, float]:
    """Precision and recall of words by their edges, column error of gaps, error of the heights in pixels.

    Args:
        receipts: not used: annotated receipts do not say where their words lie.
    """
    segmenter = LineSegmenter(model)
    rng = np.random.default_rng(seed)
    lines = [marked(synthesise_line(rng, "held_out"), rng) for _ in range(rendered)]
    hits = found_words = true_words = counted = columns = wrong = 0
    heights = []
    for line, seen in zip(lines, segmenter([line.image for line in lines]), strict=True):
        truth = words_of(line)
        found = np.array(word_spans([seen[0]], [line.image.shape[1]])[0]).reshape(-1, 2)
        truth = np.clip(truth, 0, line.image.shape[1])
        hits += matched_spans(truth, found, 4.0)
        found_words, true_words = found_words + len(found), true_words + len(truth)
        counted += len(found) == len(truth)
        target = columns_of(line, seen.shape[1])
        columns += seen.shape[1]
        wrong += int(((seen[0] > 0.5) != (target[0] > 0.5)).sum())
        text = target[0] < 0.5
        heights.append(np.abs(seen[2:, text] - target[2:, text]).mean(1) if text.any() else np.zeros(2))
    precision, recall = hits / max(1, found_words), hits / max(1, true_words)
    top, base = np.mean(heights, 0)
    return {
        "lines": len(lines),
        "word_precision_4px": precision,
        "word_recall_4px": recall,
        "word_f1_4px": 2 * precision * recall / max(1e-9, precision + recall),
        "lines_with_right_word_count": counted / len(lines),
        "columns_wrong": wrong / columns,
        "top_error_px": float(top),
        "baseline_error_px": float(base),
    }
