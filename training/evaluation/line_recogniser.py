"""How well an exported line recogniser reads true line crops and rendered lines in fonts it never saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from billocr_assets.ocr.recognition import LineRecogniser
from billocr_assets.ocr.segmentation import crop_line
from training.data.alphabet import ALPHABET, normalise
from training.data.lines import Line, crop_of, rendered_line
from training.data.receipts import AnnotatedReceipt, read_pack


def error_rate(pairs: Iterable[tuple[str, str]], key: Callable[[str], str] = str) -> float:
    """Edits over characters of the truth, over all pairs (truth, read)."""
    pairs = [(key(truth), key(read)) for truth, read in pairs]
    return sum(Levenshtein.distance(a, b) for a, b in pairs) / max(1, sum(len(a) for a, _ in pairs))


def _seen_and_missed(pairs: Iterable[tuple[str, str]], characters: str) -> tuple[Counter[str], Counter[str]]:
    seen: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for truth, read in pairs:
        seen.update(c for c in truth if c in characters)
        for edit in Levenshtein.editops(truth, read):
            if edit.tag != "insert" and truth[edit.src_pos] in characters:
                missed[truth[edit.src_pos]] += 1
    return seen, missed


def character_recall(pairs: Iterable[tuple[str, str]], characters: str) -> dict[str, float]:
    """Share of each of ``characters`` in the truths that was read as itself, by alignment; absent ones are left out."""
    seen, missed = _seen_and_missed(pairs, characters)
    return {c: 1 - missed[c] / n for c, n in sorted(seen.items())}


def recall(pairs: Iterable[tuple[str, str]], characters: str) -> float:
    """Share of the occurrences of any of ``characters`` that was read as itself; not a number where there are none."""
    seen, missed = _seen_and_missed(pairs, characters)
    return 1 - missed.total() / seen.total() if seen else float("nan")


def read_true_crops(recogniser: LineRecogniser, receipts: Sequence[AnnotatedReceipt]) -> list[list[tuple[str, str]]]:
    """(truth, read) of every readable line, a list a receipt."""
    pairs = []
    for receipt in receipts:
        image = receipt.image()
        lines = [(line, normalise(line.text)) for line in receipt.lines if not line.ignore]
        kept = [(line.polygon, text) for line, text in lines if text]
        read = recogniser.recognise([crop_line(image, polygon)[0] for polygon, _ in kept])
        pairs.append([(text, segment.text) for (_, text), segment in zip(kept, read, strict=True)])
    return pairs


def read_rendered(
    recogniser: LineRecogniser, count: int, seed: int = 1, render: Callable[..., Line] = rendered_line
) -> list[tuple[str, str]]:
    """(truth, read) of ``count`` rendered and spoilt lines in the held-out fonts."""
    rng = np.random.default_rng(seed)
    lines = [render(rng, "held_out") for _ in range(count)]
    crops = [crop_of(line, rng) for line in lines]
    return [(line.text, segment.text) for line, segment in zip(lines, recogniser.recognise(crops), strict=True)]


def read_bills(recogniser: LineRecogniser, count: int = 60, seed: int = 2) -> list[tuple[str, str]]:
    """(truth, read) of every line of ``count`` rendered bills in the held-out fonts, scans and photos in turn.

    Of the locales only those whose words carry accents.
    """
    # Imported here: measuring on receipts needs no fonts.
    from training.data.synthetic.scene import Mode, synthesise_bill

    rng = np.random.default_rng(seed)
    modes: tuple[Mode, Mode] = ("scan", "photo")
    pairs = []
    for i in range(count):
        scene = synthesise_bill(rng, ("de", "cs", "sk", "pl", "hu", "fr")[i // 2 % 6], modes[i % 2], "held_out")
        read = recogniser.recognise([crop_line(scene.image, line.polygon)[0] for line in scene.lines])
        pairs += [(line.text, segment.text) for line, segment in zip(scene.lines, read, strict=True)]
    return pairs


def _no_blanks(text: str) -> str:
    return text.upper().replace(" ", "")


def evaluate(model: Path, receipts: Path | None, rendered: int = 3000) -> dict[str, float]:
    """Error rates and exact lines: on true crops of ``receipts`` with case folded, or on what was rendered.

    Rendered are lines that are harder than bills (random letters of every language, degraded as in training), and whole
    bills, whose figures begin with ``bills_``; recall of diacritics is the mean over letters of the former and that of
    all occurrences of the latter.
    """
    recogniser = LineRecogniser(model)
    if receipts is None:
        pairs = read_rendered(recogniser, rendered)
        letters = "".join({c for truth, _ in pairs for c in truth if ord(c) > 127})
        each = character_recall(pairs, letters)
        bills = read_bills(recogniser)
        return {
            "lines": len(pairs),
            "cer": error_rate(pairs),
            "cer_folded": error_rate(pairs, str.upper),
            "exact": float(np.mean([truth == read for truth, read in pairs])),
            "recall_diacritics": float(np.mean([r for c, r in each.items() if c.isalpha()] or [0.0])),
            "recall_euro": each.get("€", float("nan")),
            "bills_cer": error_rate(bills),
            "bills_recall_diacritics": recall(bills, "".join(c for c in ALPHABET if ord(c) > 127 and c.isalpha())),
            "bills_recall_euro": recall(bills, "€"),
        }
    pack = read_pack(receipts)
    per_receipt = read_true_crops(recogniser, pack)
    groups = {"": [True] * len(pack)}
    if any("company_seen_in_train" in receipt.extra for receipt in pack):
        seen = [bool(receipt.extra.get("company_seen_in_train")) for receipt in pack]
        groups |= {"_seen": seen, "_unseen": [not flag for flag in seen]}
    figures: dict[str, float] = {}
    for name, chosen in groups.items():
        pairs = [pair for flag, read in zip(chosen, per_receipt, strict=True) if flag for pair in read]
        figures |= {
            f"lines{name}": len(pairs),
            f"cer{name}": error_rate(pairs, str.upper),
            f"cer_without_blanks{name}": error_rate(pairs, _no_blanks),
            f"exact{name}": float(np.mean([a.upper() == b.upper() for a, b in pairs])),
        }
    return figures
