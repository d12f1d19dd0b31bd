"""How well bills were read: predicted documents against annotated bills.

Both sides are JSON objects, one a bill: ``image, width, height, lines[{polygon, text, ignore?}], fields{company, date,
address, total}``; a prediction may add ``seconds`` and ``stages{name: seconds}``. A missing prediction counts as an
empty one. Figures are micro averages over the bills unless said.

* ``det_iou50``: one-to-one match of the lines' upright boxes at intersection over union of at least one half.
* ``area``: intersection of the two unions of line polygons over either union.
* ``cover``: tolerant of other ways to cut lines: a true line is found when .7 of it lies under the predicted union, a
  predicted line is right when half of it lies under the true union (after DetEval, Wolf and Jolion 2006).
* ``words_ci``, ``words_cs``, ``words_ci_strip``: words as multisets within a bill; without case, with case, and without
  case and outer punctuation.
* ``e2e_cer_ci``, ``_cs``, ``_nows``: edit distance over truth length of the whole text in reading order; ``_nows`` is
  without case and blanks.
* ``fields``: exact (case and blanks folded), value (dates and amounts parsed, else letters and digits alone), fuzzy.
* ``rec``: recognition of the true lines' crops alone, where ``_crops.json`` gives their texts.
"""

from __future__ import annotations

import json
import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

FIELDS = ("company", "date", "address", "total")
WORD_MODES = ("ci", "cs", "ci_strip")
TEXT_MODES = ("ci", "cs", "nows")
_RASTER_SIDE = 1200
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]

Bill = Mapping[str, Any]


def evaluate(
    ground_truth: Path,
    predictions: Path | Mapping[str, Bill],
    where: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The measures of a folder of annotated bills.

    Args:
        ground_truth: folder of ``NAME.json``; names that begin with an underscore are no bills.
        predictions: folder of ``NAME.json`` (and optionally ``_crops.json``, ``_run.json``), or name to prediction.
        where: only bills whose annotation has these values, compared as text without case.

    Raises:
        FileNotFoundError: no annotated bill is left to measure.
    """
    truths = matching(read_folder(ground_truth), where)
    if isinstance(predictions, Path):
        crops, run = _optional(predictions / "_crops.json"), _optional(predictions / "_run.json")
        return measure(truths, read_folder(predictions), crops, run)
    return measure(truths, predictions)


def read_folder(folder: Path) -> dict[str, Bill]:
    """Name to JSON object of every ``NAME.json`` of a folder, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("[!_]*.json"))}


def matching(truths: Mapping[str, Bill], where: Iterable[tuple[str, str]]) -> dict[str, Bill]:
    """The bills whose annotation has all these values, compared as text without case.

    Raises:
        FileNotFoundError: none is left.
    """
    conditions = list(where)
    found = {
        name: bill
        for name, bill in truths.items()
        if "lines" in bill and all(str(bill.get(key)).lower() == value.lower() for key, value in conditions)
    }
    if not found:
        raise FileNotFoundError("no annotated bill matches")
    return found


def measure(
    truths: Mapping[str, Bill],
    predictions: Mapping[str, Bill],
    crops: Mapping[str, list[str]] | None = None,
    run: Any = None,
) -> dict[str, Any]:
    """The same from memory. ``crops`` maps a bill to the recognised text of each of its true lines, in their order."""
    names = sorted(truths)
    given = [predictions.get(name, {}) for name in names]
    result: dict[str, Any] = {
        "images": len(names),
        "missing_predictions": sum(name not in predictions for name in names),
        **_summary([score_bill(truths[name], bill) for name, bill in zip(names, given, strict=True)]),
    }
    if seconds := [float(bill["seconds"]) for bill in given if bill.get("seconds") is not None]:
        result["seconds"] = {
            "median": float(np.median(seconds)),
            "mean": float(np.mean(seconds)),
            "p95": float(np.percentile(seconds, 95)),
            "n": len(seconds),
        }
    stages: dict[str, list[float]] = {}
    for bill in given:
        for stage, value in (bill.get("stages") or {}).items():
            stages.setdefault(stage, []).append(float(value))
    if stages:
        result["stages_mean_s"] = {stage: float(np.mean(values)) for stage, values in stages.items()}
    if crops is not None:
        result["rec"] = _recognition(truths, crops)
    if run:
        result["run"] = run
    return result


