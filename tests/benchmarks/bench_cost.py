"""What reading costs, and what saves it: ``python -m tests.benchmarks.bench_cost PACK``.

Three tables, each with its figures measured side by side in one run:

* cost against page size, beside the other readers that are installed: the same print as a short, usual and long bill,
  on an A4 sheet and 8,000 pixels high;
* cost against the number of bills that one run reads, whose lines are recognised together;
* what the three plans bring: input batching, line detection in parallel stages, optimised image processing; and what
  OpenVINO brings where it is installed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from billocr_assets import evaluation
from billocr_assets.ocr import pipeline
from billocr_assets.ocr.detection import find_lines
from billocr_assets.ocr.document import Document
from billocr_assets.ocr.engine import RuntimeMissing
from billocr_assets.ocr.models import Models, load_models
from billocr_assets.ocr.pages import load_pages
from billocr_assets.ocr.pipeline import POOL, read_bill, read_bills, upright_page
from billocr_assets.ocr.preprocessing import even_light, look_at, prepare_page
from billocr_assets.ocr.segmentation import pad_crops, segment_lines
from billocr_assets.ocr.stages import PreparedPage
from tests.benchmarks.comparison import chosen, circumstances, heading, in_turn, ratio, table, write
from tests.benchmarks.engines import LABELS, NotInstalled, Worker

ENGINES = ("billocr", "ppocrv6-small", "ppocrv6-tiny")
BATCHES = (1, 2, 4, 8, 16, 32)
A4 = (2480, 3508)
LARGEST = 8000


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path, help="folder with an annotated NAME.json beside each picture")
    parser.add_argument("--engines", default=",".join(ENGINES), help="for the page sizes; default: %(default)s")
    parser.add_argument("--sizes", type=int, default=3, help="bills that are made short, long, ...; default: 3")
    parser.add_argument("--bills", type=int, default=max(BATCHES), help="for the other tables; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="of the other tables; default: 3")
    parser.add_argument("--models", type=Path, help="networks of ours instead of the shipped ones")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="default: %(default)s")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    truths = evaluation.matching(evaluation.read_folder(options.pack), [])
    pictures = [options.pack / str(bill["image"]) for bill in chosen(truths, options.bills).values()]
    report: dict[str, Any] = {**circumstances(), "pack": options.pack.name}
    report["page_size"] = page_sizes(options.pack, truths, options.sizes, options.engines.split(","), options.models)
    prepared = Prepared(pictures, load_models(options.models))
    report["batch_size"] = batch_sizes(prepared, options.rounds)
    try:
        openvino = load_models(options.models, runtime="openvino")
    except RuntimeMissing as error:
        print(error, file=sys.stderr)
        openvino = None
    report["plans"] = plans(prepared, load_models(options.models, 2), openvino, options.rounds)
    report["load_average_after"] = os.getloadavg()[0]
    write(report, as_markdown(report), options.out, f"cost-{options.pack.name}")


# ----------------------------------------------------------------------------------------------------------- page size


def page_sizes(
    pack: Path, truths: Mapping[str, Any], count: int, engines: Sequence[str], models: Path | None
) -> list[dict[str, Any]]:
    """A row a size: its median megapixels and lines, and engine to median ``seconds``, ``cpu_seconds``, ``peak_mb``."""
    by_lines = sorted(truths, key=lambda name: len(truths[name]["lines"]))
    middle = by_lines[(len(by_lines) - count) // 2 :][:count]
    rows = []
    with tempfile.TemporaryDirectory(prefix="billocr-bench-") as folder, ExitStack() as stack:
        workers = []
        for engine in engines:
            try:
                workers.append(stack.enter_context(Worker(engine, 1, models)))
            except NotInstalled as error:
                print(f"{LABELS[engine]} is not installed: {error}", file=sys.stderr)
        for worker in workers:
            worker.read(pack / truths[middle[0]]["image"])
        for size in ("short", "usual", "long", "A4", "8,000 px"):
            paths, megapixels = {}, []
            for name in middle:
                page = resized(cv2.imread(str(pack / truths[name]["image"])), size)
                paths[name] = Path(folder) / f"{size}-{name}.jpg"
                cv2.imwrite(str(paths[name]), page, (cv2.IMWRITE_JPEG_QUALITY, 85))
                megapixels.append(page.shape[0] * page.shape[1] / 1e6)
            answers: dict[str, list[dict[str, Any]]] = {worker.engine: [] for worker in workers}
            for name, order in in_turn(list(paths), workers):
                for worker in order:
                    answers[worker.engine].append(worker.read(paths[name]))
            read = {
                engine: {key: statistics.median(a[key] for a in given) for key in ("seconds", "cpu_seconds", "peak_mb")}
                for engine, given in answers.items()
            }
            lines = statistics.median(len(a.get("lines", ())) for a in next(iter(answers.values())))
            rows.append({"size": size, "megapixels": statistics.median(megapixels), "lines": lines, "engines": read})
            print(f"{size} read", file=sys.stderr)
    return rows


def resized(page: np.ndarray, size: str) -> np.ndarray:
    """A bill (H, W, 3) as it would be in another size."""
    height, width = page.shape[:2]
    match size:
        case "short":
            return page[: height // 3]
        case "long":
            return np.concatenate([page] * 3)
        case "A4":  # two columns of print
            scale = min(0.47 * A4[0] / width, 0.96 * A4[1] / height)
            column = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            sheet = np.full((A4[1], A4[0], 3), 255, np.uint8)
            for x in (0.02, 0.51):
                left, top = round(x * A4[0]), round(0.02 * A4[1])
                sheet[top : top + column.shape[0], left : left + column.shape[1]] = column
            return sheet
        case "8,000 px":
            scale = LARGEST / max(height, width)
            return cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return page


# --------------------------------------------------------------------------------------------- batch size and the plans


class Prepared:
    """Bills as far as their lines' crops, and the seconds that this took a bill."""

    def __init__(self, pictures: Sequence[Path], models: Models) -> None:
        self.models = models
        self.files = [path.read_bytes() for path in pictures]
        self.crops: list[list[np.ndarray]] = []
        self.pages: list[PreparedPage] = []
        taken = []
        for data in self.files:
            began = time.perf_counter()
            page = upright_page(load_pages(data, grey=True)[0], models)
            segments = segment_lines(page, find_lines(page, models.line_detector), models.line_segmenter)
            taken.append(time.perf_counter() - began)
            self.pages.append(page)
            self.crops.append([segment.crop for segment in segments])
        self.seconds = statistics.median(taken)


