"""What must be an amount, a date, a time, a percentage or a number with a check digit is read as one where in doubt.

The recogniser's frames decide: a string of a type's grammar is taken if it is nearly as likely as the best reading. The
decimal sign is decided for a whole bill, since a point and a comma look alike on faint paper.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from billocr_assets.ocr.confidence import word_ranges
from billocr_assets.ocr.language import SURE, Reading, align, between, search
from billocr_assets.ocr.stages import ReadSegment

# Nats by which a typed reading may be less likely than the best one. From 2 to 7 the same mistakes are mended, but more
# readings of strokes come to look like numbers.
_NEARLY = 4.0
# Least confidence of a character that a type demands: what demands it is not in the frames.
_DEMANDED = 0.5
_LONGEST = 24

State = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Type:
    """Strings of one kind.

    Attributes:
        templates: what they look like, ``#`` is a digit.
        holds: what else must hold.
        checked: a check digit proves them, so that digits may come and go.
    """

    templates: tuple[str, ...]
    holds: Callable[[str], bool] = lambda text: True
    checked: bool = False


def _amounts() -> tuple[str, ...]:
    whole = ["#" * digits for digits in range(1, 6)]
    plain = [f"{digits}{point}##" for digits in whole for point in ".,"]
    grouped = [
        f"{digits}{(group + '###') * times}{point}##"
        for digits, times, (group, point) in product(whole[:3], (1, 2), ((",", "."), (".", ","), ("'", ".")))
    ]
    return (*plain, *grouped)


def _is_date(text: str) -> bool:
    first, month, last = (int(part) for part in re.split(r"\D", text))
    day, year = (last, first) if first > 31 else (first, last)
    return 1 <= min(day, month) <= 12 and max(day, month) <= 31 and (year < 100 or 1990 <= year <= 2050)


def _is_time(text: str) -> bool:
    hour, *rest = (int(part) for part in text.split(":"))
    return hour < 24 and max(rest) < 60


def _is_percentage(text: str) -> bool:
    return float(text[:-1].replace(",", ".")) <= 100


def _is_article(text: str) -> bool:
    """The check digit of GS1: 109 of the 118 numbers of 13 digits on 400 receipts have it, few with a 0 in front."""
    digits = [int(c) for c in reversed(text)]
    return text[0] != "0" and (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def _is_german(text: str) -> bool:
    """The check digit of German VAT ids: ISO 7064, MOD 11,10."""
    rest = 10
    for c in text[2:10]:
        rest = 2 * ((rest + int(c)) % 10 or 10) % 11
    return (11 - rest) % 10 == int(text[10])


_DAYS = ("##s##s####", "##s##s##", "#s##s####", "#s#s####", "##s#s####", "####s##s##")
_PERCENTAGES = ("#%", "##%", "#.#%", "##.#%", "#.##%", "##.##%")
_VAT_IDS = (("ATU", 8), ("CZ", 8), ("CZ", 9), ("CZ", 10), ("SK", 10), ("PL", 10), ("HU", 8), ("FR", 11))
_TYPES = (
    _Type(_amounts()),
    _Type(tuple(day.replace("s", sign) for day in _DAYS for sign in "./-"), _is_date),
    _Type(("#:##", "##:##", "##:##:##"), _is_time),
    _Type(tuple(each.replace(".", point) for each in _PERCENTAGES for point in ".,"), _is_percentage),
    _Type(("#" * 13,), _is_article, checked=True),
    _Type(("DE" + "#" * 9,), _is_german, checked=True),
    _Type(tuple(country + "#" * digits for country, digits in _VAT_IDS)),
)
_START: State = frozenset(template for kind in _TYPES for template in kind.templates)
_VAT_ID = re.compile(r"(?:DE|ATU|CZ|SK|PL|HU|FR)\w{7,}")
_PARTED = re.compile(r"\d+[.,]\d \d|\d+ [.,]\d\d")
# The decimal sign of an amount; "9.00 Uhr" and "9.00 h" are none.
_POINT = re.compile(
    r"(?<![\d.,:/-])(?:\d{1,3}(?:[' ]\d{3})+|\d+)([.,])\d\d(?![\d.,:/%])(?!.*\b(?:uhr|hod|h)\b)", re.IGNORECASE
)
# A sign's leaning to the comma, in nats, and this make its evidence: in doubt the recogniser sees points. Of 2,287
# commas on worn rendered bills 7 % lean to the point by more than one, of 1,678 points .1 % to the comma at all.
_TO_COMMA, _LEAST, _MOST = 2.5, -4.0, 6.0
# Signs that are surer than this stay, whatever the bill says.
_FIRM = 4.6


def _shape(text: str) -> str:
    return re.sub("[0-9]", "#", text.replace("#", "?"))


@functools.lru_cache(maxsize=8192)
def _step(state: State, character: str) -> tuple[float, State]:
    """The automaton of all types: a state is what may still follow (derivatives after Brzozowski, 1964)."""
    sign = _shape(character)
    following = frozenset(template[1:] for template in state if template[:1] == sign)
    return float(bool(following)), following


def _type_of(text: str) -> _Type | None:
    shape = _shape(text)
    return next((kind for kind in _TYPES if shape in kind.templates and kind.holds(text)), None)


def read_typed(reading: Reading, log_probs: np.ndarray, alphabet: Sequence[str]) -> Reading:
    """Reads the numbers of a line again in which a character is not sure and which are of no type as they stand.

    Args:
        log_probs: (T, 1 + len(alphabet)) of the whole line.
    """
    unsure = reading.confidences < SURE
    if not unsure.any():
        return reading
    for a, b in reversed(_stretches(reading.text, unsure)):
        start, end = between(log_probs, reading.frames, a), between(log_probs, reading.frames, b)
        again = _as_typed(reading.text[a:b], log_probs[start:end], alphabet)
        if again:
            reading = Reading(
                reading.text[:a] + again.text + reading.text[b:],
                np.concatenate([reading.frames[:a], start + again.frames, reading.frames[b:]]),
                np.concatenate([reading.confidences[:a], again.confidences, reading.confidences[b:]]),
            )
    return reading


def _stretches(text: str, unsure: np.ndarray) -> list[tuple[int, int]]:
    """Where a number may stand that is in doubt: in a word, or in two if the blank between them is in doubt."""
    words: list[tuple[int, int]] = []
    for a, b in word_ranges(text):
        if words and unsure[a - 1] and _PARTED.fullmatch(text[words[-1][0] : b]):
            a, _ = words.pop()
        words.append((a, b))
    found = []
    for a, b in words:
        while a < b and not text[a].isalnum():
            a += 1
        while a < b and not (text[b - 1].isalnum() or text[b - 1] == "%"):
            b -= 1
        if not _VAT_ID.match(text[a:b]):
            # Currency signs, which are no misread digits.
            before = re.match(r"[^\W\d_]{2,}|S(?=\d)", text[a:b])
            a += before.end() if before else 0
        signs = text[a:b]
        digits = sum(c.isdigit() for c in signs)
        if (
            unsure[a:b].any()
            and b - a <= _LONGEST
            and 2 * sum(c.isalpha() for c in signs) <= b - a
            and (b - a >= 11 or digits < b - a)
            and not _type_of(signs)
        ):
            found.append((a, b))
    return found


def _as_typed(said: str, log_probs: np.ndarray, alphabet: Sequence[str]) -> Reading | None:
    """The likeliest string of a type that the frames of ``said`` admit."""
    least = align(log_probs, [alphabet.index(c) + 1 for c in said])[1] - _NEARLY
    found = search(log_probs, alphabet, _step, _START)
    for text in sorted(found, key=lambda text: -found[text][0]):
        kind = _type_of(text)
        if not kind or not _may_be(kind, text, said):
            continue
        classes = [alphabet.index(c) + 1 for c in text]
        frames, likelihood = align(log_probs, classes)
        if likelihood < least:
            return None
        return Reading(text, frames, np.maximum(np.exp(log_probs[frames, classes]), _DEMANDED))
    return None


def _may_be(kind: _Type, text: str, said: str) -> bool:
    """Whether no digit, and no percent sign, comes or goes without a check digit that proves it."""
    more = sum(c.isalnum() for c in text) - sum(c.isalnum() for c in said)
    return more >= 0 and said[0] != "0" if kind.checked else more == 0 and ("%" in text) == ("%" in said)


def decimal_signs(
    text: str, frames: np.ndarray, log_probs: np.ndarray, alphabet: Sequence[str]
) -> list[tuple[int, float]]:
    """Of each amount in a line: where its decimal sign stands, and by how many nats it is more a comma than a point.

    Args:
        frames: (len(text),) the frame of each character, ``log_probs`` (T, 1 + len(alphabet)) of the whole line.
    """
    found = []
    for match in _POINT.finditer(text):
        frame = round(float(frames[match.start(1)]))
        around = log_probs[max(0, frame - 1) : frame + 2]
        comma, point = (float(around[:, 1 + alphabet.index(sign)].max()) for sign in ",.")
        found.append((match.start(1), comma - point))
    return found


def decimal_sign(leans: Iterable[float]) -> str:
    """The decimal sign of a bill whose amounts lean to the comma by so much."""
    return "," if sum(min(_MOST, max(_LEAST, lean + _TO_COMMA)) for lean in leans) > 0 else "."


def with_sign(read: ReadSegment, signs: Sequence[tuple[int, float]], sign: str) -> ReadSegment:
    """The line with its bill's decimal ``sign`` where its own is in doubt; ``signs`` as :func:`decimal_signs`."""
    other = [place for place, lean in signs if read.text[place] != sign and abs(lean) < _FIRM]
    if not other:
        return read
    confidences = read.confidences.copy()
    confidences[other] = np.maximum(_DEMANDED, 1.0 - confidences[other])
    text = "".join(sign if i in other else c for i, c in enumerate(read.text))
    return replace(read, text=text, confidences=confidences)