def score_bill(truth: Bill, prediction: Bill) -> dict[str, Any]:
    """Countable outcomes of one bill: tuples that add up over bills, and ``fields``."""
    true_lines = [line for line in truth["lines"] if not line.get("ignore")]
    ignored = [line for line in truth["lines"] if line.get("ignore")]
    raster = _Raster(truth["width"], truth["height"])
    lines = [line for line in prediction.get("lines") or [] if len(line.get("polygon") or []) >= 3]
    if ignored:
        region = raster.union(raster.fill(line["polygon"]) for line in ignored)
        lines = [line for line in lines if not _share(raster.fill(line["polygon"]), region) > 0.5]

    true_areas = [raster.fill(line["polygon"]) for line in true_lines]
    areas = [raster.fill(line["polygon"]) for line in lines]
    true_union, union = raster.union(true_areas), raster.union(areas)
    scores: dict[str, Any] = {
        "det": (_matches(_boxes(true_lines), _boxes(lines)), len(lines), len(true_lines)),
        "area": (int((true_union & union).sum()), int(union.sum()), int(true_union.sum())),
        "cover": (
            sum(_share(area, union) >= 0.7 for area in true_areas),
            len(true_lines),
            sum(_share(area, true_union) >= 0.5 for area in areas),
            len(lines),
        ),
    }
    for mode in WORD_MODES:
        expected, found = _words(true_lines, mode), _words(lines, mode)
        scores[f"words_{mode}"] = ((expected & found).total(), found.total(), expected.total())
    angle = _slope(true_lines)
    expected_text, text = reading_order_text(true_lines, angle), reading_order_text(lines, angle)
    for mode in TEXT_MODES:
        a, b = _fold(expected_text, mode), _fold(text, mode)
        scores[f"e2e_cer_{mode}"] = (Levenshtein.distance(a, b), len(a))
    scores["fields"] = score_fields(truth.get("fields") or {}, prediction.get("fields") or {})
    return scores


def table(measures: Mapping[str, Any]) -> str:
    """The measures for reading by people."""
    rows = [f"bills                 {measures['images']:6d}   without a result {measures['missing_predictions']}", ""]
    rows.append(f"{'':22}{'precision':>10}{'recall':>10}{'F1':>10}")
    for key in ("words_ci", "words_cs", "words_ci_strip", "det_iou50", "cover", "area"):
        rows.append(f"{key:22}" + "".join(f"{measures[key][part]:10.4f}" for part in "prf"))
    rows += ["", f"{'':22}{'all':>10}{'median':>10}"]
    for mode in TEXT_MODES:
        key = f"e2e_cer_{mode}"
        rows.append(f"{key:22}{measures[key]:10.4f}{measures[f'{key}_median']:10.4f}")
    if rec := measures.get("rec"):
        rows += [f"{'rec_' + key:22}{value:10.4f}" for key, value in rec.items() if key != "lines"]
    if fields := measures["fields"]:
        rows += ["", f"{'':22}{'bills':>10}{'value':>10}{'exact':>10}{'alike':>10}{'given':>10}"]
        for name in FIELDS:
            if figures := fields.get(name):
                values = "".join(f"{figures[key]:10.4f}" for key in ("value", "exact", "fuzzy", "given"))
                rows.append(f"{name:22}{figures['n']:10d}{values}")
        rows.append(f"{'all four, F1':32}{fields['micro_value']['f']:10.4f}{fields['micro_exact']['f']:10.4f}")
    if seconds := measures.get("seconds"):
        rows += ["", f"{'':22}{'median':>10}{'mean':>10}{'p95':>10}"]
        rows.append(f"{'seconds a bill':22}" + "".join(f"{seconds[key]:10.4f}" for key in ("median", "mean", "p95")))
        rows += [f"  {stage:30}{value:10.4f}" for stage, value in measures.get("stages_mean_s", {}).items()]
    return "\n".join(rows)


