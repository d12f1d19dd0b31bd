"""What starts readings, and what starts them again."""

from collections.abc import Sequence
from datetime import timedelta
from unittest import mock

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.dagster_run import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from billocr_assets.assets.stage import ATTEMPTS_TAG
from billocr_assets.resources import StoreResource
from billocr_assets.sensors import TRIES, bill_inbox, housekeeper, model_watch, sweeper
from billocr_assets.store import Store
from billocr_assets.store.accounts.demo import create_demo_user
from billocr_assets.store.bills import bill_for, local_user, read_again, register_upload
from billocr_assets.store.reading import begin_reading, record_failure
from billocr_assets.store.schema import Attempt, Bill, QuotaHold, User, now
from billocr_assets.store.trash import delete_bill, empty_trash, restore_bill
from tests import files
from tests.readings import upload

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def tick(sensor, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult | None:
    """Evaluate a sensor, and store what Dagster would store before it starts the runs."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"store": StoreResource()})
    result = sensor(context)
    if isinstance(result, dg.SkipReason):
        return None
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    for request in result.dynamic_partitions_requests or ():
        if isinstance(request, dg.DeleteDynamicPartitionsRequest):
            for key in request.partition_keys:
                instance.delete_dynamic_partition("bills", key)
            continue
        known = set(instance.get_dynamic_partitions("bills"))
        instance.add_dynamic_partitions("bills", [key for key in request.partition_keys if key not in known])
    return result


def grow_old(store: Store) -> None:
    with store.database.session() as session:
        for attempt in session.query(Attempt):
            attempt.created_at = now() - timedelta(hours=1)
            attempt.started_at = attempt.started_at and now() - timedelta(hours=1)


def attempts(requests: Sequence[dg.RunRequest]) -> list[str]:
    return [request.tags[ATTEMPTS_TAG] for request in requests]


def test_without_uploads_nothing_starts(installation: Store, instance: dg.DagsterInstance) -> None:
    assert tick(bill_inbox, instance) is None


def test_one_upload_becomes_a_partition_and_a_run_of_its_own_in_one_tick(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    (bill,) = upload(installation, 1)
    result = tick(bill_inbox, instance)
    assert result is not None
    (request,) = result.run_requests or ()
    assert request.partition_key == bill
    assert request.tags["dagster/priority"] == "10"
    assert instance.get_dynamic_partitions("bills") == [bill]
    assert tick(bill_inbox, instance, result.cursor) is None


def test_a_burst_becomes_ranges_of_neighbours_of_at_most_a_batch(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    bills = upload(installation, 60)
    result = tick(bill_inbox, instance)
    assert result is not None
    requests = result.run_requests or []
    order = list(instance.get_dynamic_partitions("bills"))
    covered = []
    for request in requests:
        keys = order[order.index(request.tags[START]) : order.index(request.tags[END]) + 1]
        assert len(keys) <= 25
        assert int(request.tags["dagster/priority"]) < 10
        covered += keys
    assert covered == bills
    assert len({request.run_key for request in requests}) == len(requests) == 3


def test_the_same_wish_gets_the_same_run_key_after_a_lost_cursor(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    upload(installation, 2)
    first, second = tick(bill_inbox, instance), tick(bill_inbox, instance)
    assert first is not None
    assert second is not None
    assert [each.run_key for each in first.run_requests or ()] == [each.run_key for each in second.run_requests or ()]


def test_reading_again_is_another_run_key(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    first = tick(bill_inbox, instance)
    assert first is not None
    (attempt,) = begin_reading(installation, [bill], "run", "upload").values()
    record_failure(installation, attempt, "text_lines", "why")
    read_again(installation, local_user(installation), bill)
    second = tick(bill_inbox, instance, first.cursor)
    assert second is not None
    assert (second.run_requests or [])[0].run_key != (first.run_requests or [])[0].run_key


def test_bills_read_again_together_are_batched_where_they_are_neighbours(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    bills = upload(installation, 7)
    first = tick(bill_inbox, instance)
    assert first is not None
    for attempt in begin_reading(installation, bills, "run", "upload").values():
        record_failure(installation, attempt, "text_lines", "why")
    again = [bills[number] for number in (5, 0, 1, 2, 6)]
    for bill in again:
        read_again(installation, local_user(installation), bill)
    second = tick(bill_inbox, instance, first.cursor)
    assert second is not None
    ranges = [(request.tags[START], request.tags[END]) for request in second.run_requests or ()]
    assert ranges == [(bills[0], bills[2]), (bills[5], bills[6])]


def test_the_first_bill_finds_dagster_told_of_the_models(installation: Store, instance: dg.DagsterInstance) -> None:
    upload(installation, 1)
    tick(bill_inbox, instance)
    event = instance.get_latest_materialization_event(dg.AssetKey("promoted_models"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.tags is not None
    assert event.asset_materialization.tags["dagster/data_version"]


def test_the_sweeper_leaves_young_bills_alone(installation: Store, instance: dg.DagsterInstance) -> None:
    upload(installation, 1)
    assert tick(sweeper, instance) is None


def test_a_bill_that_was_never_started_is_rescued(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    grow_old(installation)
    result = tick(sweeper, instance)
    assert result is not None
    (request,) = result.run_requests or ()
    assert request.partition_key == bill
    assert instance.get_dynamic_partitions("bills") == [bill]


@pytest.mark.parametrize("status", [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED, DagsterRunStatus.SUCCESS])
def test_a_bill_whose_run_is_dead_is_rescued(
    installation: Store, instance: dg.DagsterInstance, status: DagsterRunStatus
) -> None:
    (bill,) = upload(installation, 1)
    run = create_run_for_test(instance, job_name="read_bills", status=status)
    begin_reading(installation, [bill], run.run_id, "upload")
    grow_old(installation)
    result = tick(sweeper, instance)
    assert result is not None
    assert [request.partition_key for request in result.run_requests or ()] == [bill]


def test_bills_of_living_and_starting_runs_are_left_alone(installation: Store, instance: dg.DagsterInstance) -> None:
    _, started, retried = upload(installation, 3)
    wish = {ATTEMPTS_TAG: "1"}
    create_run_for_test(instance, job_name="read_bills", status=DagsterRunStatus.STARTING, tags=wish)
    run = create_run_for_test(instance, job_name="read_bills", status=DagsterRunStatus.STARTED)
    begin_reading(installation, [started], run.run_id, "upload")
    dead = create_run_for_test(instance, job_name="read_bills", status=DagsterRunStatus.FAILURE)
    begin_reading(installation, [retried], dead.run_id, "upload")
    create_run_for_test(
        instance,
        job_name="read_bills",
        status=DagsterRunStatus.STARTED,
        root_run_id=dead.run_id,
        parent_run_id=dead.run_id,
    )
    grow_old(installation)
    assert tick(sweeper, instance) is None


def test_bills_that_broke_off_are_rescued_one_by_one(installation: Store, instance: dg.DagsterInstance) -> None:
    bills = upload(installation, 3)
    begin_reading(installation, bills, "a run that is gone", "upload")
    grow_old(installation)
    result = tick(sweeper, instance)
    assert result is not None
    assert [request.partition_key for request in result.run_requests or ()] == bills
    assert attempts(result.run_requests or ()) == ["1", "2", "3"]


def rescue(store: Store, instance: dg.DagsterInstance, began: bool) -> dg.RunRequest | None:
    """Let a sweeper without patience rescue the only bill; its run dies at once, or before it has begun."""
    grow_old(store)
    with mock.patch("billocr_assets.sensors.timedelta", return_value=timedelta(0)):
        result = tick(sweeper, instance)
    if result is None:
        return None
    (request,) = result.run_requests or ()
    run = create_run_for_test(instance, job_name="read_bills", tags=dict(request.tags))
    if began:
        begin_reading(store, [str(request.partition_key)], run.run_id, "upload")
        start = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name="read_bills")
        instance.report_dagster_event(start, run.run_id)
    instance.report_run_failed(run)
    return request


def test_the_sweeper_gives_up_on_a_bill_that_ends_every_run(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    rescues = [rescue(installation, instance, began=True) for _ in range(TRIES)]
    assert len({request.run_key for request in rescues if request}) == TRIES
    assert rescue(installation, instance, began=True) is None
    row = bill_for(installation, local_user(installation), bill)
    assert row.status == "failed"
    assert "broke off" in (row.failed_why or "")


def test_a_code_server_that_is_down_is_held_against_no_bill(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    for _ in range(TRIES + 2):
        assert rescue(installation, instance, began=False)
    assert bill_for(installation, local_user(installation), bill).status == "received"


def test_a_bill_that_was_just_rescued_is_not_rescued_again(installation: Store, instance: dg.DagsterInstance) -> None:
    upload(installation, 1)
    rescue(installation, instance, began=False)
    assert tick(sweeper, instance) is None


def test_the_watch_reports_when_something_has_changed_and_only_then(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    first = tick(model_watch, instance)
    assert first is not None
    assert [type(event).__name__ for event in first.asset_events] == ["AssetMaterialization", "AssetCheckEvaluation"]
    assert tick(model_watch, instance, first.cursor) is None


# The housekeeper


def throw_away(store: Store, *ids: str) -> None:
    for bill in ids:
        delete_bill(store, local_user(store), bill)


def test_a_removed_bills_partition_goes_and_no_others(installation: Store, instance: dg.DagsterInstance) -> None:
    removed, trashed, kept = upload(installation, 3)
    tick(bill_inbox, instance)
    throw_away(installation, removed)
    empty_trash(installation, local_user(installation))
    throw_away(installation, trashed)
    installation.objects.write(f"stages/{removed}/text_lines.zip", b"written by a run that had begun before")
    result = tick(housekeeper, instance)
    assert result is not None
    assert instance.get_dynamic_partitions("bills") == [trashed, kept]
    assert not installation.objects.exists(f"stages/{removed}/text_lines.zip")
    assert tick(housekeeper, instance, result.cursor) is None
    restore_bill(installation, local_user(installation), trashed)
    assert bill_for(installation, local_user(installation), trashed)


@pytest.mark.parametrize("tag", ["dagster/partition", START, END])
def test_a_partition_stays_while_a_living_run_is_named_by_it(
    installation: Store, instance: dg.DagsterInstance, tag: str
) -> None:
    first, second = upload(installation, 2)
    tick(bill_inbox, instance)
    throw_away(installation, first)
    empty_trash(installation, local_user(installation))
    run = create_run_for_test(instance, job_name="read_bills", status=DagsterRunStatus.STARTED, tags={tag: first})
    assert tick(housekeeper, instance) is None
    assert instance.get_dynamic_partitions("bills") == [first, second]
    instance.report_run_failed(run)
    assert tick(housekeeper, instance) is not None
    assert instance.get_dynamic_partitions("bills") == [second]


def test_partitions_stay_while_a_backfill_goes_over_any(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    tick(bill_inbox, instance)
    throw_away(installation, bill)
    empty_trash(installation, local_user(installation))
    backfill = PartitionBackfill("one", BulkActionStatus.REQUESTED, from_failure=False, tags={}, backfill_timestamp=0.0)
    instance.add_backfill(backfill)
    assert tick(housekeeper, instance) is None
    instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    assert tick(housekeeper, instance) is not None
    assert instance.get_dynamic_partitions("bills") == []


def test_thirty_days_in_the_trash_end_without_anybody(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    tick(bill_inbox, instance)
    throw_away(installation, bill)
    with installation.database.session() as session:
        session.query(Bill).update({"trashed_at": now() - timedelta(days=31)})
    assert tick(housekeeper, instance) is not None
    assert instance.get_dynamic_partitions("bills") == []
    assert not installation.objects.exists(f"uploads/{bill}")


def test_a_hold_that_nothing_will_end_is_settled(installation: Store, instance: dg.DagsterInstance) -> None:
    upload(installation, 1)
    with installation.database.session() as session:
        session.query(Attempt).update({"state": "failed"})
        session.query(QuotaHold).update({"created_at": now() - timedelta(days=1)})
    tick(housekeeper, instance)
    with installation.database.reading() as session:
        assert [hold.state for hold in session.query(QuotaHold)] == ["released"]


def test_demo_users_go_after_their_day_with_bills_files_and_partitions(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    installation.settings.demo_users = 1
    demo = create_demo_user(installation, None)
    picture = files.encode(files.page(), "PNG")
    bill = register_upload(installation, demo, "mine.png", picture).id
    (kept,) = upload(installation, 1)
    tick(bill_inbox, instance)
    tick(housekeeper, instance)
    assert installation.objects.exists(f"uploads/{bill}"), "their day is not over"
    with installation.database.session() as session:
        session.query(User).filter(User.id == demo.id).update({"expires_at": now()})
    assert tick(housekeeper, instance) is not None
    assert instance.get_dynamic_partitions("bills") == [kept]
    assert not installation.objects.exists(f"uploads/{bill}")
    with installation.database.reading() as session:
        assert session.get(User, demo.id) is None
