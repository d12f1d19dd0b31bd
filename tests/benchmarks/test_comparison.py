"""Where a benchmark could mislead: who reads when, what a ratio means, whose boxes are measured."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.benchmarks.bench_reading import as_markdown
from tests.benchmarks.comparison import chosen, in_turn
from tests.benchmarks.engines import NotInstalled, Worker, lines_of_tsv
from tests.ocr import rendered


def test_every_reader_reads_a_bill_before_anybody_reads_the_next_and_each_is_first_at_times() -> None:
    turns = list(in_turn([f"bill {number}" for number in range(40)], ["a", "b", "c"]))
    assert [bill for bill, _ in turns] == [f"bill {number}" for number in range(40)]
    assert all(sorted(order) == ["a", "b", "c"] for _, order in turns)
    firsts = [order[0] for _, order in turns]
    assert min(firsts.count(name) for name in "abc") >= 8


def test_the_chosen_bills_are_the_same_every_time_and_spread_over_the_pack() -> None:
    truths = {f"{number:03}": number for number in range(70)}
    assert list(chosen(truths, 7)) == ["000", "010", "020", "030", "040", "050", "060"]
    assert chosen(truths, None) == chosen(truths, 700) == truths


def test_ratios_below_one_mean_that_ours_is_faster_and_smaller() -> None:
    def engine(f1: float, seconds: float, peak: float) -> dict:
        times = {"start": 1.0, "seconds": [seconds, seconds, 90.0], "cpu_seconds": [seconds, seconds, 90.0]}
        rest = {"group_f1": None, "line_f": 0.9, "fields_f1": None}
        return {"word_f1": f1, "cer": 0.02, "peak_mb": peak, "times": {"2": times}, **rest}

    report = {
        **dict.fromkeys(("pack", "group", "date", "machine", "command"), ""),
        **dict.fromkeys(("load_average", "load_average_after"), 0.0),
        "bills": 3,
        "missing": {},
        "instructions": [],
        "engines": {"billocr": engine(0.95, 0.2, 200), "ppocrv6-tiny": engine(0.80, 0.4, 400)},
    }
    against = next(line for line in as_markdown(report).splitlines() if "+0.150" in line)
    assert against.startswith("| PP-OCRv6 tiny")
    assert against.count("0.50x") == 3  # time, CPU time and memory; a bill that took long does not count
    assert "1.00x" in against  # CER


def test_tesseracts_rows_are_cut_where_the_annotations_cut_them() -> None:
    head = "level page_num block_num par_num line_num word_num left top width height conf text"
    rows = ["4 1 1 1 1 0 10 10 290 20 -1 ", "5 1 1 1 1 1 10 10 40 20 96 Grand", "5 1 1 1 1 2 56 11 44 20 96 total"]
    rows += ["5 1 1 1 1 3 250 10 50 20 91 12.50", "5 1 1 1 2 1 10 50 40 20 91 Thanks", "5 1 1 1 2 2 55 50 9 20 91  "]
    lines = lines_of_tsv("\n".join(row.replace(" ", "\t", 11) for row in [head, *rows]))
    assert [line["text"] for line in lines] == ["Grand total", "12.50", "Thanks"]
    assert lines[0]["polygon"] == [[10, 10], [100, 10], [100, 31], [10, 31]]


def test_a_reader_answers_from_its_own_process_with_its_own_time_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "bill.png"
    cv2.imwrite(str(path), rendered.bill()[0])
    ballast = np.ones(400_000_000, np.uint8)  # what this process holds is none of the reader's
    with Worker("billocr") as worker:
        answer = worker.read(path)
        refused = worker.read(Path(__file__))
    assert ballast.all()
    assert "TOTAL" in " ".join(line["text"].upper() for line in answer["lines"])
    assert answer["cpu_seconds"] > 0
    assert answer["seconds"] > 0
    assert 50 < answer["rss_mb"] <= answer["peak_mb"] < 400
    assert refused["error"]
    assert "lines" not in refused


def test_a_reader_that_is_not_installed_says_so() -> None:
    try:
        import faster_paddle  # noqa: F401
    except ImportError:
        with pytest.raises(NotInstalled, match="faster_paddle"):
            Worker("ppocrv6-tiny")
    else:
        pytest.skip("faster-paddle is installed here")


def test_what_is_read_on_a_turned_bill_is_measured_on_the_bill_as_it_was() -> None:
    from tests.benchmarks.bench_robustness import CHANGES, turned_back

    page = np.full((120, 80, 3), 255, np.uint8)
    page[20:30, 10:50] = 0
    box = [[10.0, 20.0], [50.0, 20.0], [50.0, 30.0], [10.0, 30.0]]
    for name, change in CHANGES.items():
        picture, back = change(page)
        dark = picture[..., 0] > 127 if "exchanged" in name else picture[..., 0] < 128
        ys, xs = np.nonzero(dark)
        seen = [[xs.min(), ys.min()], [xs.max() + 1, ys.min()], [xs.max() + 1, ys.max() + 1], [xs.min(), ys.max() + 1]]
        (line,) = turned_back({"lines": [{"polygon": seen}]}, back)["lines"]
        assert np.sort(np.array(line["polygon"]), 0) == pytest.approx(np.sort(np.array(box), 0), abs=1.0), name
