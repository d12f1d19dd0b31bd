"""Dagster's local run launcher, which also knows whether a run's process still lives."""

from __future__ import annotations

import json
import time
from typing import Any

from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

# A code server that is being restarted does not answer for some seconds.
_SILENCE_SECONDS = 20.0


class WatchedRunLauncher(DefaultRunLauncher):
    """For ``run_launcher`` in ``dagster.yaml``.

    Dagster's own launcher leaves it to the code server to notice that a run's process died. If both die, the run stays
    "started" for ever and holds a slot of the queue. This one answers run monitoring by asking the run's code server
    whether it has the run. A run that goes on although its code server was replaced is taken for dead and read once
    more; the store publishes one of the two.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._silent_since: dict[str, float] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        # A new process may not have reached the server's list of runs when its first event is stored.
        address = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if not address:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        client = DagsterGrpcClient(**address)
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=5)
        except Exception as error:  # of many kinds, all of which mean that nobody answered
            since = self._silent_since.setdefault(run.run_id, time.monotonic())
            if time.monotonic() - since < _SILENCE_SECONDS:
                return CheckRunHealthResult(WorkerStatus.RUNNING, "its code server does not answer")
            return CheckRunHealthResult(WorkerStatus.FAILED, f"its code server is gone: {type(error).__name__}")
        self._silent_since.pop(run.run_id, None)
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "its code server does not have it")
