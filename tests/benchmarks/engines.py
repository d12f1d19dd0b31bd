"""The readers that are compared, each in a process of its own that answers bill by bill.

``python -m tests.benchmarks.engines ENGINE THREADS`` reads the path of a picture a line and answers each with a line of
JSON; :class:`Worker` is the other end. Memory and time are therefore the engine's own.
"""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billocr_assets.ocr.engine import Runtime

ROOT = Path(__file__).parent.parent.parent
CUT = 1.2

Lines = Sequence[Mapping[str, Any]]
Read = Callable[[Path], dict[str, Any]]


class NotInstalled(Exception):
    """The engine cannot run here; the message says what is missing."""


class Worker:
    """An engine in a process of its own, held to as many processors as it has threads.

    Args:
        engine: one of :data:`ENGINES`.
        threads: threads and processors that it may use.
        models: folder of networks for ``billocr`` instead of the shipped ones.
        language: of the bills, ISO 639-1, for engines that want to know.
        python: the interpreter that has the engine.

    Attributes:
        started: seconds until the engine was ready to read.
        version: of the engine.
        peak_mb: most memory so far, the start included.

    Raises:
        NotInstalled: the engine is missing.
    """

    def __init__(
        self, engine: str, threads: int = 1, models: Path | None = None, language: str = "en", python: str = ""
    ) -> None:
        options = {"models": str(models) if models else None, "language": language}
        command = [python or sys.executable, "-m", "tests.benchmarks.engines", engine, str(threads)]
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [*command, json.dumps(options)],
            cwd=ROOT,
            # Some libraries take their number of threads from here when they are loaded, and from nowhere else.
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_THREAD_LIMIT": str(threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.engine, self.threads, self.peak_mb = engine, threads, 0.0
        try:
            self.version = str(self._answer()["version"])
        except BaseException:
            self.close()
            raise
        self.started = time.perf_counter() - began

    def read(self, path: Path) -> dict[str, Any]:
        """What the engine makes of a picture.

        Returns:
            ``lines`` with ``text``, ``polygon`` and, where the engine tells, ``confidence``; ``fields`` where it finds
            any; ``error`` instead of both where it refuses; ``seconds`` (wall) and ``cpu_seconds`` (all threads) of the
            reading, ``rss_mb`` after it and ``peak_mb`` during it.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path.absolute()}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(30)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.engine} ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "missing" in answer:
            raise NotInstalled(answer["missing"])
        self.peak_mb = max(self.peak_mb, answer["peak_mb"])
        return answer


# ----------------------------------------------------------------------------------------- inside the engine's process


def _billocr(threads: int, options: Mapping[str, Any], runtime: Runtime = "onnxruntime") -> tuple[Read, str]:
    import cv2

    from billocr_assets.fields import extract_fields
    from billocr_assets.ocr.errors import BillError
    from billocr_assets.ocr.models import load_models
    from billocr_assets.ocr.pipeline import read_bill

    cv2.setNumThreads(threads)
    models = load_models(Path(options["models"]) if options["models"] else None, threads, runtime)

    def read(path: Path) -> dict[str, Any]:
        try:
            document = read_bill(path.read_bytes(), models)
        except BillError as error:
            return {"error": str(error)}
        lines = [{"text": line.text, "polygon": line.polygon, "confidence": line.confidence} for line in document.lines]
        return {"lines": lines, "fields": extract_fields(document).printed(), "stages": document.seconds}

    return read, ", ".join(f"{name} {version}" for name, version in models.versions.items())


def _faster_paddle(size: str, threads: int) -> tuple[Read, str]:
    import faster_paddle

    # The wheel carries the networks of these two sizes; nothing is fetched.
    engine = faster_paddle.OcrEngine(model_size=size, threads=threads)

    def read(path: Path) -> dict[str, Any]:
        lines = []
        for line in engine.ocr(path.read_bytes())["bounds"].values():
            (x0, y0), (x1, y1) = line["topLeftCoord"], line["bottomRightCoord"]
            box = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
            lines.append({"text": line["text"], "polygon": box, "confidence": line["confidence"]})
        return {"lines": lines}

    return read, f"faster-paddle {_installed('faster-paddle')}"


def _rapidocr(threads: int) -> tuple[Read, str]:
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(threads)
    one = "EngineConfig.onnxruntime"
    engine = RapidOCR(
        params={
            "Global.log_level": "error",
            f"{one}.intra_op_num_threads": threads,
            f"{one}.inter_op_num_threads": 1,
        }
    )

    def read(path: Path) -> dict[str, Any]:
        found = engine(path.read_bytes())
        if found.boxes is None:
            return {"lines": []}
        parts = zip(found.txts, found.boxes, found.scores, strict=True)
        return {
            "lines": [{"text": text, "polygon": box.tolist(), "confidence": float(score)} for text, box, score in parts]
        }

    return read, f"rapidocr {_installed('rapidocr')}"


def _tesseract(language: str) -> tuple[Read, str]:
    told = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    languages = {"de": "deu+eng"}.get(language, "eng")

    def read(path: Path) -> dict[str, Any]:
        # A process a bill, as nearly everybody runs it; --psm 4, a column of text, is its best mode for receipts.
        command = ["tesseract", str(path), "stdout", "-l", languages, "--psm", "4", "tsv"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"error": done.stderr.strip()}
        return {"lines": lines_of_tsv(done.stdout)}

    return read, told.stdout.splitlines()[0]


def lines_of_tsv(tsv: str) -> list[dict[str, Any]]:
    """Tesseract's lines, cut where a blank is wider than :data:`CUT` times the height of the words.

    A line of Tesseract's is a whole row; the annotations part label and amount. Uncut, its line F is .44 instead of
    .76, and nothing else changes.
    """
    pieces: list[list[tuple[int, int, int, int, str]]] = []
    line = None
    for row in csv.DictReader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] != "5" or not row["text"].strip():
            continue
        x, y, width, height = (int(row[part]) for part in ("left", "top", "width", "height"))
        key = [row[part] for part in ("page_num", "block_num", "par_num", "line_num")]
        if key != line or x - pieces[-1][-1][2] > CUT * height:
            pieces.append([])
        line = key
        pieces[-1].append((x, y, x + width, y + height, row["text"].strip()))
    lines = []
    for piece in pieces:
        lefts, tops, rights, bottoms, texts = zip(*piece, strict=True)
        x0, y0, x1, y1 = min(lefts), min(tops), max(rights), max(bottoms)
        lines.append({"text": " ".join(texts), "polygon": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]})
    return lines


ENGINES: dict[str, Callable[[int, Mapping[str, Any]], tuple[Read, str]]] = {
    "billocr": _billocr,
    "billocr-openvino": lambda threads, options: _billocr(threads, options, "openvino"),
    "ppocrv6-small": lambda threads, _: _faster_paddle("small", threads),
    "ppocrv6-tiny": lambda threads, _: _faster_paddle("tiny", threads),
    "rapidocr": lambda threads, _: _rapidocr(threads),
    "tesseract": lambda _, options: _tesseract(options["language"]),
}
"""Name to a function from the number of threads and the options to what reads a picture, and its version."""

LABELS = {
    "billocr": "Bill OCR",
    "billocr-openvino": "Bill OCR on OpenVINO",
    "ppocrv6-small": "PP-OCRv6 small (faster-paddle)",
    "ppocrv6-tiny": "PP-OCRv6 tiny (faster-paddle)",
    "rapidocr": "PP-OCRv6 small (rapidocr)",
    "tesseract": "Tesseract",
}


def _installed(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _cpu() -> float:
    """CPU seconds of this process and of those that it waited for."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def _memory() -> dict[str, float]:
    """``rss_mb`` now and ``peak_mb`` since :func:`_forget_peak`; the processes that it waited for count as well.

    Not ``ru_maxrss`` of this process: that begins with what the process that started it had.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    figures = {line.partition(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "rss_mb": round(int(figures["VmRSS"]) / 1024, 1),
        "peak_mb": round(max(int(figures["VmHWM"]), child) / 1024, 1),
    }


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def main(arguments: Sequence[str]) -> None:
    """Answers standard input until it ends."""
    engine, threads, options = arguments[0], int(arguments[1]), json.loads(arguments[2] if arguments[2:] else "{}")
    options = {"models": None, "language": "en", **options}
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    # Whatever a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        read, version = ENGINES[engine](threads, options)
    except (ImportError, FileNotFoundError) as error:
        print(json.dumps({"missing": str(error)}), file=answers)
        return
    print(json.dumps({"version": version, **_memory()}), file=answers)
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        _forget_peak()
        cpu, wall = _cpu(), time.perf_counter()
        found = read(path)
        found["seconds"], found["cpu_seconds"] = time.perf_counter() - wall, _cpu() - cpu
        print(json.dumps({**found, **_memory()}), file=answers)


if __name__ == "__main__":
    main(sys.argv[1:])
