"""Memory over many bills: ``python -m tests.benchmarks.bench_memory PACK [--bills 500]``.

One process reads the pack's pictures over and over, every time in another size, as a worker does that lives for days.
Prints its memory every ``--every`` bills; it should stay where the first hundred left it.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2

from billocr_assets import evaluation
from tests.benchmarks.comparison import circumstances, heading, table, write
from tests.benchmarks.engines import ENGINES, LABELS, Worker

SCALES = (0.5, 1.6)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path, help="folder with an annotated NAME.json beside each picture")
    parser.add_argument("--bills", type=int, default=500, help="default: 500")
    parser.add_argument("--every", type=int, default=50, help="default: 50")
    parser.add_argument("--engine", choices=list(ENGINES), default="billocr", help="default: billocr")
    parser.add_argument("--models", type=Path, help="networks of ours instead of the shipped ones")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="default: %(default)s")
    options = parser.parse_args(arguments)
    report = {**circumstances(), "pack": options.pack.name, "engine": options.engine}
    pictures = [
        options.pack / bill["image"] for bill in evaluation.matching(evaluation.read_folder(options.pack), []).values()
    ]
    measured: list[dict[str, float]] = []
    peak, refused = 0.0, 0
    with (
        tempfile.TemporaryDirectory(prefix="billocr-bench-") as folder,
        Worker(options.engine, 1, options.models) as worker,
    ):
        path = Path(folder) / "bill.jpg"
        for number in range(1, options.bills + 1):
            scale = random.Random(number).uniform(*SCALES)
            picture = cv2.imread(str(pictures[number % len(pictures)]))
            cv2.imwrite(str(path), cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
            answer = worker.read(path)
            peak = max(peak, answer["peak_mb"])
            refused += "error" in answer
            if number % options.every == 0:
                measured.append({"bills": number, "rss_mb": answer["rss_mb"], "peak_mb": peak})
                print(f"{number} bills: {answer['rss_mb']:.0f} MB", file=sys.stderr)
                peak = 0.0
    report |= {"measured": measured, "refused": refused, "load_average_after": os.getloadavg()[0]}
    rows = [[f"{row['bills']}", f"{row['rss_mb']:.0f}", f"{row['peak_mb']:.0f}"] for row in measured]
    text = f"{LABELS[options.engine]}, {options.bills} readings of {len(pictures)} bills, {heading(report)}\n\n"
    text += table(["bills", "MB afterwards", "most MB since the row above"], rows)
    write(report, text, options.out, f"memory-{options.engine}-{options.pack.name}")


if __name__ == "__main__":
    main()
