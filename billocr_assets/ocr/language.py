"""A small character language model, and reading with it where the recogniser alone is not sure."""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

ORDER = 6
"""Longest n-gram in characters."""

BACK_OFF = math.log(0.4)
FLOOR = -14.0
"""Log-probability of a character that the model never saw."""

STEP = 0.35
"""Log-probabilities are kept as multiples of this, 0 to 31 of them."""

PROBES = 8
"""Slots that are tried for an n-gram."""

EDGE = "\n"
"""Stands before and behind a line."""

SURE = 0.97
"""Characters that the recogniser is surer of than this stay, unless they stand beside one that it is not sure of."""

State = TypeVar("State")

# Found on receipts that took no part in training: weight of the language, and what a character is worth in itself,
# without which a language model prefers short texts.
_WEIGHT, _WORTH = 0.4, 3.0
_WIDTH = 8
_LEAST = math.exp(-5.0)
_PRUNED = math.exp(-6.0)
_NEIGHBOURS = 1
# Strokes that are no text read as words if the language has its say.
_LEGIBLE = 0.5


@functools.lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """``text`` as the model sees it: capitals, and every digit a ``0``, so that it knows nothing of numbers."""
    return "".join("0" if c.isdigit() else c if len(c.upper()) > 1 else c.upper() for c in text)


def slots(gram: str, count: int) -> tuple[int, int]:
    """The first slot of an n-gram among ``count`` (a power of two), and its 11-bit fingerprint, never 0."""
    code = zlib.crc32(gram.encode())
    return code & (count - 1), (code >> 21) or 1


class LanguageModel:
    """Stupid back-off (Brants et al., 2007) over hashed n-grams of folded characters.

    Args:
        table: (2 ** k,) uint16: 11 bits of fingerprint and 5 bits of log-probability in steps of :data:`STEP`; 0 is an
            empty slot.
    """

    def __init__(self, table: np.ndarray) -> None:
        self._table = memoryview(table.astype("<u2").tobytes()).cast("H")
        self._worth: dict[str, float] = {}

    @classmethod
    def load(cls, path: Path) -> LanguageModel:
        return cls(np.load(path)["table"])

    def log_probability(self, before: str, character: str) -> float:
        """Natural logarithm of the score of a folded ``character`` after folded ``before``; no true probability."""
        loss = 0.0
        for start in range(max(0, len(before) - ORDER + 1), len(before) + 1):
            found = self._found(before[start:] + character)
            if found is not None:
                return loss + found
            loss += BACK_OFF
        return loss + FLOOR

    def worth(self, before: str, character: str) -> float:
        """Factor by which a reading gains with ``character`` next; 1 for digits and what follows them."""
        if character == "0" or before[-1:] == "0":
            return 1.0
        gram = before[1 - ORDER :] + character
        known = self._worth.get(gram)
        if known is None:
            known = math.exp(_WEIGHT * (self.log_probability(gram[:-1], character) + _WORTH))
            if len(self._worth) < 100_000:
                self._worth[gram] = known
        return known

    def step(self, end: str, character: str) -> tuple[float, str]:
        """Factor by which a reading that ends in folded ``end`` gains with ``character`` next, and its folded end."""
        seen = fold(character)
        # 0.3 l and 0,3 l must be equally likely to go on.
        seen = "." if seen == "," and end[-1:] == "0" else seen
        return self.worth(end, seen), (end + seen)[1 - ORDER :]

    def _found(self, gram: str) -> float | None:
        slot, print_ = slots(gram, len(self._table))
        for i in range(PROBES):
            entry = self._table[(slot + i) & (len(self._table) - 1)]
            if not entry:
                return None
            if entry >> 5 == print_:
                return -STEP * (entry & 31)
        return None


_SHIPPED = Path(__file__).parent.parent / "models" / "language" / "ngrams.npz"


@functools.lru_cache(maxsize=1)
def shipped_language() -> LanguageModel:
    """The model that comes with the product."""
    return LanguageModel.load(_SHIPPED)


def language_of(recogniser: Path) -> LanguageModel:
    """The model beside a recogniser's weights, or in ``language`` beside their folder, else the shipped one."""
    for path in (recogniser.with_name("ngrams.npz"), recogniser.parent.parent / "language" / "ngrams.npz"):
        if path.exists() and path.resolve() != _SHIPPED:
            return LanguageModel.load(path)
    return shipped_language()


