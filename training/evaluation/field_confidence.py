"""``python -m training.evaluation.field_confidence --fit PACK ... --check PACK ...``: what fields' confidence is worth.

Reads every picture of the packs with the shipped networks, fits the logistic maps of ``billocr_assets/fields/
confidence.py`` to whether the values are right, and prints the constants and the expected calibration error of the
packs to check. The recogniser is surer of a pack that trained it than of new bills: ``--rendered N`` adds invented ones
in fonts that it never saw. They alone know items, taxes, time and tax number; every second one is for checking these.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz

from billocr_assets.evaluation import read_folder, score_fields
from billocr_assets.fields.confidence import CALIBRATION, probability
from billocr_assets.fields.extract import find_fields
from billocr_assets.fields.model import Fields
from billocr_assets.ocr.models import Models, load_models
from billocr_assets.ocr.pipeline import read_bill, read_pages
from training.data.synthetic.pack import scenes
from training.data.synthetic.scene import Scene

_BINS = 10
# A name is right where so much of it agrees: single letters are the words' confidence's affair.
_NAMED = 90


def scores_of(folder: Path, models: Models) -> dict[str, np.ndarray]:
    """Field to (n, 2) float64: the rules' score, and 1 where the value is right; only of fields that were found."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CALIBRATION}
    for truth in read_folder(folder).values():
        fields = find_fields(read_bill((folder / str(truth["image"])).read_bytes(), models))
        for name, (_, right, _, _) in score_fields(truth.get("fields") or {}, fields.printed()).items():
            if (field := getattr(fields, name)) is not None:
                found[name].append((field.confidence, float(right)))
    return {name: np.array(pairs, np.float64).reshape(-1, 2) for name, pairs in found.items()}


def rendered_scores(count: int, seed: int, models: Models) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """As :func:`scores_of`, of invented bills: those to fit to, and those to check with."""
    halves: list[list[dict[str, np.ndarray]]] = [[], []]
    for i, scene in enumerate(scenes(count, seed, fonts="held_out")):
        fields = find_fields(read_pages([scene.image], models))
        halves[i % 2].append({name: np.reshape(pairs, (-1, 2)) for name, pairs in outcomes(fields, scene).items()})
    to_fit, to_check = map(together, halves)
    return to_fit, to_check


def outcomes(fields: Fields, scene: Scene) -> dict[str, list[tuple[float, float]]]:
    """Field to (score, 1 where it is what the invented bill has) of each that was found."""
    bill = scene.bill
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CALIBRATION}
    for name, (_, right, _, _) in score_fields(scene.fields, fields.printed()).items():
        if (field := getattr(fields, name)) is not None:
            found[name].append((field.confidence, float(right)))
    left = list(bill.items)
    for item in fields.items:
        alike = (each for each in left if each.amount == item.amount and _named(each.name, item.name))
        if match := next(alike, None):
            left.remove(match)
        found["items"].append((item.confidence, float(match is not None)))
    taxes = {line.tax for line in bill.taxes} | {sum((line.tax for line in bill.taxes), Decimal(0))}
    found["taxes"] += [(tax.amount.confidence, float(tax.amount.value in taxes)) for tax in fields.taxes]
    if fields.time:
        same = (fields.time.value.hour, fields.time.value.minute) == (bill.when.hour, bill.when.minute)
        found["time"].append((fields.time.confidence, float(same)))
    if fields.vat_id:
        printed = [_signs(line.text) for line in scene.lines if line.field == "tax_id"]
        found["vat_id"].append(
            (fields.vat_id.confidence, float(any(_signs(fields.vat_id.value) in p for p in printed)))
        )
    return found


def _named(name: str, read: str) -> bool:
    return fuzz.partial_ratio(name.upper(), read.upper()) >= _NAMED


def _signs(text: str) -> str:
    return re.sub(r"\W", "", text.upper())


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
    listed = [{name: np.zeros((0, 2)) for name in CALIBRATION}, *packs]
    return {name: np.concatenate([pack[name] for pack in listed]) for name in CALIBRATION}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluation.field_confidence", description=__doc__)
    parser.add_argument("--fit", type=Path, nargs="*", default=[], metavar="PACK")
    parser.add_argument("--check", type=Path, nargs="*", default=[], metavar="PACK")
    parser.add_argument("--rendered", type=int, default=0, metavar="N", help="invented bills to fit and check with")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args(arguments)
    models = load_models(None)
    constants = dict(CALIBRATION)
    to_fit, to_check = rendered_scores(options.rendered, options.seed, models)
    if options.fit or options.rendered:
        learnt = together([to_fit, *(scores_of(folder, models) for folder in options.fit)])
        constants |= {name: fit(scores) for name, scores in learnt.items() if len(scores)}
    for name, (slope, intercept) in constants.items():
        print(f'    "{name}": ({slope:.2f}, {intercept:.2f}),')
    checked = {"rendered": to_check} | {folder.name: scores_of(folder, models) for folder in options.check}
    for pack, found in checked.items():
        for name, scores in found.items():
            if len(scores):
                raw, now, after = (
                    expected_calibration_error(mapped(scores, each) if each else scores)
                    for each in (None, CALIBRATION[name], constants[name])
                )
                right = f"{len(scores)} {name}, {scores[:, 1].mean():.3f} right"
                print(f"{pack}: {right}, ECE raw {raw:.3f}, as shipped {now:.3f}, fitted {after:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
