"""Lines of annotated receipts as reading finds them: boxed by the detector, as scanned and as photographed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from billocr_assets.ocr.detection import find_lines
from billocr_assets.ocr.models import Models
from billocr_assets.ocr.pipeline import upright_page
from training.data.line_detector import background, degrade
from training.data.lines import Line, readable, with_surroundings
from training.data.receipts import AnnotatedReceipt

# Box and truth overlap by this much of their union, and their ends differ by at most so many line heights: then the box
# shows all of the text and nothing else.
_ALIKE, _ENDS = 0.5, 0.4
_WIDTHS = (500, 1100)


def found_lines(
    receipts: Sequence[AnnotatedReceipt], models: Models, photographs: int = 2, seed: int = 0
) -> Iterator[Line]:
    """The lines whose box the detector finds, on each receipt as it is and on ``photographs`` pictures of it.

    What inference crops differs from true boxes on the scan: pages are flattened, lit evenly and scaled, boxes end a
    little early or late.
    """
    folded = not any(c.islower() for receipt in receipts for line in receipt.lines for c in line.text)
    rng = np.random.default_rng([seed, 71])
    for receipt in receipts:
        image = receipt.image()
        kept = [line for line in receipt.lines if not line.ignore]
        polygons = np.array([line.polygon for line in kept], np.float32).reshape(-1, 4, 2)
        if not len(polygons):
            continue
        views = [(image, polygons)] + [photographed(image, polygons, rng) for _ in range(photographs)]
        for picture, places in views:
            prepared = upright_page(picture, models)
            to_page = np.linalg.inv(prepared.to_upload)
            true = cv2.perspectiveTransform(places.reshape(1, -1, 2).astype(np.float64), to_page).reshape(-1, 4, 2)
            for box in find_lines(prepared, models.line_detector):
                match = _match(box.polygon, true)
                text = None if match is None else readable(kept[match].text, box.polygon)
                if text:
                    yield Line(*with_surroundings(prepared.image, box.polygon), text, folded, found=True)


def photographed(image: np.ndarray, polygons: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A receipt (H, W) uint8 on a table, turned by up to 7 degrees, in some light, and where its polygons are then."""
    low, high = polygons.min((0, 1)), polygons.max((0, 1))
    margin = rng.uniform(0.01, 0.08, 4) * max(high - low)
    x0, y0 = np.maximum(low - margin[:2], 0)
    x1, y1 = np.minimum(high + margin[2:], np.array(image.shape[::-1]) - 1)
    scale = min(1.0, rng.uniform(*_WIDTHS) / (x1 - x0))
    if scale < 0.7:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        polygons, (x0, y0, x1, y1), scale = polygons * scale, np.array([x0, y0, x1, y1]) * scale, 1.0
    paper = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
    middle = paper.mean(0)
    around = (paper - middle) * scale
    angle = np.radians(np.clip(rng.normal(0, 3), -7, 7))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    goal = around @ turn + rng.uniform(-0.025, 0.025, (4, 2)) * np.ptp(around, 0).max()
    goal -= goal.min(0) - rng.uniform(0.02, 0.12, 2) * np.ptp(goal, 0)
    width, height = np.ceil(goal.max(0) + rng.uniform(0.02, 0.12, 2) * np.ptp(goal, 0)).astype(int).tolist()
    matrix = cv2.getPerspectiveTransform(paper.astype(np.float32), goal.astype(np.float32))
    flat = cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(goal * 16).astype(np.int32), 255, cv2.LINE_AA, shift=4)
    share = mask.astype(np.float32) / 255
    scene = (flat * share + background(rng, (height, width)) * (1 - share)).astype(np.uint8)
    places = cv2.perspectiveTransform(polygons.reshape(1, -1, 2).astype(np.float64), matrix.astype(np.float64))
    return degrade(rng, scene), places.reshape(-1, 4, 2).astype(np.float32)


def _match(box: np.ndarray, true: np.ndarray) -> int | None:
    """The one of (n, 4, 2) true polygons that a (4, 2) box shows, all of it and nothing else."""
    low, high = np.maximum(box.min(0), true.min(1)), np.minimum(box.max(0), true.max(1))
    shared = np.clip(high - low, 0, None).prod(-1)
    alike = shared / (np.ptp(box, 0).prod() + np.ptp(true, 1).prod(-1) - shared)
    best = int(alike.argmax())
    left = abs((box[0, 0] + box[3, 0]) - (true[best, 0, 0] + true[best, 3, 0])) / 2
    right = abs((box[1, 0] + box[2, 0]) - (true[best, 1, 0] + true[best, 2, 0])) / 2
    height = (box[3, 1] - box[0, 1] + box[2, 1] - box[1, 1]) / 2
    return best if alike[best] >= _ALIKE and max(left, right) <= _ENDS * height else None