def table_of(grams: Sequence[tuple[str, float]], size: int) -> np.ndarray:
    """The table of a :class:`LanguageModel` of (n-gram, log-probability), the ones that matter most first.

    What finds no slot is left out.
    """
    table: np.ndarray = np.zeros(size, np.uint16)
    for gram, value in grams:
        slot, print_ = slots(gram, size)
        for i in range(PROBES):
            at = (slot + i) & (size - 1)
            if not table[at]:
                table[at] = print_ << 5 | min(31, round(-value / STEP))
                break
    return table


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stretch of frames says.

    Attributes:
        text: with blanks as they are read.
        frames: (len(text),) the frame of each character's peak.
        confidences: (len(text),) 0..1, how sure each character is.
    """

    text: str
    frames: np.ndarray
    confidences: np.ndarray


def mend(
    text: str,
    frames: np.ndarray,
    confidences: np.ndarray,
    log_probs: np.ndarray,
    alphabet: Sequence[str],
    model: LanguageModel,
) -> Reading:
    """Reads the stretches of a line again in which a character is not sure; the rest stays as it is.

    Args:
        text: the best path's reading.
        frames: (len(text),) frame of each character, ``confidences`` its probability.
        log_probs: (T, 1 + len(alphabet)) of the whole line.
    """  # fmt: skip
    unsure = confidences < SURE
    if not unsure.any() or confidences.mean() < _LEGIBLE:
        return Reading(text, frames, confidences)
    near = np.convolve(unsure, np.ones(2 * _NEIGHBOURS + 1), "same")[: len(text)] > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], near, [False]]).astype(np.int8)))
    parts: list[Reading] = []
    done = 0
    said = ""
    for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        parts.append(Reading(text[done:a], frames[done:a], confidences[done:a]))
        said += text[done:a]
        start, end = between(log_probs, frames, a), between(log_probs, frames, b)
        again, agreed = read_again(log_probs[start:end], alphabet, model, said, text[b:])
        places = frames[a:b]
        if again != text[a:b]:
            places = start + align(log_probs[start:end], [alphabet.index(c) + 1 for c in again])[0]
        parts.append(Reading(again, places, agreed))
        said += again
        done = b
    parts.append(Reading(text[done:], frames[done:], confidences[done:]))
    return Reading(
        "".join(part.text for part in parts),
        np.concatenate([part.frames for part in parts]),
        np.concatenate([part.confidences for part in parts]),
    )


def between(log_probs: np.ndarray, frames: np.ndarray, i: int) -> int:
    """The frame between characters i - 1 and i that is emptiest; the line's ends before the first, after the last."""
    if i == 0:
        return 0
    if i == len(frames):
        return len(log_probs)
    low, high = int(frames[i - 1]) + 1, int(frames[i])
    return low + int(log_probs[low : high + 1, 0].argmax()) if high >= low else low


def read_again(
    log_probs: np.ndarray, alphabet: Sequence[str], model: LanguageModel, before: str = "", after: str = ""
) -> tuple[str, np.ndarray]:
    """The likeliest reading of a stretch with the language model.

    Args:
        log_probs: (T, 1 + len(alphabet)) log-probabilities of a stretch that begins and ends between two characters.
        before: what the line says before the stretch, ``after`` behind it.

    Returns:
        The text, and for each character the share of readings, weighted by their probability, that agree on it.
    """
    follow = fold(after[: ORDER - 1]) + (EDGE if len(after) < ORDER - 1 else "")
    scores = {}
    for text, (score, end) in search(log_probs, alphabet, model.step, EDGE + fold(before[1 - ORDER :])).items():
        for behind in follow:
            score *= model.worth(end, behind)
            end = (end + behind)[1 - ORDER :]
        scores[text] = score
    best = max(scores, key=scores.__getitem__)
    total = sum(scores.values())
    agreed = np.zeros(len(best))
    for text, share in scores.items():
        shift = len(text) - len(best)
        for i, read in enumerate(best):
            if text[i : i + 1] == read or (0 <= i + shift < len(text) and text[i + shift] == read):
                agreed[i] += share
    return best, agreed / total


