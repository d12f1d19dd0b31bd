"""What starts readings: the inbox, and the sweeper behind it. The watch on the registry of models. The housekeeper."""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

from billocr_assets.assets import promoted_models
from billocr_assets.assets.stage import ATTEMPTS_TAG
from billocr_assets.jobs import read_bills
from billocr_assets.partitions import bills
from billocr_assets.resources import StoreResource
from billocr_assets.settings import get_settings
from billocr_assets.store.accounts.removal import remove_expired
from billocr_assets.store.quotas import sweep as sweep_holds
from billocr_assets.store.reading import open_attempts_after, orphans, record_failure
from billocr_assets.store.schema import Attempt
from billocr_assets.store.trash import remove_objects, removed_after, sweep_trash

RESCUE_TAG = "billocr/rescue"
TRIES = 3
_TICK_LIMIT = 100
# So few bills are read soonest each in a run of its own.
_ALONE = 2
# People wait for a burst: it is cut smaller than a backfill, so that several runs read it side by side.
_BURST = 25
LIVE = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


@dg.sensor(
    job=read_bills,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts every bill that someone wants read: one alone at once, a burst in batches.",
)
def bill_inbox(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
    opened = store.open()
    attempts = open_attempts_after(opened, int(context.cursor or 0), _TICK_LIMIT)
    if not attempts:
        return dg.SkipReason("no bill waits")
    requests = run_requests(context.instance, attempts, min(_BURST, opened.settings.batch_size), priority=10)
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[bills.build_add_request([attempt.bill_id for attempt in attempts])],
        # Dagster stores these before it starts the runs, so the first bill knows the models that read it.
        asset_events=promoted_models.report(context.instance, opened),
        cursor=str(attempts[-1].id),
    )


@dg.sensor(
    job=read_bills,
    minimum_interval_seconds=min(30, max(5, int(get_settings().sweep_minutes * 20))),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts bills again that no living run reads, after a crash; gives up on one that ends every run.",
)
def sweeper(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
    opened = store.open()
    patience = timedelta(minutes=opened.settings.sweep_minutes)
    waiting = orphans(opened, patience)
    if waiting:
        runs, wished = _owned_by_living_runs(context.instance)
        waiting = [each for each in waiting if each.run_id not in runs and each.id not in wished]
    if not waiting:
        return dg.SkipReason("every open bill has a run")
    requests, keys = [], []
    for attempt in waiting[:_TICK_LIMIT]:
        rescues = context.instance.get_run_records(RunsFilter(tags={RESCUE_TAG: str(attempt.id)}))
        if any(datetime.now(UTC) - record.create_timestamp < patience for record in rescues):
            continue
        # A run that never began says nothing about the bill, only that the machinery was down.
        if sum(record.start_time is not None for record in rescues) >= TRIES:
            why = (
                f"The reading broke off here {TRIES} times and more; this bill seems to end the process that reads it."
            )
            record_failure(opened, attempt.id, attempt.stage or "bill_image", why)
            continue
        keys.append(attempt.bill_id)
        # Alone: were it the bill that kills its runs, it would take no other with it.
        requests.append(_request([attempt], f"rescue-{attempt.id}-{len(rescues)}", 5, {RESCUE_TAG: str(attempt.id)}))
    if not requests:
        return dg.SkipReason("every open bill was started again just now, or is given up")
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[bills.build_add_request(keys)],
        asset_events=promoted_models.report(context.instance, opened),
    )


