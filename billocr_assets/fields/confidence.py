"""How far a field can be believed: the rules' own score on the scale of the share that is right.

A logistic map a field, after Platt (1999), fitted by ``python -m training.evaluation.field_confidence``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, TypeVar

from billocr_assets.fields.model import Clock, Day, Fields, Item, Money, Text

Found = TypeVar("Found", Text, Money, Day, Clock, Item)

# Field to slope and intercept of the log-odds.
CALIBRATION: dict[str, tuple[float, float]] = {
    "company": (1.06, 0.46),
    "address": (1.29, 0.76),
    "date": (0.97, 2.79),
    "total": (0.61, 1.74),
    "items": (1.30, 1.91),
    "taxes": (0.65, 2.88),
    "time": (0.27, 1.92),
    "vat_id": (1.03, 0.93),
}
_LEAST = 1e-3
# How often the likeliest of several dates that the print allows is the one that was meant; an estimate.
_LIKELIEST = 0.55


def calibrated(fields: Fields) -> Fields:
    """The fields with their confidence as the chance of being right; other sums than the total keep the rules'."""
    changes: dict[str, Any] = {
        name: _calibrated(field, name)
        for name in ("company", "address", "vat_id", "date", "time", "total")
        if (field := getattr(fields, name)) is not None
    }
    changes["items"] = tuple(_calibrated(item, "items") for item in fields.items)
    changes["taxes"] = tuple(replace(tax, amount=_calibrated(tax.amount, "taxes")) for tax in fields.taxes)
    if fields.date and fields.date.ambiguous:
        changes["date"] = replace(changes["date"], confidence=changes["date"].confidence * _LIKELIEST)
    return replace(fields, **changes)


def _calibrated(field: Found, name: str) -> Found:
    return replace(field, confidence=round(probability(field.confidence, *CALIBRATION[name]), 4))


def probability(score: float, slope: float, intercept: float) -> float:
    """A score in 0..1 through the logistic map."""
    score = min(max(score, _LEAST), 1 - _LEAST)
    return 1 / (1 + math.exp(-(slope * math.log(score / (1 - score)) + intercept)))
