"""What a worker holds on to: every bill has its own shapes, and none may leave anything behind."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.benchmarks.engines import Worker
from tests.ocr import rendered

# Every size comes twice before growth counts: a size that is new may need more room, and keeps it.
SIZES, WARM_UP, BILLS = 12, 24, 60
# MB by which the process may grow after the warm-up: 1.1 were measured, 2.6 more where the crops of all bills are kept.
GROWTH = 2.0


def test_a_process_that_reads_bills_of_many_sizes_does_not_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is freed goes back at once: else the allocator's own habits move the figure by ten MB either way.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "0")
    page, _ = rendered.bill()
    rng = np.random.default_rng(0)
    # The largest comes first: what it needs for a moment stays with the process.
    sizes = [(2.0, 1.0), *((rng.uniform(0.6, 2.0), rng.uniform(0.4, 1.0)) for _ in range(SIZES - 1))]
    rss = []
    with Worker("billocr") as worker:
        for number in range(BILLS):
            scale, height = sizes[number % SIZES]
            bill = page[: int(height * len(page))]
            path = tmp_path / f"{number}.png"
            cv2.imwrite(str(path), cv2.resize(bill, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
            answer = worker.read(path)
            assert answer["lines"]
            rss.append(answer["rss_mb"])
    before, after = max(rss[:WARM_UP]), rss[-1]
    assert after - before < GROWTH, f"{before:.0f} MB after {WARM_UP} bills, {after:.0f} MB after {BILLS}: {rss}"