@dg.sensor(
    target=[promoted_models.promoted_models],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells Dagster which models read bills now, and how many bills older ones have read. Starts nothing.",
)
def model_watch(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
    opened = store.open()
    versions = promoted_models.current_versions(opened)
    if not versions:
        return dg.SkipReason("no model is promoted yet")
    events = promoted_models.report(context.instance, opened)
    passed, _, figures = promoted_models.bills_behind(opened, versions)
    state = json.dumps([promoted_models.data_version(versions), passed, figures["behind"], figures["current"]])
    if state == context.cursor and not events:
        return dg.SkipReason("nothing has changed")
    return dg.SensorResult(asset_events=[*events, promoted_models.evaluate(opened)], cursor=state)


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Removes what time has ended: bills 30 days in the trash, demo users, holds of quotas; and the "
    "partitions of bills that are gone.",
)
def housekeeper(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
    opened = store.open()
    remove_expired(opened)
    sweep_trash(opened)
    sweep_holds(opened, timedelta(hours=6))
    gone = removed_after(opened, int(context.cursor or 0), _TICK_LIMIT)
    if gone:
        in_use = _partitions_in_use(context.instance)
        # In order, since the cursor cannot pass over one.
        gone = list(itertools.takewhile(lambda each: in_use is not None and each[1] not in in_use, gone))
    if not gone:
        return dg.SkipReason("no removed bill has a partition, or runs still go over them")
    for _, bill in gone:
        remove_objects(opened, bill)  # what a run has still written after the bill was removed
    return dg.SensorResult(
        dynamic_partitions_requests=[bills.build_delete_request([bill for _, bill in gone])],
        cursor=str(gone[-1][0]),
    )


def _partitions_in_use(instance: dg.DagsterInstance) -> set[str] | None:
    """Partitions that living runs are named by; None while a backfill goes over any."""
    if instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]), limit=1):
        return None
    tags = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    runs = instance.get_runs(filters=RunsFilter(statuses=LIVE))
    return {run.tags[tag] for run in runs for tag in tags if tag in run.tags}


def run_requests(
    instance: dg.DagsterInstance, attempts: Sequence[Attempt], batch_size: int, priority: int
) -> list[dg.RunRequest]:
    """Runs that together read these attempts: Dagster runs a range of partitions, in the order they were added in.

    Args:
        attempts: in the order of their ids, which is the order that new bills become partitions in.
        priority: of a bill alone; batches come after.
    """
    new = [attempt for attempt in attempts if attempt.number == 1]
    groups: list[Sequence[Attempt]] = []
    if len(new) <= _ALONE:
        groups += [[attempt] for attempt in new]
    else:
        groups += [new[start : start + batch_size] for start in range(0, len(new), batch_size)]
    groups += _neighbours(instance, [attempt for attempt in attempts if attempt.number > 1], batch_size)
    return [
        _request(group, f"{group[0].id}-{group[-1].id}-{len(group)}", priority if len(group) == 1 else priority - 5)
        for group in groups
    ]


def _neighbours(instance: dg.DagsterInstance, attempts: Sequence[Attempt], batch_size: int) -> list[Sequence[Attempt]]:
    """Groups of bills that are neighbours among the partitions already."""
    if len(attempts) <= _ALONE:
        return [[attempt] for attempt in attempts]
    place = {key: index for index, key in enumerate(instance.get_dynamic_partitions(bills.name or ""))}
    ordered = sorted(attempts, key=lambda attempt: place.get(attempt.bill_id, len(place)))
    groups: list[list[Attempt]] = []
    for attempt in ordered:
        last = groups[-1][-1] if groups else None
        follows = last is not None and place.get(attempt.bill_id) == place.get(last.bill_id, -2) + 1
        if follows and len(groups[-1]) < batch_size:
            groups[-1].append(attempt)
        else:
            groups.append([attempt])
    return list(groups)


def _request(
    attempts: Sequence[Attempt], run_key: str, priority: int, tags: dict[str, str] | None = None
) -> dg.RunRequest:
    tags = {
        ATTEMPTS_TAG: ",".join(str(attempt.id) for attempt in attempts),
        "dagster/priority": str(priority),
        **(tags or {}),
    }
    first, last = attempts[0].bill_id, attempts[-1].bill_id
    if len(attempts) == 1:
        return dg.RunRequest(run_key=run_key, partition_key=first, tags=tags)
    ends = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.RunRequest(run_key=run_key, tags={**tags, **ends})


def _owned_by_living_runs(instance: dg.DagsterInstance) -> tuple[set[str], set[int]]:
    """Names of runs that are alive, and ids of attempts that a run alive or in the queue was started for."""
    runs: set[str] = set()
    wished: set[int] = set()
    for run in instance.get_runs(filters=RunsFilter(statuses=LIVE)):
        # An automatic retry reads under the name of the run that died.
        runs |= {run.run_id, run.root_run_id or run.run_id, run.parent_run_id or run.run_id}
        wished |= {int(each) for each in run.tags.get(ATTEMPTS_TAG, "").split(",") if each}
    return runs, wished
