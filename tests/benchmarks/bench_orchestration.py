"""What Dagster adds to reading: ``python -m tests.benchmarks.bench_orchestration [FOLDER]``.

Starts an installation of its own as ``make run`` does, without the UI, and measures

* one bill: seconds from the upload to its result in the database, median, and its ratio to the bare reading;
* a burst: seconds until all of many bills uploaded at once are read;
* a backfill: seconds that the runs took beyond the bare reading, relative to it.

The bare reading is :func:`billocr_assets.ocr.pipeline.read_bill` and the fields, one bill after the other in this
process, measured before and after, since the machine's other work weighs on everything alike.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import dagster as dg
from dagster import RunsFilter
from dagster._core.execution.backfill import PartitionBackfill

from billocr_assets.assets.stage import STAGES
from billocr_assets.definitions import defs
from billocr_assets.fields.extract import extract_fields
from billocr_assets.ocr.models import load_models
from billocr_assets.ocr.pipeline import read_bill
from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import list_bills, local_user, register_upload
from billocr_assets.store.reading import sync_shipped_models
from tests.processes import Dagster
from tests.readings import bill_picture

PICTURES = (".jpg", ".jpeg", ".png")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="pictures of bills; generated ones if left out")
    parser.add_argument("--singles", type=int, default=9)
    parser.add_argument("--burst", type=int, default=50)
    parser.add_argument("--backfill", type=int, default=200)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the processes below are ended
    pictures = _pictures(options.folder, max(options.burst, 25))
    with tempfile.TemporaryDirectory(prefix="billocr-bench-") as folder:
        settings = Settings(home=Path(folder))
        store = open_store(settings)
        store.database.migrate()
        sync_shipped_models(store)
        os.environ["BILLOCR_HOME"] = folder
        before = _bare(pictures)
        with Dagster(settings), dg.DagsterInstance.get() as instance:
            _until_read(store, _upload(store, pictures[:1]))  # the code server is up from here on
            singles = [_single(store, each) for each in islice(cycle(pictures), options.singles)]
            print(f"one bill: {statistics.median(singles):.2f} s; bare: {before:.3f} s", file=sys.stderr)
            burst = _until_read(store, _upload(store, list(islice(cycle(pictures), options.burst))))
            print(f"{options.burst} bills: {burst:.1f} s", file=sys.stderr)
            missing = options.backfill - list_bills(store, local_user(store), limit=1).total
            _until_read(store, _upload(store, list(islice(cycle(pictures), max(0, missing)))))
            runs, seconds = _backfill(instance, options.backfill)
        bare = statistics.fmean([before, _bare(pictures)])
    single = statistics.median(singles)
    report = {
        "bare_seconds_a_bill": round(bare, 3),
        "one_bill_median_seconds": round(single, 2),
        "one_bill_all_seconds": [round(each, 2) for each in singles],
        "one_bill_to_bare": round(single / bare, 1),
        "burst_bills": options.burst,
        "burst_seconds": round(burst, 1),
        "burst_to_bare": round(burst / (bare * options.burst), 2),
        "backfill_bills": options.backfill,
        "backfill_runs": runs,
        "backfill_run_seconds": round(seconds, 1),
        "backfill_orchestration_to_reading": round(seconds / (bare * options.backfill) - 1, 2),
        "load_average": os.getloadavg()[0],
    }
    json.dump(report, sys.stdout, indent=2)
    print()


def _pictures(folder: Path | None, count: int) -> list[bytes]:
    if folder:
        paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURES]
        return [path.read_bytes() for path in paths[:count]]
    return [bill_picture(number) for number in range(count)]


def _bare(pictures: Sequence[bytes]) -> float:
    models = load_models()
    extract_fields(read_bill(pictures[0], models))
    began = time.perf_counter()
    for data in pictures[:25]:
        extract_fields(read_bill(data, models))
    return (time.perf_counter() - began) / len(pictures[:25])


def _upload(store: Store, pictures: Sequence[bytes]) -> set[str]:
    user = local_user(store)
    return {register_upload(store, user, "bill.png", data, keep_duplicate=True).id for data in pictures}


def _single(store: Store, picture: bytes) -> float:
    # People upload at any moment between two looks of the inbox, five seconds apart; without the pause every upload
    # would come at the same moment after the last.
    time.sleep(random.uniform(0, 5))
    return _until_read(store, _upload(store, [picture]))


def _until_read(store: Store, bills: set[str]) -> float:
    """Seconds until none of the bills, which were uploaded just now, is unread."""
    began, user = time.perf_counter(), local_user(store)
    while bills:
        ended = [bill.id for bill in list_bills(store, user, limit=1000).bills if bill.status in ("read", "failed")]
        bills = bills - set(ended)
        time.sleep(0.05)
    return time.perf_counter() - began


def _backfill(instance: dg.DagsterInstance, count: int) -> tuple[int, float]:
    """Runs of a backfill of so many bills as Dagster's pages would start it, and the seconds they took together."""
    instance.add_backfill(
        PartitionBackfill.from_asset_partitions(
            asset_graph=defs.resolve_asset_graph(),
            backfill_id="bench",
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=instance,
            partition_names=list(instance.get_dynamic_partitions("bills"))[:count],
            asset_selection=[dg.AssetKey(stage) for stage in STAGES],
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
    )
    while not (backfill := instance.get_backfill("bench")) or backfill.status.value in ("REQUESTED", "COMPLETING"):
        time.sleep(0.5)
    records = instance.get_run_records(RunsFilter(tags={"dagster/backfill": "bench"}))
    while not all(record.dagster_run.is_finished for record in records):
        time.sleep(0.5)
        records = instance.get_run_records(RunsFilter(tags={"dagster/backfill": "bench"}))
    # A run begins when it leaves the queue: its process starts on its own time.
    seconds = 0.0
    for record in records:
        events = instance.all_logs(record.dagster_run.run_id, of_type=dg.DagsterEventType.RUN_STARTING)
        seconds += (record.end_time or 0) - events[0].timestamp
    return len(records), seconds


if __name__ == "__main__":
    main()