# ---------------------------------------------------------------------------------------------------------- geometry

_Area = tuple[slice, slice, np.ndarray]


class _Raster:
    """A grid of pixel centres over a bill, at most 1200 on its longer side."""

    def __init__(self, width: int, height: int) -> None:
        self.scale = min(1.0, _RASTER_SIDE / max(width, height))
        self.shape = (max(1, math.ceil(height * self.scale)), max(1, math.ceil(width * self.scale)))

    def fill(self, polygon: Any) -> _Area:
        """Rows, columns and the (rows, columns) bool patch of a convex polygon of any direction."""
        corners = np.asarray(polygon, float) * self.scale
        left, top = np.maximum(np.floor(corners.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int), self.shape[::-1])
        if right <= left or bottom <= top:
            return slice(0, 0), slice(0, 0), np.zeros((0, 0), bool)
        following = np.roll(corners, -1, axis=0)
        if np.sum(corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]) < 0:
            corners = corners[::-1]
            following = np.roll(corners, -1, axis=0)
        x = np.arange(left, right) + 0.5
        y = np.arange(top, bottom)[:, None] + 0.5
        inside = np.ones((bottom - top, right - left), bool)
        for (x0, y0), (x1, y1) in zip(corners, following, strict=True):
            inside &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) >= -1e-9
        return slice(top, bottom), slice(left, right), inside

    def union(self, areas: Iterable[_Area]) -> np.ndarray:
        mask = np.zeros(self.shape, bool)
        for rows, columns, inside in areas:
            mask[rows, columns] |= inside
        return mask


def _share(area: _Area, mask: np.ndarray) -> float:
    """How much of an area lies under a mask, 0..1."""
    rows, columns, inside = area
    pixels = inside.sum()
    return float((mask[rows, columns] & inside).sum() / pixels) if pixels else 0.0


def _boxes(lines: list[Bill]) -> np.ndarray:
    """(n, 4) left, top, right, bottom."""
    corners = [np.asarray(line["polygon"], float) for line in lines]
    return np.array([[*c.min(0), *c.max(0)] for c in corners]).reshape(-1, 4)


def _matches(truth: np.ndarray, found: np.ndarray) -> int:
    """Pairs of boxes at IoU >= .5, best pair first, each box in at most one pair."""
    if not len(truth) or not len(found):
        return 0
    size = np.minimum(truth[:, None, 2:], found[None, :, 2:]) - np.maximum(truth[:, None, :2], found[None, :, :2])
    common = np.clip(size[..., 0], 0, None) * np.clip(size[..., 1], 0, None)
    area_truth, area_found = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (truth, found))
    iou = common / np.maximum(area_truth[:, None] + area_found[None, :] - common, 1e-9)
    rows: set[int] = set()
    columns: set[int] = set()
    for flat in np.argsort(-iou, axis=None, kind="stable"):
        row, column = divmod(int(flat), len(found))
        if iou[row, column] < 0.5:
            break
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
    return len(rows)


# -------------------------------------------------------------------------------------------------------------- text


def _squeeze(text: str | None) -> str:
    return " ".join((text or "").split())


def _fold(text: str, mode: str) -> str:
    if mode == "cs":
        return text
    return text.upper().replace(" ", "") if mode == "nows" else text.upper()


def _words(lines: list[Bill], mode: str) -> Counter[str]:
    words = (word for line in lines for word in _squeeze(line.get("text")).split())
    if mode != "cs":
        words = (word.upper() for word in words)
    if mode == "ci_strip":
        words = (word.strip(string.punctuation) for word in words)
    return Counter(word for word in words if word)


