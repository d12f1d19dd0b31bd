"""Bill OCR beside every other reader that is installed: ``python -m tests.benchmarks.bench_reading PACK``.

All read the same bills in the same run, bill by bill in turn, each in a process of its own (:mod:`.engines`), first
with two threads and processors, then with one. Prints a table and writes it to ``--out``, with a JSON of every figure
and a picture. ``make bench PACK=FOLDER`` installs the others first.

A bill's time is from the path to the text and, for Bill OCR, the fields; starting the engine is apart, but for
Tesseract, which is started anew for every bill. Accuracy is :mod:`billocr_assets.evaluation`'s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from billocr_assets import evaluation
from tests.benchmarks.comparison import chosen, circumstances, heading, in_turn, ratio, table, write
from tests.benchmarks.engines import ENGINES, LABELS, NotInstalled, Worker

OURS = "billocr"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path, help="folder with an annotated NAME.json beside each picture")
    parser.add_argument("--bills", type=int, help="so many of the pack's, evenly over their names; all if left out")
    parser.add_argument("--engines", default=",".join(ENGINES), help="default: %(default)s")
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1], help="default: 2 1")
    parser.add_argument("--group", metavar="KEY=VALUE", help="word F1 of the bills with this value beside that of all")
    parser.add_argument("--models", type=Path, help="networks of ours instead of the shipped ones")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="default: %(default)s")
    options = parser.parse_args(arguments)
    truths = chosen(evaluation.matching(evaluation.read_folder(options.pack), []), options.bills)
    report = {**circumstances(), "pack": options.pack.name, "bills": len(truths), "group": options.group}
    engines, missing = read_pack(options.pack, truths, options.engines.split(","), options.threads, options.models)
    for result in engines.values():
        result.update(accuracy(truths, result.pop("predictions"), options.group))
    report |= {"engines": engines, "missing": missing, "load_average_after": os.getloadavg()[0]}
    name = f"reading-{options.pack.name}"
    write(report, as_markdown(report), options.out, name)
    plot(report, options.out / f"{name}.svg")


def read_pack(
    pack: Path, truths: Mapping[str, Any], engines: Sequence[str], threads: Sequence[int], models: Path | None = None
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Engine to its version, ``predictions`` (name to what it read), ``times`` and memory; and who is missing, and why.

    ``times`` maps a number of threads (as text) to lists ``seconds`` and ``cpu_seconds``, in the order of the bills.
    Predictions are those with the first number of threads.
    """
    language = next((str(truth["language"]) for truth in truths.values() if truth.get("language")), "en")
    results: dict[str, dict[str, Any]] = {}
    missing: dict[str, str] = {}
    for count in threads:
        with ExitStack() as stack:
            workers = []
            for engine in engines:
                try:
                    workers.append(stack.enter_context(Worker(engine, count, models, language)))
                except NotInstalled as error:
                    missing[engine] = str(error)
            first = next(iter(truths.values()))
            for worker in workers:
                started = {"version": worker.version, "predictions": {}, "times": {}, "peak_mb": 0.0}
                result = results.setdefault(worker.engine, started)
                result["times"][str(count)] = {"start": worker.started, "seconds": [], "cpu_seconds": []}
                worker.read(pack / first["image"])  # what is done once at the first picture is no part of a bill's time
            for number, (name, order) in enumerate(in_turn(list(truths), workers), 1):
                for worker in order:
                    answer, result = worker.read(pack / truths[name]["image"]), results[worker.engine]
                    times = result["times"][str(count)]
                    times["seconds"].append(answer.pop("seconds"))
                    times["cpu_seconds"].append(answer.pop("cpu_seconds"))
                    result["predictions"].setdefault(name, answer)
                print(f"\r{count} threads: {number} of {len(truths)} bills", end="", file=sys.stderr)
            for worker in workers:
                result = results[worker.engine]
                result["peak_mb"] = max(result["peak_mb"], worker.peak_mb)
            print(file=sys.stderr)
    return results, missing


def accuracy(truths: Mapping[str, Any], predictions: Mapping[str, Any], group: str | None) -> dict[str, float | None]:
    """The figures of the table; ``fields_f1`` is None for an engine that finds none, ``group_f1`` without a group."""
    measures = evaluation.measure(truths, predictions)
    finds_fields = any(prediction.get("fields") for prediction in predictions.values())
    part = None
    if group:
        key, _, value = group.partition("=")
        members = evaluation.matching(truths, [(key, value)])
        part = evaluation.measure(members, predictions)["words_ci"]["f"]
    return {
        "word_f1": measures["words_ci"]["f"],
        "group_f1": part,
        "cer": measures["e2e_cer_ci"],
        "line_f": measures["det_iou50"]["f"],
        "cover_f": measures["cover"]["f"],
        "fields_f1": measures["fields"]["micro_value"]["f"] if finds_fields and measures["fields"] else None,
    }


