"""Which words of a row make one line: what the detector takes apart or together is looked at again with its text.

Where the blanks in a row part lines is a habit of people: an amount is a line of its own however near its label stands,
a time belongs to its date. The detector sees little more than the blanks; words, columns and the row tell more.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from billocr_assets.ocr.perceptron import Perceptron
from billocr_assets.ocr.stages import TextLine

FEATURES = (
    "gap",
    "gap_in_letters",
    "gap_in_own_letters",
    "gap_in_blanks",
    "log_height",
    "widest_other_gap",
    "narrowest_other_gap",
    "words_before",
    "words_behind",
    "column_starts",
    "words_start_there",
    "columns_end_before",
    "columns_end_behind",
    "columns_start_before",
    "rows_across",
    "from_the_left",
    "start",
    "length_before",
    "length_behind",
    "down_the_page",
    "colon_before",
    "colon_behind",
    "only_colon_before",
    "only_colon_behind",
    "digits_before",
    "digits_behind",
    "letters_before",
    "letters_behind",
    "amount_before",
    "amount_behind",
    "letter_behind",
    "digit_behind",
    "sign_before_is_single",
    "telephone_behind",
    "time_behind",
    "date_before",
    "percent_behind",
    "sign_leads",
    "sign_ends",
    "characters_before",
    "characters_behind",
)
"""What :func:`gap_features` gives, in its order."""

WIDEST = 3.5
"""Wider blanks, in line heights, always part two lines."""

# What the detector says counts for, in log-odds, both ways; line F on scans / photos / German scans by it: the card.
_VOTE = 1.5
# A blank so wide, in line heights, parts columns; a narrower one than this words; edges so near stand below each other.
_COLUMN, _BLANK, _NEAR = 1.0, 0.9, 0.35
_ROWS = 3
_AMOUNT = re.compile(r"\d[.,]\d\d$")
_TELEPHONE = re.compile(r"(TEL|FAX|H/?P|PHONE)")
_TIME = re.compile(r"\d?\d:\d\d")
_DATE = re.compile(r"\d\d?[-/.]\d\d?[-/.]\d\d")


@functools.lru_cache(maxsize=1)
def shipped_grouping() -> Perceptron:
    """The network that comes with the product: the probability that a gap parts two lines."""
    return Perceptron.load(Path(__file__).parent.parent / "models" / "line_grouping" / "weights.json", FEATURES)


def parted(texts: Sequence[str], spans: np.ndarray, of_line: Sequence[int], lines: Sequence[TextLine]) -> np.ndarray:
    """After which of the n words of a page, row by row and from left to right, a line ends.

    Args:
        texts: of the words.
        spans: (n, 2) where each begins and ends on the prepared page.
        of_line: which of the detected ``lines`` each belongs to.

    Returns:
        (n,) bool; the last word ends one.
    """
    ends = np.ones(len(texts), bool)
    features, pairs = gap_features(texts, spans, of_line, lines)
    if len(pairs):
        apart = np.diff(of_line) != 0
        votes = np.where(apart[pairs], _VOTE, -_VOTE)
        ends[pairs] = shipped_grouping().log_odds(features) + votes > 0
    return ends


def gap_features(
    texts: Sequence[str], spans: np.ndarray, of_line: Sequence[int], lines: Sequence[TextLine]
) -> tuple[np.ndarray, np.ndarray]:
    """What is known of the blanks between the words of a row that may part lines.

    Args:
        as :func:`parted`.

    Returns:
        (m, len(FEATURES)) float64, and (m,) the word before each blank.
    """
    count = len(texts)
    x0, x1 = np.asarray(spans, np.float64).reshape(-1, 2).T
    heights, rows = np.array([(_height(lines[i]), lines[i].row) for i in of_line]).reshape(-1, 2).T
    if count < 2:
        return np.zeros((0, len(FEATURES))), np.zeros(0, int)
    lengths = np.array([len(text) for text in texts])
    letters = (x1 - x0) / lengths
    height, letter = float(np.median(heights)), max(1.0, float(np.median(letters)))
    beside = rows[1:] == rows[:-1]
    own = (heights[1:] + heights[:-1]) / 2
    gap = np.where(beside, (x0[1:] - x1[:-1]) / own, np.inf)
    pairs = np.flatnonzero(gap <= WIDEST)
    if not len(pairs):
        return np.zeros((0, len(FEATURES))), pairs
    narrow = gap[gap < _BLANK]
    blank = max(0.1, float(np.median(narrow))) if len(narrow) else _NEAR

    first = np.flatnonzero(np.concatenate([[True], ~beside]))
    row = np.cumsum(np.concatenate([[0], ~beside]))
    starts = first[row]
    stops = np.append(first[1:], count)[row]
    # Blanks before and behind every word, the page's edges being wide ones.
    before = np.concatenate([[np.inf], np.where(beside, x0[1:] - x1[:-1], np.inf)]) > _COLUMN * height
    behind = np.append(before[1:], True)
    a, b = pairs, pairs + 1
    near = _NEAR * own[pairs]

    def alike(edges: np.ndarray, places: np.ndarray, which: np.ndarray) -> np.ndarray:
        return ((np.abs(edges[None] - places[:, None]) < near[:, None]) & which[None]).sum(1)

    middle = (x1[a] + x0[b]) / 2
    crossing = np.logical_or.reduceat((x0[:, None] < middle) & (middle < x1[:, None]), first, axis=0)
    reach = np.abs(np.arange(len(first))[:, None] - row[a][None])
    around = (reach <= _ROWS) & (reach > 0)
    across = (crossing & around).sum(0) / np.maximum(1, around.sum(0))
    left, right = float(x0.min()), float(x1.max())
    wide = max(1.0, right - left)
    written = np.concatenate([[0], np.cumsum(lengths + 1)])
    others = [_others(gap, i, int(starts[i]), int(stops[i])) for i in pairs.tolist()]
    said = np.array([_said(texts[i].upper(), texts[i + 1].upper()) for i in pairs.tolist()])
    distance = x0[b] - x1[a]
    columns = [
        gap[pairs],
        distance / letter,
        distance / np.maximum(1.0, (letters[a] + letters[b]) / 2),
        gap[pairs] / blank,
        np.log(own[pairs] / height),
        *np.array(others).T,
        a - starts[a],
        stops[a] - a - 2,
        # A word that begins behind a wide blank does not count itself.
        np.log1p(alike(x0, x0[b], before) - before[b]),
        np.log1p(alike(x0, x0[b], ~before)),
        np.log1p(alike(x1, x1[a], behind)),
        np.log1p(alike(x1, x1[b], behind)),
        np.log1p(alike(x0, x0[a], before)),
        across,
        (x1[a] - left) / wide,
        (x0[b] - left) / wide,
        np.minimum(lengths[a], 8) / 4,
        np.minimum(lengths[b], 8) / 4,
        row[a] / len(first),
        *said.T,
        (written[a + 1] - written[starts[a]]) / 20,
        (written[stops[a]] - written[b]) / 20,
    ]
    return np.stack([np.broadcast_to(np.asarray(column, np.float64), len(pairs)) for column in columns], 1), pairs


def _height(line: TextLine) -> float:
    return float(np.linalg.norm(line.polygon[3] - line.polygon[0]))


def _others(gap: np.ndarray, own: int, start: int, stop: int) -> tuple[float, float]:
    """The widest and the narrowest of the other blanks of a row's words [start, stop), -1 where there are none."""
    others = np.delete(gap[start : stop - 1], own - start)
    return (min(9.0, float(others.max())), min(9.0, float(others.min()))) if len(others) else (-1.0, -1.0)


def _said(a: str, b: str) -> tuple[float, ...]:
    """What two neighbouring words in capitals are made of."""
    return (
        float(a[-1] == ":"),
        float(b[0] == ":"),
        float(a == ":"),
        float(b == ":"),
        sum(map(str.isdigit, a)) / len(a),
        sum(map(str.isdigit, b)) / len(b),
        sum(map(str.isalpha, a)) / len(a),
        sum(map(str.isalpha, b)) / len(b),
        float(bool(_AMOUNT.search(a))),
        float(bool(_AMOUNT.search(b))),
        float(len(b) == 1 and b.isalpha()),
        float(len(b) == 1 and b.isdigit()),
        float(len(a) == 1),
        float(bool(_TELEPHONE.match(b))),
        float(bool(_TIME.match(b))),
        float(bool(_DATE.search(a))),
        float("%" in b),
        float(b[0] in "(@*X#-$€"),
        float(a[-1] in ")@*X#-,./&"),
    )
