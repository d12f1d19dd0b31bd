"""What all stages share: how a stage is declared, and how it goes through the bills of a run one by one."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import AssetCheckEvaluation, AssetCheckSeverity, MetadataValue
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from sqlalchemy.exc import DBAPIError

from billocr_assets.io import BillValues, Failed
from billocr_assets.ocr.errors import BillError
from billocr_assets.partitions import BATCH, bills
from billocr_assets.store.reading import STAGES, attempts_of, begin_reading, record_failure, record_stage
from billocr_assets.store.store import Store

# The attempts that a sensor wants read, on the run; a run that a person started has none.
ATTEMPTS_TAG = "billocr/attempts"
_RETRY_TAG = "dagster/retry_number"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a stage made of one bill.

    Attributes:
        value: for the next stages.
        metadata: figures for Dagster's page of the bill.
        thumbnail: Markdown, see :mod:`billocr_assets.thumbnails`.
        checks: check name to whether it passed and a sentence why.
        elsewhere: seconds of work on this bill that were spent while another had its turn; negative where this one's
            turn held work on others.
    """

    value: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)
    thumbnail: str | None = None
    checks: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    elsewhere: float = 0.0


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the stages before found for one bill.

    Attributes:
        values: one an input, in the order of the inputs.
        seconds: stage to seconds of work, over all stages before.
        models: network to version, over all stages before.
        attempt: the attempt that this run reads, or None where a stage runs alone and publishes nothing.
        run: the name that the run has for the store.
    """

    values: tuple[Any, ...]
    seconds: dict[str, float]
    models: dict[str, str]
    attempt: int | None
    run: str


Work = Callable[[str, Earlier], Finding]


def bill_stage(kinds: set[str], code_version: str, checks: Mapping[str, str] | None = None, **arguments: Any) -> Any:
    """``dg.asset`` with what all stages have in common.

    Args:
        checks: name to description of what is checked for every bill.
    """

    def declare(function: Callable) -> dg.AssetsDefinition:
        with warnings.catch_warnings():
            # Backfill policies are beta, partitioned checks a preview; the pin on Dagster's version is for them.
            warnings.simplefilter("ignore", dg.BetaWarning)
            warnings.simplefilter("ignore", dg.PreviewWarning)
            specs = [
                dg.AssetCheckSpec(name, asset=function.__name__, description=description, partitions_def=bills)
                for name, description in (checks or {}).items()
            ]
            return dg.asset(
                partitions_def=bills,
                # One and the same object everywhere, or a backfill would start a run a stage.
                backfill_policy=BATCH,
                group_name="bills",
                owners=["team:ocr"],
                kinds=kinds,
                code_version=code_version,
                check_specs=specs,
                io_manager_key="bill_io",
                **arguments,
            )(function)

    return declare


def each_bill(
    context: dg.AssetExecutionContext,
    store: Store,
    work: Work,
    *inputs: BillValues,
    models: Mapping[str, str] | None = None,
) -> Iterator[Any]:
    """Go through the run's bills; one that fails, fails alone.

    A failed bill is noted in the database and stands as :class:`Failed` in this stage's values, which the later stages
    pass on. The run goes on and succeeds even if every bill failed: a failed run means that something is broken here,
    and is retried; that a bill cannot be read is a fact about the bill, shown by the check ``read``.

    Args:
        work: bill and what the earlier stages found to what this one finds.
        models: the networks that this stage uses, with their versions.

    Raises:
        OSError, DBAPIError: the store cannot be reached. Nothing is said about any bill; the sweeper starts them again.
    """
    stage = context.asset_key.path[-1]
    keys = context.partition_keys
    reading = _reading(context, store, stage, keys)
    values = BillValues()
    checked: dict[str, Mapping[str, tuple[bool, str]]] = {}
    if reading.attempts:
        record_stage(store, reading.attempts.values(), stage)
    for bill in keys:
        attempt = reading.attempts.get(bill)
        if attempt is None and reading.publishes:
            context.add_asset_metadata({"skipped": "already read, or read by another run"}, partition_key=bill)
            continue
        began = time.perf_counter()
        failure = finding = None
        seconds: dict[str, float] = {}
        try:
            earlier = _earlier(inputs, bill, attempt, reading.name)
            if isinstance(earlier, Failed):
                failure = earlier
            else:
                finding = work(bill, earlier)
                spent = round(time.perf_counter() - began + finding.elsewhere, 4)
                seconds = earlier.seconds | {stage: spent}
                values[bill] = {
                    "value": finding.value,
                    "seconds": seconds,
                    "models": earlier.models | dict(models or {}),
                }
        except FileNotFoundError as error:
            context.log.warning(f"{bill}: {error}")
            failure = Failed(stage, "What an earlier stage stored is missing. Read the bill again from its image.")
        except (OSError, DBAPIError):
            raise
        except BillError as error:
            failure = Failed(stage, str(error))
        except Exception as error:
            context.log.exception(f"{bill}: {stage} failed")
            failure = Failed(stage, f"This is an error of ours in {stage}: {type(error).__name__}: {error}")
        if failure is not None:
            values[bill] = failure
            if attempt is not None and failure.stage == stage:
                record_failure(store, attempt, stage, failure.why, reading.name)
            context.add_asset_metadata(
                {"failed": f"{failure.stage}: {failure.why}", "seconds": round(time.perf_counter() - began, 4)},
                partition_key=bill,
            )
        if finding is not None:
            picture = {"thumbnail": MetadataValue.md(finding.thumbnail)} if finding.thumbnail else {}
            context.add_asset_metadata(
                {**picture, **finding.metadata, **(models or {}), "seconds": seconds[stage]}, partition_key=bill
            )
        checked[bill] = finding.checks if finding else {}
        if stage == STAGES[-1]:
            ended = f"read to the end in {sum(seconds.values()):.2f} s"
            checked[bill] = {"read": (False, f"{failure.stage}: {failure.why}") if failure else (True, ended)}
    yield dg.MaterializeResult(value=values)
    # The materializations are stored by now, and a check counts only for the materialization that it names.
    yield from _evaluations(context, checked)


def _earlier(inputs: Sequence[BillValues], bill: str, attempt: int | None, run: str) -> Earlier | Failed:
    values: list[Any] = []
    seconds: dict[str, float] = {}
    models: dict[str, str] = {}
    for given in inputs:
        loaded = given[bill]
        if isinstance(loaded, Failed):
            return loaded
        values.append(loaded["value"])
        seconds |= loaded["seconds"]
        models |= loaded["models"]
    return Earlier(tuple(values), seconds, models, attempt, run)


def _evaluations(
    context: dg.AssetExecutionContext, checked: Mapping[str, Mapping[str, tuple[bool, str]]]
) -> Iterator[Any]:
    specs = list(context.assets_def.check_specs)
    # A check wants an output of its own beside the events, which are a bill's.
    for spec in specs:
        yield dg.Output(None, output_name=f"{context.asset_key.path[-1]}_{spec.name}")
    if not specs or not checked:
        return
    latest = context.instance.get_latest_storage_id_by_partition(
        context.asset_key, dg.DagsterEventType.ASSET_MATERIALIZATION, set(checked)
    )
    now = time.time()
    for bill, outcomes in checked.items():
        target = AssetCheckEvaluationTargetMaterializationData(
            storage_id=latest[bill], run_id=context.run.run_id, timestamp=now
        )
        for name, (passed, why) in outcomes.items():
            yield AssetCheckEvaluation(
                asset_key=context.asset_key,
                check_name=name,
                passed=passed,
                severity=AssetCheckSeverity.WARN,
                description=why,
                partition=bill,
                target_materialization_data=target,
            )


@dataclass(frozen=True, slots=True)
class _Reading:
    """What this run reads: ``publishes`` is False where it does not go to the end and so reads nothing."""

    name: str
    publishes: bool
    attempts: dict[str, int]


def _reading(context: dg.AssetExecutionContext, store: Store, stage: str, keys: Sequence[str]) -> _Reading:
    selected = {key.path[-1] for key in context.op_execution_context.job_def.asset_layer.selected_asset_keys}
    name = reading_name(context.instance, context.run)
    if STAGES[-1] not in selected:
        return _Reading(name, False, {})
    if stage == next(each for each in STAGES if each in selected):
        repeated_by_hand = context.run.parent_run_id is not None and _RETRY_TAG not in context.run.tags
        wished = ATTEMPTS_TAG in context.run.tags and not repeated_by_hand
        attempts = begin_reading(store, keys, name, "upload" if wished else "backfill")
    else:
        attempts = attempts_of(store, keys, name)
    return _Reading(name, True, attempts)


def reading_name(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """One name for a run and its automatic retries, so that a retry goes on with the attempts of the run that died."""
    while _RETRY_TAG in run.tags and run.parent_run_id:
        parent = instance.get_run_by_id(run.parent_run_id)
        if parent is None:
            return run.parent_run_id
        run = parent
    return run.run_id