def _slope(lines: list[Bill]) -> float:
    """Angle of the text's direction in radians, from the upper and lower edges of all lines."""
    total = np.zeros(2)
    for line in lines:
        corners = np.asarray(line["polygon"], float)
        edge = (corners[1] - corners[0]) + (corners[2] - corners[3])
        total += -edge if edge[0] < 0 else edge
    return math.atan2(total[1], total[0]) if np.any(total) else 0.0


def reading_order_text(lines: list[Bill], angle: float = 0.0) -> str:
    """All text as one line: rows of boxes whose middles are near each other, left to right within a row."""
    cosine, sine = math.cos(-angle), math.sin(-angle)
    items: list[tuple[float, float, float, str]] = []
    for line in lines:
        text = _squeeze(line.get("text"))
        if not text:
            continue
        corners = np.asarray(line["polygon"], float)
        x = corners[:, 0] * cosine - corners[:, 1] * sine
        y = corners[:, 0] * sine + corners[:, 1] * cosine
        height = max(1e-6, float(np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])) / 2)
        if abs(corners[1, 1] - corners[0, 1]) < 0.5 and abs(angle) > 0.005:
            # An upright box around a slanting line is too high by what the slant adds.
            height = max(height - abs(corners[1, 0] - corners[0, 0]) * abs(math.tan(angle)), 0.35 * height)
        items.append((float(y.mean()), height, float(x.min()), text))
    items.sort(key=lambda item: item[0])
    rows: list[tuple[float, float, list[tuple[float, str]]]] = []
    for middle, height, left, text in items:
        if rows and abs(middle - rows[-1][0]) < 0.5 * min(height, rows[-1][1]):
            mean, mean_height, members = rows[-1]
            n = len(members)
            rows[-1] = ((mean * n + middle) / (n + 1), (mean_height * n + height) / (n + 1), [*members, (left, text)])
        else:
            rows.append((middle, height, [(left, text)]))
    return " ".join(text for *_, members in rows for _, text in sorted(members, key=lambda member: member[0]))


# ------------------------------------------------------------------------------------------------------------ fields


def _iso(year: str, month: str | int, day: str) -> str:
    full_year = int(year) + 2000 if int(year) < 100 else int(year)
    return f"{full_year:04d}-{int(month):02d}-{int(day):02d}"


def normal_date(text: str | None) -> str:
    """A date as YYYY-MM-DD, day before month where the order is open; other text in upper case."""
    text = _squeeze(text).upper()
    if found := re.fullmatch(r"(20\d\d)(\d\d)(\d\d)", text):
        return "-".join(found.groups())
    if found := re.search(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})", text):
        return "{:04d}-{:02d}-{:02d}".format(*map(int, found.groups()))
    if found := re.search(r"(\d{1,2})[-/. ]+(\d{1,2})[-/. ]+(\d{4}|\d{2})(?!\d)", text):
        day, month, year = found.groups()
        return _iso(year, month, day)
    found = re.search(r"(\d{1,2})[-/. ']*([A-Z]{3})[A-Z]*[-/. ,']*(\d{4}|\d{2})(?!\d)", text)
    if found and found[2] in _MONTHS:
        return _iso(found[3], _MONTHS.index(found[2]) + 1, found[1])
    found = re.search(r"([A-Z]{3})[A-Z]*[-/. ]*(\d{1,2})[-/. ,']+(\d{4}|\d{2})(?!\d)", text)
    if found and found[1] in _MONTHS:
        return _iso(found[3], _MONTHS.index(found[1]) + 1, found[2])
    return text


def normal_amount(text: str | None) -> str:
    """An amount with two decimals; the last point or comma counts as decimal if one or two digits follow."""
    text = re.sub(r"[^0-9.,-]", "", text or "").strip(".,")
    if not text:
        return ""
    whole, cents = text, ""
    if found := re.match(r"(.*)[.,](\d{1,2})$", text):
        whole, cents = found[1], f".{found[2]}"
    number = re.sub(r"[.,]", "", whole) + cents
    try:
        return f"{float(number):.2f}"
    except ValueError:
        return number


def _letters_and_digits(text: str | None) -> str:
    return re.sub(r"[^A-Z0-9]", "", _squeeze(text).upper())


