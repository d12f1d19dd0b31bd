"""Bills through all stages, in real runs on Dagster's storage in memory."""

import dagster as dg
import pytest

from billocr_assets.assets import promoted_models
from billocr_assets.assets.stage import ATTEMPTS_TAG, STAGES
from billocr_assets.io import stage_key, unpack
from billocr_assets.store import Store
from billocr_assets.store.bills import bill_for, latest_result, local_user, read_again, upload_key
from billocr_assets.store.reading import NETWORKS, begin_reading
from billocr_assets.store.schema import Attempt, MachineResult
from billocr_assets.store.trash import delete_bill, empty_trash
from tests.readings import bill_picture, checks, metadata, run, spoil, upload

WISHED = {ATTEMPTS_TAG: "1"}


def results(store: Store, bill: str) -> int:
    with store.database.reading() as session:
        return session.query(MachineResult).filter_by(bill_id=bill).count()


def test_one_bill_goes_from_upload_to_a_published_result(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    assert run(instance, [bill], tags=WISHED).success
    user = local_user(installation)
    assert bill_for(installation, user, bill).status == "read"
    result = latest_result(installation, user, bill)
    assert result is not None
    assert set(result.models) == set(NETWORKS)
    assert set(result.seconds) == set(STAGES) - {"bill_result"}
    assert result.document["pages"][0]["width"] == 520
    assert result.fields["consistency"]


def test_every_stage_shows_a_small_picture_counts_and_seconds(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    (bill,) = upload(installation, 1)
    result = run(instance, [bill])
    for stage in STAGES[:5]:
        shown = metadata(result, stage, bill)["thumbnail"]
        assert shown.startswith("![page](data:image/jpeg;base64,")
        assert len(shown) < 30_000
    for stage in STAGES:
        assert metadata(result, stage, bill)["seconds"] > 0
    assert metadata(result, "text_lines", bill)["lines"] > 0
    assert metadata(result, "recognised_text", bill)["line_recogniser"]


def test_a_batch_is_read_in_one_run(installation: Store, instance: dg.DagsterInstance) -> None:
    bills = upload(installation, 4)
    result = run(instance, bills, tags=WISHED)
    assert result.success
    assert len(result.asset_materializations_for_node("bill_result")) == 4
    assert [results(installation, bill) for bill in bills] == [1, 1, 1, 1]


def test_a_bill_that_fails_in_a_batch_fails_alone(installation: Store, instance: dg.DagsterInstance) -> None:
    good, bad, also_good = upload(installation, 3)
    spoil(installation, bad)
    result = run(instance, [good, bad, also_good], tags=WISHED)
    user = local_user(installation)
    assert result.success
    assert [bill_for(installation, user, bill).status for bill in (good, bad, also_good)] == ["read", "failed", "read"]
    row = bill_for(installation, user, bad)
    assert row.failed_stage == "bill_image"
    assert "damaged" in (row.failed_why or "")
    assert checks(result)["read", bad] == (False, f"bill_image: {row.failed_why}")
    assert checks(result)["read", good][0]
    assert metadata(result, "bill_image", bad)["failed"] == f"bill_image: {row.failed_why}"
    assert metadata(result, "text_lines", bad)["failed"] == f"bill_image: {row.failed_why}"


def test_bills_of_a_run_are_recognised_together_and_read_as_each_alone(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    bills = upload(installation, 4)
    run(instance, bills, tags=WISHED)
    user = local_user(installation)

    def pages() -> list[object]:
        results = [latest_result(installation, user, bill) for bill in bills]
        return [result.document["pages"] for result in results if result]

    together = pages()
    for bill in bills:
        run(instance, [bill])
    assert pages() == together
    # What one stored is lost: it alone cannot be read, though it would have been recognised with the others.
    installation.objects.write(stage_key(bills[1], "line_segments"), b"no archive")
    late = run(instance, bills, stages=STAGES[4:])
    failed = ["failed" in metadata(late, "recognised_text", bill) for bill in bills]
    assert failed == [False, True, False, False]
    assert all(metadata(late, "recognised_text", bill)["seconds"] > 0 for bill in bills)


def test_a_failing_check_is_a_warning_that_names_the_materialization(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    bills = upload(installation, 2)
    spoil(installation, bills[0])
    run(instance, bills)
    key = dg.AssetCheckKey(dg.AssetKey("bill_result"), "read")
    infos = instance.event_log_storage.get_asset_check_partition_info([key])
    assert {info.partition_key: info.latest_execution_status.value for info in infos} == {
        bills[0]: "FAILED",
        bills[1]: "SUCCEEDED",
    }
    assert all(info.is_current for info in infos)


def test_a_failed_bill_can_be_retried_and_is_read_then(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    user = local_user(installation)
    spoil(installation, bill)
    run(instance, [bill], tags=WISHED)
    installation.objects.write(upload_key(bill), bill_picture())
    read_again(installation, user, bill)
    assert bill_for(installation, user, bill).status == "received"
    assert run(instance, [bill], tags=WISHED).success
    assert bill_for(installation, user, bill).status == "read"
    assert bill_for(installation, user, bill).failed_why is None


def test_a_bill_whose_image_fails_leaves_nothing_of_an_earlier_reading_to_later_stages(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    (bill,) = upload(installation, 1)
    run(instance, [bill])
    spoil(installation, bill)
    run(instance, [bill])
    assert results(installation, bill) == 1
    assert unpack(installation.objects.read(stage_key(bill, "bill_result"))).stage == "bill_image"
    # A person who now reruns the last stages alone is told so, and gets no mixture of two readings.
    late = run(instance, [bill], stages=STAGES[4:])
    assert "bill_image" in metadata(late, "recognised_text", bill)["failed"]
    assert results(installation, bill) == 1


def test_a_backfill_adds_a_new_layer_and_keeps_the_old_one(installation: Store, instance: dg.DagsterInstance) -> None:
    bills = upload(installation, 2)
    run(instance, bills, tags=WISHED)
    assert run(instance, bills, stages=STAGES[2:]).success
    assert [results(installation, bill) for bill in bills] == [2, 2]


def test_a_stage_alone_is_run_without_publishing(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    run(instance, [bill], tags=WISHED)
    again = run(instance, [bill], stages=["text_lines"])
    assert metadata(again, "text_lines", bill)["lines"] > 0
    assert results(installation, bill) == 1
    assert bill_for(installation, local_user(installation), bill).status == "read"


def test_segments_of_other_lines_are_not_taken_for_the_lines_found_anew(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    (bill,) = upload(installation, 1)
    run(instance, [bill])
    installation.objects.write(upload_key(bill), bill_picture(lines=["OTHER", "LINES"]))
    run(instance, [bill], stages=STAGES[:3])
    result = run(instance, [bill], stages=["recognised_text"])
    assert "found anew" in metadata(result, "recognised_text", bill)["failed"]


def test_a_run_for_wishes_reads_nothing_twice(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    run(instance, [bill], tags=WISHED)
    second = run(instance, [bill], tags=WISHED)
    assert second.success
    assert "skipped" in metadata(second, "bill_image", bill)
    assert results(installation, bill) == 1


def test_a_late_run_does_not_publish_over_the_run_that_took_its_bill(
    installation: Store, instance: dg.DagsterInstance
) -> None:
    (bill,) = upload(installation, 1)
    run(instance, [bill], stages=STAGES[:4])
    (attempt,) = begin_reading(installation, [bill], "another run", "upload").values()
    late = run(instance, [bill], stages=STAGES[4:], tags=WISHED)
    # The late run takes the bill over in turn, since it began last; the other one finds that it has lost it.
    assert late.success
    assert results(installation, bill) == 1
    with installation.database.reading() as session:
        owner = session.get(Attempt, attempt)
        assert owner is not None
        assert owner.run_id == late.run_id


def test_a_bill_that_was_deleted_does_not_stop_the_others(installation: Store, instance: dg.DagsterInstance) -> None:
    bills = upload(installation, 3)
    delete_bill(installation, local_user(installation), bills[1])
    empty_trash(installation, local_user(installation))
    result = run(instance, bills, tags=WISHED)
    assert result.success
    assert [results(installation, bill) for bill in bills] == [1, 0, 1]


def test_a_missing_stage_object_fails_its_bill_alone(installation: Store, instance: dg.DagsterInstance) -> None:
    bills = upload(installation, 2)
    run(instance, bills, stages=STAGES[:3])
    installation.objects.delete(stage_key(bills[0], "text_lines"))
    result = run(instance, bills, stages=STAGES[3:])
    assert result.success
    assert [results(installation, bill) for bill in bills] == [0, 1]
    assert "Read the bill again" in (bill_for(installation, local_user(installation), bills[0]).failed_why or "")


def test_a_store_that_cannot_be_reached_fails_the_run_and_no_bill(
    installation: Store, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bill,) = upload(installation, 1)

    def unreachable(*_: object) -> bytes:
        raise ConnectionError("storage does not answer")

    monkeypatch.setattr("billocr_assets.store.objects.Objects.read", unreachable)
    with pytest.raises(ConnectionError):
        run(instance, [bill], tags=WISHED)
    assert bill_for(installation, local_user(installation), bill).status == "reading"


def test_lineage_says_which_models_read_a_bill(installation: Store, instance: dg.DagsterInstance) -> None:
    (bill,) = upload(installation, 1)
    for event in promoted_models.report(instance, installation):
        instance.report_runless_asset_event(event)
    version = promoted_models.data_version(promoted_models.current_versions(installation))
    result = run(instance, [bill])
    for stage in ("preprocessed_page", "text_lines", "line_segments", "recognised_text"):
        (event,) = result.asset_materializations_for_node(stage)
        assert (event.tags or {})["dagster/input_data_version/promoted_models"] == version
