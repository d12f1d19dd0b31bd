"""``python -m training.evaluation.field_confidence --fit PACK ... --check PACK ...``: what fields' confidence is worth.

Reads every picture of the packs with the shipped networks, fits the logistic maps of ``billocr_assets/fields/
confidence.py`` to whether the values are right, and prints the constants and the expected calibration error of the
packs to check. The recogniser is surer of a pack that trained it than of new bills: add synthetic ones to the fit
(``python -m training.data.synthetic``).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from billocr_assets.evaluation import read_folder, score_fields
from billocr_assets.fields.confidence import CALIBRATION, probability
from billocr_assets.fields.extract import find_fields
from billocr_assets.ocr.models import Models, load_models
from billocr_assets.ocr.pipeline import read_bill

_BINS = 10


def scores_of(folder: Path, models: Models) -> dict[str, np.ndarray]:
    """Field to (n, 2) float64: the rules' score, and 1 where the value is right; only of fields that were found."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CALIBRATION}
    for truth in read_folder(folder).values():
        fields = find_fields(read_bill((folder / str(truth["image"])).read_bytes(), models))
        for name, (_, right, _, _) in score_fields(truth.get("fields") or {}, fields.printed()).items():
            if (field := getattr(fields, name)) is not None:
                found[name].append((field.confidence, float(right)))
    return {name: np.array(pairs, np.float64).reshape(-1, 2) for name, pairs in found.items()}


def fit(scores: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """Slope and intercept of the logistic map for (n, 2) scores and outcomes, by Newton's method.

    A weak prior keeps the slope near one half, so that a field that is always right has a finite map.
    """
    x = np.log(np.clip(scores[:, 0], 1e-3, 0.999) / (1 - np.clip(scores[:, 0], 1e-3, 0.999)))
    inputs = np.stack([x, np.ones_like(x)], 1)
    prior, weight = np.array([0.5, 0.0]), np.array([2.0, 0.1])
    weights = np.array([1.0, 0.0])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (chance - scores[:, 1]) + weight * (weights - prior)
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + np.diag(weight)
        weights = weights - np.linalg.solve(curvature, slope)
    return float(weights[0]), float(weights[1])


def expected_calibration_error(scores: np.ndarray) -> float:
    """Mean distance of confidence from accuracy over ten equal bins of confidence, (n, 2) scores and outcomes."""
    bins = np.minimum((scores[:, 0] * _BINS).astype(int), _BINS - 1)
    distances = [abs(scores[bins == i].mean(0) @ (1, -1)) * (bins == i).mean() for i in np.unique(bins)]
    return float(sum(distances))


def mapped(scores: np.ndarray, constants: tuple[float, float]) -> np.ndarray:
    """The scores through a logistic map, the outcomes as they are."""
    return np.array([(probability(score, *constants), right) for score, right in scores]).reshape(-1, 2)


def together(packs: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Scores of several packs as those of one."""
    listed = list(packs)
    return {name: np.concatenate([pack[name] for pack in listed]) for name in CALIBRATION}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluation.field_confidence", description=__doc__)
    parser.add_argument("--fit", type=Path, nargs="*", default=[], metavar="PACK")
    parser.add_argument("--check", type=Path, nargs="+", required=True, metavar="PACK")
    options = parser.parse_args(arguments)
    models = load_models(None)
    constants = dict(CALIBRATION)
    if options.fit:
        learnt = together(scores_of(folder, models) for folder in options.fit)
        constants |= {name: fit(scores) for name, scores in learnt.items() if len(scores)}
    for name, (slope, intercept) in constants.items():
        print(f'    "{name}": ({slope:.2f}, {intercept:.2f}),')
    for folder in options.check:
        for name, scores in scores_of(folder, models).items():
            if len(scores):
                raw, after = (expected_calibration_error(s) for s in (scores, mapped(scores, constants[name])))
                print(f"{folder.name}: {name} right {scores[:, 1].mean():.3f}, ECE {raw:.3f} -> {after:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