def search(
    log_probs: np.ndarray, alphabet: Sequence[str], step: Callable[[State, str], tuple[float, State]], start: State
) -> dict[str, tuple[float, State]]:
    """Prefix beam search of CTC (Hannun et al., 2014).

    Args:
        log_probs: (T, 1 + len(alphabet)) log-probabilities of a stretch that begins and ends between two characters.
        step: from a state and the next character to the factor by which a reading gains with it, 0 where it must not
            stand there, and the state behind it; ``start`` is the state before the stretch.

    Returns:
        The likeliest readings, each with its score relative to the others' and its state; none where no character may
        stand.
    """
    probabilities = np.exp(log_probs.astype(np.float64))
    places, classes = np.nonzero(probabilities[:, 1:] > _LEAST)
    options: list[list[tuple[str, float]]] = [[] for _ in range(len(log_probs))]
    for t, k, p in zip(places.tolist(), classes.tolist(), probabilities[places, classes + 1].tolist(), strict=True):
        options[t].append((alphabet[k], p))
    # Text -> probability of ending in the blank class, of ending in its last character, factor, state.
    beams: dict[str, tuple[float, float, float, State]] = {"": (1.0, 0.0, 1.0, start)}
    for nothing, found in zip(probabilities[:, 0].tolist(), options, strict=True):
        if not found:
            beams = {text: ((b + c) * nothing, 0.0, w, state) for text, (b, c, w, state) in beams.items()}
            continue
        grown: dict[str, list] = {}
        here = dict(found)
        for text, (b, c, w, state) in beams.items():
            last = text[-1:]
            known = grown.get(text)
            stay, repeat = (b + c) * nothing, c * here.get(last, 0.0)
            if known is None:
                grown[text] = [stay, repeat, w, state]
            else:
                known[0] += stay
                known[1] += repeat
            for character, p in found:
                more = (b if character == last else b + c) * p
                if not more:
                    continue
                longer = text + character
                known = grown.get(longer)
                if known is None:
                    factor, following = step(state, character)
                    if factor:
                        grown[longer] = [0.0, more, w * factor, following]
                else:
                    known[1] += more
        ranked = sorted(((b + c) * w, text) for text, (b, c, w, _) in grown.items())[-_WIDTH:]
        least = ranked[-1][0] * _PRUNED
        # Long stretches would underflow: only ratios count.
        scale = 1.0 / ranked[-1][0]
        beams = {}
        for score, text in ranked:
            if score >= least:
                b, c, w, state = grown[text]
                beams[text] = (b * scale, c * scale, w, state)
    return {text: ((b + c) * w, state) for text, (b, c, w, state) in beams.items()}


def align(log_probs: np.ndarray, classes: Sequence[int]) -> tuple[np.ndarray, float]:
    """The frame of each of ``classes`` on the likeliest path that reads them (forced alignment of CTC).

    Args:
        log_probs: (T, V), class 0 the blank.

    Returns:
        (len(classes),) int, the frame of each class in which it is likeliest, and the path's log-probability.
    """
    if not classes:
        return np.zeros(0, int), float(log_probs[:, 0].sum())
    states = np.zeros(2 * len(classes) + 1, int)
    states[1::2] = classes
    emitted = log_probs[:, states]
    skip = np.zeros(len(states), bool)
    skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:2] = emitted[0, :2]
    came = np.zeros(emitted.shape, int)
    for t in range(1, len(emitted)):
        one = np.concatenate([[-np.inf], score[:-1]])
        two = np.where(skip, np.concatenate([[-np.inf] * 2, score[:-2]]), -np.inf)
        choices = np.stack([score, one, two])
        came[t] = choices.argmax(0)
        score = choices.max(0) + emitted[t]
    likelihood = float(score[-2:].max())
    state = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    path = np.zeros(len(emitted), int)
    for t in range(len(emitted) - 1, -1, -1):
        path[t] = state
        state -= came[t, state]
    frames = np.zeros(len(classes), int)
    for i in range(len(classes)):
        own = np.flatnonzero(path == 2 * i + 1)
        frames[i] = own[emitted[own, 2 * i + 1].argmax()] if len(own) else 0
    return frames, likelihood