_NORMAL = {"date": normal_date, "total": normal_amount}


def score_fields(truth: Bill, found: Bill) -> dict[str, tuple[bool, bool, float, bool]]:
    """Field to (exact, same value, likeness 0..1, given), for the fields that the truth has."""
    scores = {}
    for name in FIELDS:
        expected, given = truth.get(name), found.get(name)
        if expected:
            normal = _NORMAL.get(name, _letters_and_digits)
            a, b = _squeeze(expected).upper(), _squeeze(given).upper()
            same = bool(given) and normal(expected) == normal(given)
            scores[name] = (a == b, same, fuzz.ratio(a, b) / 100, bool(given))
    return scores


# ----------------------------------------------------------------------------------------------------------- summary


def _prf(right: float, given: float, expected: float) -> dict[str, float]:
    """Precision, recall and F1 from counts; nothing expected and nothing given is perfect."""
    if not given and not expected:
        return {"p": 1.0, "r": 1.0, "f": 1.0}
    return _pr(right / given if given else 0.0, right / expected if expected else 0.0)


def _pr(precision: float, recall: float) -> dict[str, float]:
    both = precision + recall
    return {"p": precision, "r": recall, "f": 2 * precision * recall / both if both else 0.0}


def _summary(scores: list[dict[str, Any]]) -> dict[str, Any]:
    def total(key: str) -> list[float]:
        return np.array([score[key] for score in scores], float).sum(0).tolist()

    result: dict[str, Any] = {"det_iou50": _prf(*total("det")), "area": _prf(*total("area"))}
    found, expected, right, given = total("cover")
    result["cover"] = _pr(
        right / given if given else float(not expected), found / expected if expected else float(not given)
    )
    for mode in WORD_MODES:
        result[f"words_{mode}"] = _prf(*total(f"words_{mode}"))
    for mode in TEXT_MODES:
        key = f"e2e_cer_{mode}"
        edits, length = total(key)
        result[key] = edits / length if length else float(edits > 0)
        result[f"{key}_median"] = float(np.median([score[key][0] / max(1, score[key][1]) for score in scores]))
    result["fields"] = _summary_of_fields([score["fields"] for score in scores])
    return result


def _summary_of_fields(scores: list[dict[str, tuple[bool, bool, float, bool]]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    sums = np.zeros(4)
    count = 0
    for name in FIELDS:
        if values := [score[name] for score in scores if name in score]:
            table = np.array(values, float)
            result[name] = {
                "n": len(values),
                **dict(zip(("exact", "value", "fuzzy", "given"), table.mean(0).tolist(), strict=True)),
            }
            sums += table.sum(0)
            count += len(values)
    if result:
        exact, same, _, given = sums.tolist()
        result["micro_exact"] = _prf(exact, given, count)
        result["micro_value"] = _prf(same, given, count)
    return result


def _recognition(truths: Mapping[str, Bill], crops: Mapping[str, list[str]]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for name in sorted(truths):
        texts = crops.get(name) or []
        for index, line in enumerate(truths[name]["lines"]):
            if line.get("ignore"):
                continue
            truth, text = _squeeze(line["text"]), _squeeze(texts[index] if index < len(texts) else "")
            counts["lines"] += 1
            for mode in TEXT_MODES:
                a, b = _fold(truth, mode), _fold(text, mode)
                counts[f"edits_{mode}"] += Levenshtein.distance(a, b)
                counts[f"length_{mode}"] += len(a)
                counts[f"exact_{mode}"] += a == b
    lines, length, length_nows = (max(1, counts[key]) for key in ("lines", "length_ci", "length_nows"))
    return {
        "lines": counts["lines"],
        "cer_ci": counts["edits_ci"] / length,
        "cer_ci_nows": counts["edits_nows"] / length_nows,
        "cer_cs": counts["edits_cs"] / length,
        "line_exact_ci": counts["exact_ci"] / lines,
        "line_exact_ci_nows": counts["exact_nows"] / lines,
    }


def _optional(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
