"""How well an exported line detector finds the lines of annotated receipts, as serving runs it."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from billocr_assets.ocr.detection import LineDetector, find_lines
from billocr_assets.ocr.preprocessing import orientation_candidates, prepare_page
from billocr_assets.ocr.stages import PreparedPage, TextLine
from training.data.receipts import read_pack


def lines_on_upload(prepared: PreparedPage, lines: list[TextLine]) -> np.ndarray:
    """(n, 4, 2) float32 polygons of the lines in pixels of the upload."""
    if not lines:
        return np.zeros((0, 4, 2), np.float32)
    points = np.concatenate([line.polygon for line in lines])[None]
    return cv2.perspectiveTransform(points.astype(np.float64), prepared.to_upload)[0].reshape(-1, 4, 2)


def evaluate(model: Path, receipts: Path | None) -> dict[str, Any]:
    """Figures of a graph on a folder of annotated receipts.

    Returns:
        ``line_precision``, ``line_recall``, ``line_f``: one-to-one matches of upright boxes at an intersection over
        union of 0.5, over all lines; ``text_lost``: share of lines of which less than 0.8 lies on the prepared page;
        ``orientation``: share of the four turns of every page that the first look tells right; ``seconds``: mean
        processor seconds a page and stage, one thread.

    Raises:
        ValueError: there are no receipts.
    """
    if receipts is None:
        raise ValueError("the line detector is measured on annotated receipts: give their folder")
    detector = LineDetector(model)
    matched = found = wanted = lost = upright = turned = 0
    seconds: dict[str, list[float]] = defaultdict(list)
    for receipt in read_pack(receipts):
        page = receipt.image()
        started = time.process_time()
        prepared = prepare_page(page, detector)
        seconds["prepare_page"].append(time.process_time() - started)
        started = time.process_time()
        lines = find_lines(prepared, detector)
        seconds["find_lines"].append(time.process_time() - started)

        truth = np.stack([line.polygon for line in receipt.lines if not line.ignore])
        found_here = lines_on_upload(prepared, lines)
        matched += match(boxes(truth), boxes(found_here))
        found, wanted = found + len(lines), wanted + len(truth)
        lost += int(np.sum(share_on_page(truth, prepared) < 0.8))
        for turn in range(4):
            candidates = orientation_candidates(np.ascontiguousarray(np.rot90(page, turn)), detector)
            upright += candidates[0][0] == turn * 90
            turned += 1
    precision, recall = matched / max(1, found), matched / max(1, wanted)
    return {
        "receipts": len(seconds["find_lines"]),
        "lines": wanted,
        "line_precision": round(precision, 4),
        "line_recall": round(recall, 4),
        "line_f": round(2 * precision * recall / max(1e-9, precision + recall), 4),
        "text_lost": round(lost / max(1, wanted), 5),
        "orientation": round(upright / max(1, turned), 4),
        "seconds": {stage: round(float(np.mean(values)), 4) for stage, values in seconds.items()},
    }


def boxes(polygons: np.ndarray) -> np.ndarray:
    """(n, 4) upright boxes (x0, y0, x1, y1) of (n, 4, 2) polygons."""
    return np.concatenate([polygons.min(1), polygons.max(1)], 1)


def match(truth: np.ndarray, found: np.ndarray, least: float = 0.5) -> int:
    """Number of one-to-one pairs of boxes (x0, y0, x1, y1) with an intersection over union of ``least``, best first."""
    if not len(truth) or not len(found):
        return 0
    corner = np.minimum(truth[:, None, 2:], found[None, :, 2:]) - np.maximum(truth[:, None, :2], found[None, :, :2])
    meet = np.prod(np.clip(corner, 0, None), 2)
    area = [np.prod(side[:, 2:] - side[:, :2], 1) for side in (truth, found)]
    overlap = meet / np.maximum(area[0][:, None] + area[1][None] - meet, 1e-9)
    pairs = 0
    rows, columns = np.zeros(len(truth), bool), np.zeros(len(found), bool)
    for index in np.argsort(-overlap, axis=None, kind="stable"):
        row, column = divmod(int(index), len(found))
        if overlap[row, column] < least:
            break
        if not rows[row] and not columns[column]:
            rows[row] = columns[column] = True
            pairs += 1
    return pairs


def share_on_page(polygons: np.ndarray, prepared: PreparedPage) -> np.ndarray:
    """(n,) share of each polygon's width that lies on the prepared page, 0..1."""
    steps = np.linspace(0, 1, 21)[None, :, None]
    left, right = (polygons[:, 0] + polygons[:, 3]) / 2, (polygons[:, 1] + polygons[:, 2]) / 2
    points = (left[:, None] + (right - left)[:, None] * steps).reshape(1, -1, 2).astype(np.float64)
    onto = cv2.perspectiveTransform(points, np.linalg.inv(prepared.to_upload))[0]
    h, w = prepared.image.shape
    inside = (onto[:, 0] >= 0) & (onto[:, 0] < w) & (onto[:, 1] >= 0) & (onto[:, 1] < h)
    return inside.reshape(len(polygons), -1).mean(1)
