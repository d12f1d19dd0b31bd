"""Bills as nobody should hand them in, and pictures of no bill: ``python -m tests.benchmarks.bench_robustness PACK``.

The pack's bills upside down, on their sides, mirrored, with black and white exchanged, very large and very small,
measured on the boxes turned back; then blank pages and pictures without text, in which whatever is found is wrong.
Needs the training set, whose generator makes the pictures; other readers are asked through the interpreter that has
them (``--engines billocr,ppocrv6-small --python .venv-bench/bin/python``).
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from billocr_assets import evaluation
from tests.benchmarks.comparison import chosen, circumstances, heading, in_turn, table, write
from tests.benchmarks.engines import LABELS, NotInstalled, Worker
from training.data.line_detector import background, degrade
from training.data.synthetic import marks

LARGEST, SMALLEST = 8000, 200
TEXT_FREE = 50

Change = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""A picture to the changed one, and the (3, 3) affine map from its pixels back to the given one's."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path, help="folder with an annotated NAME.json beside each picture")
    parser.add_argument("--bills", type=int, default=10, help="so many of the pack's; default: 10")
    parser.add_argument("--engines", default="billocr", help="default: billocr")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the engines; default: this one")
    parser.add_argument("--models", type=Path, help="networks of ours instead of the shipped ones")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="default: %(default)s")
    options = parser.parse_args(arguments)
    truths = chosen(evaluation.matching(evaluation.read_folder(options.pack), []), options.bills)
    report: dict[str, Any] = {**circumstances(), "pack": options.pack.name, "bills": len(truths)}
    with tempfile.TemporaryDirectory(prefix="billocr-bench-") as folder, ExitStack() as stack:
        workers = []
        for engine in options.engines.split(","):
            try:
                workers.append(stack.enter_context(Worker(engine, 1, options.models, python=options.python)))
            except NotInstalled as error:
                print(f"{LABELS[engine]} is not installed: {error}", file=sys.stderr)
        report["bills_changed"] = [
            {"input": name, **changed_bills(options.pack, truths, change, workers, Path(folder))}
            for name, change in CHANGES.items()
        ]
        report["no_bills"] = [
            {"input": "blank page", **no_bills(blank_pages(), workers, Path(folder))},
            {
                "input": "picture without text",
                **no_bills((picture_without_text(seed) for seed in range(TEXT_FREE)), workers, Path(folder)),
            },
        ]
    report["load_average_after"] = os.getloadavg()[0]
    write(report, as_markdown(report), options.out, f"robustness-{options.pack.name}")


# ------------------------------------------------------------------------------------------------------- changed bills


def _as_it_is(page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return page, np.eye(3)


def _turned(quarters: int) -> Change:
    """Counter-clockwise."""

    def change(page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        h, w = page.shape[:2]
        back = {
            1: [[0, -1, w], [1, 0, 0], [0, 0, 1]],
            2: [[-1, 0, w], [0, -1, h], [0, 0, 1]],
            3: [[0, 1, 0], [-1, 0, h], [0, 0, 1]],
        }[quarters]
        return np.ascontiguousarray(np.rot90(page, quarters)), np.array(back, np.float64)

    return change


def _mirrored(page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(page[:, ::-1]), np.array([[-1, 0, page.shape[1]], [0, 1, 0], [0, 0, 1.0]])


def _inverted(page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 255 - page, np.eye(3)


def _longest_side(pixels: int) -> Change:
    def change(page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = pixels / max(page.shape[:2])
        how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        return cv2.resize(page, None, fx=scale, fy=scale, interpolation=how), np.diag([1 / scale, 1 / scale, 1.0])

    return change


CHANGES: dict[str, Change] = {
    "as it is": _as_it_is,
    "upside down": _turned(2),
    "on its left side": _turned(1),
    "on its right side": _turned(3),
    "mirrored": _mirrored,
    "black and white exchanged": _inverted,
    f"{LARGEST:,} px": _longest_side(LARGEST),
    f"{SMALLEST} px": _longest_side(SMALLEST),
}


def changed_bills(
    pack: Path, truths: Mapping[str, Any], change: Change, workers: Sequence[Worker], folder: Path
) -> dict[str, Any]:
    """``engines``: engine to its accuracy, the words that it gave a bill, those of them that are wrong, and seconds."""
    read: dict[str, dict[str, Any]] = {worker.engine: {} for worker in workers}
    for name, order in in_turn(list(truths), workers):
        picture, back = change(cv2.imread(str(pack / truths[name]["image"])))
        path = folder / "bill.jpg"
        cv2.imwrite(str(path), picture, (cv2.IMWRITE_JPEG_QUALITY, 92))
        for worker in order:
            read[worker.engine][name] = turned_back(worker.read(path), back)
    return {"engines": {engine: _figures(truths, given) for engine, given in read.items()}}


def turned_back(answer: dict[str, Any], back: np.ndarray) -> dict[str, Any]:
    """An answer with its polygons in the pixels of the picture before the change."""
    for line in answer.get("lines", ()):
        line["polygon"] = cv2.perspectiveTransform(np.array([line["polygon"]], np.float64), back)[0].tolist()
    return answer


def _figures(truths: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    measures = evaluation.measure(truths, given)
    words = sum(len(str(line["text"]).split()) for answer in given.values() for line in answer.get("lines", ()))
    return {
        "word_f1": measures["words_ci"]["f"],
        "cer": measures["e2e_cer_ci"],
        "words": words / len(given),
        "wrong_words": (1 - measures["words_ci"]["p"]) * words / len(given),
        "refused": sum("error" in answer for answer in given.values()),
        "seconds": float(np.median([answer["seconds"] for answer in given.values()])),
        "peak_mb": max(answer["peak_mb"] for answer in given.values()),
    }


# ------------------------------------------------------------------------------------------------- pictures of no bill


def blank_pages() -> list[np.ndarray]:
    """White, grey and noisy sheets, receipts and small ones."""
    pages = []
    for number, (height, width) in enumerate([(3508, 2480), (1600, 800), (200, 100)]):
        rng = np.random.default_rng(number)
        pages += [np.full((height, width), shade, np.uint8) for shade in (255, 200, 0)]
        pages.append(np.clip(rng.normal(235, 4, (height, width)), 0, 255).astype(np.uint8))
        light = np.linspace(140, 245, width)[None] * np.ones((height, 1))
        pages.append(light.astype(np.uint8))
    return pages


def picture_without_text(seed: int) -> np.ndarray:
    """(H, W) uint8: a table, on it mostly a sheet, on that mostly logos, codes and pen strokes; no letter anywhere."""
    r, rng = random.Random(seed), np.random.default_rng(seed)
    height, width = r.randint(500, 1800), r.randint(400, 1400)
    picture = background(rng, (height, width))
    if r.random() < 0.7:
        ink = np.zeros((height, width), np.uint8)
        for _ in range(r.randint(0, 5)):
            side = r.randint(40, max(41, width // 3))
            x, y = r.randint(0, width - side), r.randint(0, height - side)
            kind = r.randrange(4)
            if kind == 0:
                marks.barcode(r, ink, x, y, side, side // 2)
            elif kind == 1:
                marks.qr(r, ink, x, y, side)
            elif kind == 2:
                marks.logo(r, ink, x, y, side, side)
            else:
                marks.pen(r, ink, x, y, side / 3)
        sheet = np.full((height, width), r.randint(180, 255), np.uint8)
        sheet = (sheet * (1 - ink / 255 * r.uniform(0.4, 1.0))).astype(np.uint8)
        corners = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]) + rng.uniform(-0.08, 0.08, (4, 2))
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [(corners * (width, height)).astype(np.int32)], 255, cv2.LINE_AA)
        cv2.copyTo(sheet, mask, picture)
    return degrade(rng, picture)


def no_bills(pictures: Iterable[np.ndarray], workers: Sequence[Worker], folder: Path) -> dict[str, Any]:
    """``pictures``, and engine to the lines found: on how many pictures any, on average, at most."""
    found: dict[str, list[int]] = {worker.engine: [] for worker in workers}
    refused = dict.fromkeys(found, 0)
    for picture in pictures:
        path = folder / "picture.png"
        cv2.imwrite(str(path), picture)
        for worker in workers:
            answer = worker.read(path)
            refused[worker.engine] += "error" in answer
            found[worker.engine].append(len(answer.get("lines", ())))
    return {
        "pictures": len(next(iter(found.values()))),
        "engines": {
            engine: {
                "with_lines": sum(lines > 0 for lines in given),
                "mean_lines": float(np.mean(given)),
                "most_lines": max(given),
                "refused": refused[engine],
            }
            for engine, given in found.items()
        },
    }


def as_markdown(report: Mapping[str, Any]) -> str:
    parts = [f"{report['bills']} bills of {report['pack']}, {heading(report)}"]
    head = ["bills", "reader", "word F1", "CER", "words a bill", "wrong words a bill", "refused", "s", "peak MB"]
    rows = [
        [
            row["input"],
            LABELS[engine],
            *(f"{figures[key]:.3f}" for key in ("word_f1", "cer")),
            *(f"{figures[key]:.1f}" for key in ("words", "wrong_words")),
            f"{figures['refused']}",
            f"{figures['seconds']:.2f}",
            f"{figures['peak_mb']:.0f}",
        ]
        for row in report["bills_changed"]
        for engine, figures in row["engines"].items()
    ]
    parts.append(table(head, rows))
    head = ["no bill", "reader", "pictures", "with any line", "lines a picture", "most lines", "refused"]
    rows = [
        [
            row["input"],
            LABELS[engine],
            f"{row['pictures']}",
            f"{figures['with_lines']}",
            f"{figures['mean_lines']:.2f}",
            f"{figures['most_lines']}",
            f"{figures['refused']}",
        ]
        for row in report["no_bills"]
        for engine, figures in row["engines"].items()
    ]
    parts.append(table(head, rows))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