def median(result: Mapping[str, Any], threads: int, kind: str = "seconds") -> float:
    """Of an engine's times over the bills."""
    return statistics.median(result["times"][str(threads)][kind])


def as_markdown(report: Mapping[str, Any]) -> str:
    engines: Mapping[str, Any] = report["engines"]
    threads = [int(count) for count in next(iter(engines.values()))["times"]]
    each = [f"{count} thread{'s' * (count > 1)}" for count in threads]
    group = [f"word F1, {report['group']}"] if report["group"] else []
    head = ["reader", "word F1", *group, "CER", "line F", "fields F1"]
    head += [*(f"s a bill, {one}" for one in each), *(f"CPU s, {one}" for one in each), "peak MB"]
    rows = [
        [
            LABELS[name],
            _share(result["word_f1"]),
            *([_share(result["group_f1"])] if group else []),
            _share(result["cer"]),
            _share(result["line_f"]),
            _share(result["fields_f1"]),
            *(f"{median(result, count):.2f}" for count in threads),
            *(f"{median(result, count, 'cpu_seconds'):.2f}" for count in threads),
            f"{result['peak_mb']:.0f}",
        ]
        for name, result in engines.items()
    ]
    title = f"{report['bills']} bills of {report['pack']}, {heading(report)}"
    parts = [title, table(head, rows)]
    if OURS in engines and len(engines) > 1:
        ours = engines[OURS]
        rows = [
            [
                LABELS[name],
                f"{ours['word_f1'] - result['word_f1']:+.3f}",
                f"{ratio(ours['cer'], result['cer']):.2f}x",
                *(f"{ratio(median(ours, count), median(result, count)):.2f}x" for count in threads),
                *(
                    f"{ratio(median(ours, count, 'cpu_seconds'), median(result, count, 'cpu_seconds')):.2f}x"
                    for count in threads
                ),
                f"{ratio(ours['peak_mb'], result['peak_mb']):.2f}x",
            ]
            for name, result in engines.items()
            if name != OURS
        ]
        head = ["Bill OCR against", "word F1", "CER", *each, *(f"CPU, {one}" for one in each), "memory"]
        parts.append(table(head, rows))
    parts += [f"Not installed: {LABELS[name]} ({why})" for name, why in report["missing"].items()]
    return "\n\n".join(parts)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".removeprefix("0")


def plot(report: Mapping[str, Any], path: Path) -> None:
    """Word F1 over the seconds a bill: a dot an engine, filled for the most threads, hollow for the fewest."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    threads = sorted(int(count) for count in next(iter(report["engines"].values()))["times"])
    for name, result in report["engines"].items():
        colour = "#0b6e4f" if name == OURS else "#5f6b7a"
        fast, slow = (median(result, count) for count in (threads[-1], threads[0]))
        f1 = result["word_f1"]
        axes.plot([fast, slow], [f1, f1], color=colour, linewidth=1, zorder=1)
        axes.scatter([slow], [f1], s=44, facecolors="white", edgecolors=colour, zorder=2)
        axes.scatter([fast], [f1], s=60 if name == OURS else 44, color=colour, zorder=3)
        weight = "bold" if name == OURS else "normal"
        # Two readers of nearly the same accuracy: the lesser one's name goes below.
        crowded = any(0 < other["word_f1"] - f1 < 0.012 for other in report["engines"].values())
        place = {"xytext": (0, -16 if crowded else 8), "textcoords": "offset points", "weight": weight}
        place |= {"color": colour, "fontsize": 9}
        axes.annotate(LABELS[name], ((fast * slow) ** 0.5, f1), ha="center", **place)
    axes.set_xscale("log")
    axes.margins(x=0.22, y=0.16)
    ticks = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
    low, high = axes.get_xlim()
    axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    counts = f"{threads[-1]} threads (filled)" + (f", {threads[0]} (hollow)" if len(threads) > 1 else "")
    axes.set_xlabel(f"seconds a bill, median, {counts}")
    axes.set_ylabel("word F1")
    axes.set_title(f"{report['bills']} bills of {report['pack']}, {report['date']}", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    FigureCanvasSVG(figure).print_svg(str(path), metadata={"Date": None})


if __name__ == "__main__":
    main()