def batch_sizes(prepared: Prepared, rounds: int) -> list[dict[str, float]]:
    """A row a number of bills read together: seconds a bill of recognition, of the whole, and of it with the start."""
    bills = prepared.crops
    sizes = [size for size in BATCHES if size <= len(bills)]

    def reading(size: int) -> Callable[[], None]:
        def read() -> None:
            for batch in _groups(bills, size):
                prepared.models.line_recogniser.recognise([crop for bill in batch for crop in bill])

        return read

    times = alternately({str(size): reading(size) for size in sizes}, rounds)
    start = _start()
    return [
        {
            "bills": size,
            "recognition": (each := statistics.median(times[str(size)]) / len(bills)),
            "whole": prepared.seconds + each,
            "with_start": prepared.seconds + each + start / size,
        }
        for size in sizes
    ]


def _start() -> float:
    """Seconds until a new process has loaded the networks and could begin."""
    code = "from billocr_assets.fields import extract_fields\nimport billocr_assets.ocr.pipeline\n"
    code += "from billocr_assets.ocr.models import load_models\nload_models()"
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def plans(prepared: Prepared, two_threads: Models, openvino: Models | None, rounds: int) -> list[dict[str, Any]]:
    """A row a plan: what is done ``without`` and ``with`` it, and the seconds a bill of both.

    Args:
        two_threads: the networks of ``prepared``, loaded for two threads; ``openvino``, on that runtime.
    """
    models, crops, pages = prepared.models, prepared.crops, prepared.pages
    recogniser = models.line_recogniser
    pools = list(_groups(crops, POOL))
    largest = [_enlarged(data) for data in prepared.files[:3]]
    looks: dict[bytes, Any] = {}
    for data in [*prepared.files, *largest]:
        looks[data] = look_at(load_pages(data, grey=True)[0], models.line_detector)

    def product(data: bytes) -> None:
        page = load_pages(data, grey=True)[0]
        prepare_page(page, models.line_detector, look=looks[data])

    targets = {
        data: prepare_page(load_pages(data, grey=True)[0], models.line_detector, look=looks[data]) for data in looks
    }

    # The last two numbers: calls, and the bills that they read in all.
    compared: list[tuple[str, str, str, Callable[[int], object], Callable[[int], object], int, int]] = [
        (
            "input batching",
            "batches of six lines of a bill, padded to the widest, at least 213 px",
            "lines of a bill together, each padded by its own width",
            lambda i: [recogniser.recognise(six) for six in _usual_batches(crops[i])],
            lambda i: recogniser.recognise(crops[i]),
            len(crops),
            len(crops),
        ),
        (
            "input batching",
            "lines of a bill together",
            f"lines of {POOL} bills together",
            lambda i: [recogniser.recognise(bill) for bill in pools[i]],
            lambda i: recogniser.recognise([crop for bill in pools[i] for crop in bill]),
            len(pools),
            len(crops),
        ),
        *(
            (
                "line detection in parallel stages",
                f"one bill after the other, {threads}",
                "a thread finds the lines of the next bills while those of the last are read",
                lambda _, loaded=loaded: list(read_bills([partial(bytes, data) for data in prepared.files], loaded)),
                lambda _: in_two_stages(prepared.files, models),
                1,
                len(prepared.files),
            )
            for threads, loaded in (("one thread", models), ("two threads in each stage", two_threads))
        ),
        (
            "line detection on two threads",
            "on one thread",
            "on two threads",
            lambda i: find_lines(pages[i], models.line_detector),
            lambda i: find_lines(pages[i], two_threads.line_detector),
            len(pages),
            len(pages),
        ),
        (
            "recognition on two threads",
            "on one thread",
            "on two threads",
            lambda i: recogniser.recognise(crops[i]),
            lambda i: two_threads.line_recogniser.recognise(crops[i]),
            len(crops),
            len(crops),
        ),
        (
            "a whole bill on two threads",
            "on one thread",
            "on two threads",
            lambda i: read_bill(prepared.files[i], models),
            lambda i: read_bill(prepared.files[i], two_threads),
            len(prepared.files),
            len(prepared.files),
        ),
        (
            "image processing, bills as they are",
            "colour decoding; perspective, skew, light and scale one after the other",
            "grey decoding, one homography, light on the result",
            lambda i: naive_chain(prepared.files[i], targets[prepared.files[i]]),
            lambda i: product(prepared.files[i]),
            len(prepared.files),
            len(prepared.files),
        ),
        (
            f"image processing, {LARGEST:,} px",
            "the same",
            "the same, detail left out while decoding",
            lambda i: naive_chain(largest[i], targets[largest[i]]),
            lambda i: product(largest[i]),
            len(largest),
            len(largest),
        ),
    ]
    if openvino is not None:
        for plan, work in (
            ("OpenVINO, line detection", lambda models, i: find_lines(pages[i], models.line_detector)),
            ("OpenVINO, recognition", lambda models, i: models.line_recogniser.recognise(crops[i])),
            ("OpenVINO, a whole bill", lambda models, i: read_bill(prepared.files[i], models)),
        ):
            pair = partial(work, models), partial(work, openvino)
            compared.append((plan, "on onnxruntime", "on OpenVINO", *pair, len(pages), len(pages)))
    rows = []
    for plan, without, with_it, slow, fast, calls, bills in compared:
        times: dict[str, list[float]] = {"without": [], "with": []}
        for i in range(calls):
            taken = alternately({"without": partial(slow, i), "with": partial(fast, i)}, rounds)
            for key, values in taken.items():
                times[key].append(statistics.median(values))
        seconds = {key: sum(values) / bills for key, values in times.items()}
        rows.append({"plan": plan, "without": without, "with": with_it, "seconds": seconds})
        print(f"{plan}: {seconds['without'] / seconds['with']:.2f}x", file=sys.stderr)
    return rows


