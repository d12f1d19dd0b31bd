"""How far a field can be believed: the rules' own score on the scale of the share that is right.

A logistic map a field, after Platt (1999), fitted by ``python -m training.evaluation.field_confidence``.
"""

from __future__ import annotations

import math
from dataclasses import replace

from billocr_assets.fields.model import Fields

# Field to slope and intercept of the log-odds.
CALIBRATION: dict[str, tuple[float, float]] = {
    "company": (1.12, 0.42),
    "address": (0.74, 0.91),
    "date": (0.92, 3.91),
    "total": (0.16, 2.85),
}
_LEAST = 1e-3
# How often the likeliest of several dates that the print allows is the one that was meant; an estimate.
_LIKELIEST = 0.55


def calibrated(fields: Fields) -> Fields:
    """The fields with the confidence of merchant, address, date and total as the chance of being right."""
    changes = {
        name: replace(field, confidence=round(probability(field.confidence, *CALIBRATION[name]), 4))
        for name in CALIBRATION
        if (field := getattr(fields, name)) is not None
    }
    if fields.date and fields.date.ambiguous:
        changes["date"] = replace(changes["date"], confidence=changes["date"].confidence * _LIKELIEST)
    return replace(fields, **changes)


def probability(score: float, slope: float, intercept: float) -> float:
    """A score in 0..1 through the logistic map."""
    score = min(max(score, _LEAST), 1 - _LEAST)
    return 1 / (1 + math.exp(-(slope * math.log(score / (1 - score)) + intercept)))
