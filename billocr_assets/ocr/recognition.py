"""Line crops to text, with every character's place and probability."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from billocr_assets.ocr.confidence import calibration_of
from billocr_assets.ocr.engine import Engine, Runtime, Workers
from billocr_assets.ocr.grammar import decimal_sign, decimal_signs, read_typed, with_sign
from billocr_assets.ocr.language import LanguageModel, language_of
from billocr_assets.ocr.language import mend as mended
from billocr_assets.ocr.segmentation import batches_by_width, padded_batch
from billocr_assets.ocr.stages import ReadSegment

STRIDE = 4
"""Pixels of a crop per frame."""


_NOTHING = ReadSegment("", *[np.zeros(0, np.float32)] * 3)


class LineRecogniser:
    """The recognition network.

    Args:
        path: its ``model.onnx``, which carries its alphabet. Its ``calibration.json`` and ``ngrams.npz`` lie beside it;
            where there are none the shipped ones serve.
        threads: threads that share the batches.
        runtime: what runs it.
    """

    def __init__(self, path: Path, threads: int = 1, runtime: Runtime = "onnxruntime") -> None:
        self._engine = Engine(path, callers=threads, runtime=runtime)
        self._workers = Workers(threads)
        self.version = self._engine.metadata["version"]
        self.alphabet: list[str] = json.loads(self._engine.metadata["alphabet"])
        self.calibration = calibration_of(path)
        self._language = language_of(path)

    def recognise(self, crops: Sequence[np.ndarray], mend: bool = True, bills: Sequence[int] = ()) -> list[ReadSegment]:
        """What the crops (32, w) uint8 say, in their order; crops of many bills may be given at once.

        Args:
            mend: whether the language model and the grammars have their say where the network is not sure.
            bills: how many of the crops each bill has, where that is known: a bill has one decimal sign.
        """
        language = self._language if mend else None

        def look(batch: list[int]) -> np.ndarray:
            return self._engine(padded_batch(crops, batch))[0]

        batches = batches_by_width(crops)
        read = [_NOTHING] * len(crops)
        signs: list[list[tuple[int, float]]] = [[] for _ in crops]
        # What is left is Python, which one thread at a time can run: it is done here while the others look.
        for batch, log_probs in zip(batches, self._workers.map(look, batches), strict=True):
            for i, segment, of_line in zip(batch, decode(log_probs, self.alphabet), log_probs, strict=True):
                read[i] = _mended(segment, of_line, self.alphabet, language) if language else segment
                signs[i] = decimal_signs(read[i].text, _frames(read[i]), of_line, self.alphabet)
        end = 0
        for count in bills:
            bill = range(end, end := end + count)
            sign = decimal_sign([lean for i in bill for _, lean in signs[i]])
            for i in bill:
                read[i] = with_sign(read[i], signs[i], sign)
        return read


def decode(log_probs: np.ndarray, alphabet: Sequence[str]) -> list[ReadSegment]:
    """Best-path decoding of CTC (Graves et al., 2006).

    A character's place is the mean of its frames weighted by their probability, its confidence the highest of them.

    Args:
        log_probs: (B, T, 1 + len(alphabet)) log-probabilities, class 0 the blank of CTC.
    """
    lines, length, _ = log_probs.shape
    best = log_probs.argmax(-1)
    score = np.exp(np.take_along_axis(log_probs, best[..., None], -1)[..., 0].astype(np.float64)).ravel()
    first = np.ones_like(best, bool)
    first[:, 1:] = best[:, 1:] != best[:, :-1]
    # Runs of one class, over the whole batch: where they begin, and which of them are characters.
    starts = np.flatnonzero(first)
    classes = best.ravel()[starts]
    characters = classes > 0
    weight = np.add.reduceat(score, starts)
    moment = np.add.reduceat(score * np.tile(np.arange(length), lines), starts)
    positions = (((moment / np.maximum(weight, 1e-9))[characters] + 0.5) * STRIDE).astype(np.float32)
    confidences = np.maximum.reduceat(score, starts)[characters].astype(np.float32)
    text = "".join([alphabet[i - 1] for i in classes[characters].tolist()])
    blanks = _blanks(log_probs.reshape(lines * length, -1), alphabet, starts[characters])
    bounds = np.searchsorted(starts[characters], np.arange(lines + 1) * length).tolist()
    return [_segment(text[a:b], positions[a:b], confidences[a:b], blanks[a:b]) for a, b in pairwise(bounds)]


def _blanks(log_probs: np.ndarray, alphabet: Sequence[str], frames: np.ndarray) -> np.ndarray:
    """The highest probability of a blank from each of ``frames`` to the next, (T, V) log-probabilities."""
    if not len(frames) or " " not in alphabet:
        return np.zeros(len(frames), np.float32)
    return np.exp(np.maximum.reduceat(log_probs[:, 1 + alphabet.index(" ")], frames))


def _mended(
    segment: ReadSegment, log_probs: np.ndarray, alphabet: Sequence[str], language: LanguageModel
) -> ReadSegment:
    again = mended(segment.text, _frames(segment), segment.confidences, log_probs, alphabet, language)
    again = read_typed(again, log_probs, alphabet)
    if again.text == segment.text:
        return replace(segment, confidences=again.confidences.astype(np.float32))
    blanks = _blanks(log_probs, alphabet, np.rint(again.frames).astype(int))
    return _segment(again.text, (again.frames + 0.5) * STRIDE, again.confidences, blanks)


def _frames(segment: ReadSegment) -> np.ndarray:
    return segment.positions / STRIDE - 0.5


def _segment(text: str, positions: np.ndarray, confidences: np.ndarray, blanks: np.ndarray) -> ReadSegment:
    """Outer and doubled blanks go."""
    end = len(text.rstrip(" "))
    keep = [i for i in range(end) if text[i] != " " or (i and text[i - 1] != " ")]
    if len(keep) < len(text):
        text, positions = "".join([text[i] for i in keep]), positions[keep]
        confidences, blanks = confidences[keep], blanks[keep]
    return ReadSegment(text, positions.astype(np.float32), confidences.astype(np.float32), blanks.astype(np.float32))