def in_two_stages(files: Sequence[bytes], models: Models) -> list[Document | Exception]:
    """What :func:`read_bills` gives, but a thread finds the lines of the next bills while those of the last are read.

    The product does not: with both at once its peak memory is half as much again.
    """
    pools = pipeline._pools([partial(bytes, data) for data in files], models)
    documents: list[Document | Exception] = []
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(next, pools, None)
        while pool := coming.result():
            coming = beside.submit(next, pools, None)
            documents += pipeline._finished(pool, models)
    return documents


def alternately(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every piece of work in every round; in a round each is done once, in an order that changes."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _, order in in_turn([str(number) for number in range(rounds)], list(work)):
        for name in order:
            began = time.perf_counter()
            work[name]()
            times[name].append(time.perf_counter() - began)
    return times


def _groups(bills: Sequence[list[np.ndarray]], size: int) -> Iterator[Sequence[list[np.ndarray]]]:
    return (bills[i : i + size] for i in range(0, len(bills), size))


def _usual_batches(crops: Sequence[np.ndarray], size: int = 6, floor: int = 213) -> Iterable[list[np.ndarray]]:
    """As PP-OCR's pipelines batch: sorted by width, six at a time, padded to the widest; at 48 px height, to 320 px."""
    ordered = sorted(crops, key=lambda crop: crop.shape[1])
    for batch in (ordered[i : i + size] for i in range(0, len(ordered), size)):
        width = max(floor, batch[-1].shape[1])
        yield list(pad_crops([*batch, np.zeros((batch[0].shape[0], width), np.uint8)])[:-1, 0])


def naive_chain(data: bytes, target: PreparedPage) -> np.ndarray:
    """The prepared page as a straightforward program makes it, step by step at the picture's full size."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    height, width = target.image.shape
    corners = cv2.perspectiveTransform(
        np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64), target.to_upload
    )[0]
    full = float(np.linalg.norm(corners[1] - corners[0])) / width
    size = max(1, round(width * full)), max(1, round(height * full))
    upright = np.diag([full, full, 1.0]) @ np.linalg.inv(target.to_upload)
    centre = size[0] / 2, size[1] / 2
    tilt = np.vstack([cv2.getRotationMatrix2D(centre, target.quality.skew_degrees, 1.0), [0, 0, 1]])
    flat = cv2.warpPerspective(grey, tilt @ upright, size, borderMode=cv2.BORDER_REPLICATE)
    straight = cv2.warpAffine(flat, np.linalg.inv(tilt)[:2], size, borderMode=cv2.BORDER_REPLICATE)
    made = cv2.resize(even_light(straight), (width, height), interpolation=cv2.INTER_AREA)
    # The product's figures of quality are a third of its work on a bill; without them here nothing could be compared.
    cv2.Laplacian(made, cv2.CV_32F).var()
    np.percentile(made[:: max(1, height // 512)], (5, 50, 95))
    return made


def _enlarged(data: bytes) -> bytes:
    page = resized(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), "8,000 px")
    return cv2.imencode(".jpg", page, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()


def as_markdown(report: Mapping[str, Any]) -> str:
    parts = [heading(report)]
    sizes = report["page_size"]
    engines = list(sizes[0]["engines"])
    head = ["page, one thread", "Mpx", "lines", *(f"{LABELS[engine]}, s" for engine in engines)]
    head += [f"us to {LABELS[engine]}" for engine in engines[1:]] + [f"{LABELS[engine]}, MB" for engine in engines]
    rows = []
    for row in sizes:
        read = row["engines"]
        seconds = [read[engine]["seconds"] for engine in engines]
        rows.append(
            [
                row["size"],
                f"{row['megapixels']:.1f}",
                f"{row['lines']:.0f}",
                *(f"{value:.2f}" for value in seconds),
                *(f"{ratio(seconds[0], value):.2f}x" for value in seconds[1:]),
                *(f"{read[engine]['peak_mb']:.0f}" for engine in engines),
            ]
        )
    parts.append(table(head, rows))
    head = ["bills a run, one thread", "recognition, ms a bill", "whole, ms", "with the start of the process, ms"]
    rows = [
        [str(row["bills"]), *(f"{1000 * row[key]:.0f}" for key in ("recognition", "whole", "with_start"))]
        for row in report["batch_size"]
    ]
    parts.append(table(head, rows))
    rows = [
        [
            row["plan"],
            row["without"],
            row["with"],
            *(f"{1000 * row['seconds'][key]:.1f}" for key in ("without", "with")),
            f"{ratio(row['seconds']['without'], row['seconds']['with']):.2f}x",
        ]
        for row in report["plans"]
    ]
    parts.append(table(["plan", "without", "with", "ms without", "ms with", "gain"], rows))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
