"""Made-up frames of a line, as the recogniser would give them."""

from __future__ import annotations

import string

import numpy as np

ALPHABET = list(string.digits + string.ascii_letters + string.punctuation + " ")


def lattice(*frames: dict[str, float]) -> np.ndarray:
    """(T, V) log-probabilities; what a frame does not name goes to the blank class, written as an empty string."""
    p = np.full((len(frames), len(ALPHABET) + 1), 1e-6)
    for row, frame in zip(p, frames, strict=True):
        for character, share in frame.items():
            row[ALPHABET.index(character) + 1] = share
        row[0] = 1 - sum(frame.values()) - 1e-5
    return np.log(p)


def spelt(text: str, **doubts: dict[str, float]) -> np.ndarray:
    """A line in which every character is sure but those at the places that ``doubts`` names (``at3={...}``)."""
    frames: list[dict[str, float]] = [{}]
    for i, c in enumerate(text):
        frames += [doubts.get(f"at{i}", {c: 0.99}), {}]
    return lattice(*frames)


def places(text: str) -> np.ndarray:
    """(len(text),) the frames at which :func:`spelt` puts the characters."""
    return np.arange(len(text)) * 2.0 + 1
