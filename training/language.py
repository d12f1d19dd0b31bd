"""Counts the language model: ``python -m training.language --receipts PACK --out billocr_assets/models/language``."""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from billocr_assets.ocr.language import BACK_OFF, EDGE, FLOOR, ORDER, LanguageModel, fold, table_of
from training.data.alphabet import normalise
from training.data.receipts import read_pack
from training.data.synthetic.phrases import line_text

SLOTS = 1 << 19
FILLED = 0.8
REAL = 20
"""How often a line of a real receipt counts beside a rendered one."""


def n_grams(lines: Iterable[tuple[str, int]]) -> list[tuple[str, float]]:
    """N-grams of (line, count) with their log-probability, the ones first whose loss would cost most.

    An n-gram's worth is its count times what back-off would get wrong by (Stolcke, 1998, simplified).
    """
    counts: Counter[str] = Counter()
    for text, times in lines:
        padded = EDGE + fold(text) + EDGE
        for end in range(1, len(padded)):
            for start in range(max(0, end - ORDER + 1), end + 1):
                counts[padded[start : end + 1]] += times
    counts = Counter({gram: n for gram, n in counts.items() if n > 1 or len(gram) < 3})
    after: Counter[str] = Counter()
    for gram, n in counts.items():
        after[gram[:-1]] += n
    found = {gram: math.log(n / after[gram[:-1]]) for gram, n in counts.items()}
    ranked = []
    for gram, value in found.items():
        shorter, loss = gram[1:], BACK_OFF
        while shorter and shorter not in found:
            shorter, loss = shorter[1:], loss + BACK_OFF
        instead = loss + found.get(shorter, FLOOR)
        ranked.append((math.inf if len(gram) == 1 else counts[gram] * abs(value - instead), gram, value))
    ranked.sort(reverse=True)
    return [(gram, value) for _, gram, value in ranked]


def _lines(packs: Iterable[Path], rendered: int, seed: int) -> Iterator[tuple[str, int]]:
    r = random.Random(seed)
    for _ in range(rendered):
        yield line_text(r), 1
    for pack in packs:
        for receipt in read_pack(pack):
            for line in receipt.lines:
                if not line.ignore and (text := normalise(line.text)):
                    yield text, REAL


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.language", description=__doc__)
    parser.add_argument("--receipts", type=Path, action="append", default=[], help="folder of annotated receipts")
    parser.add_argument("--out", type=Path, required=True, help="folder for ngrams.npz")
    parser.add_argument("--rendered", type=int, default=240_000, help="lines of invented bills")
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args(arguments)
    grams = n_grams(_lines(options.receipts, options.rendered, options.seed))
    kept = grams[: int(FILLED * SLOTS)]
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "ngrams.npz"
    np.savez(path, table=table_of(kept, SLOTS))
    LanguageModel.load(path)
    print(f"{len(kept)} of {len(grams)} n-grams, {path.stat().st_size / 1000:.0f} kB: {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
