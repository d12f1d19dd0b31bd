"""The code location ``billocr_assets``: everything is wired here and nowhere else."""

from __future__ import annotations

import dagster as dg
from dagster_k8s import k8s_job_executor

from billocr_assets.assets.bill_fields import bill_fields
from billocr_assets.assets.bill_image import bill_image
from billocr_assets.assets.bill_result import bill_result
from billocr_assets.assets.line_segments import line_segments
from billocr_assets.assets.preprocessed_page import preprocessed_page
from billocr_assets.assets.promoted_models import promoted_models
from billocr_assets.assets.recognised_text import recognised_text
from billocr_assets.assets.text_lines import text_lines
from billocr_assets.io import BillIOManager
from billocr_assets.jobs import read_bills
from billocr_assets.resources import ModelsResource, StoreResource
from billocr_assets.sensors import bill_inbox, housekeeper, model_watch, sweeper
from billocr_assets.settings import get_settings

EXECUTORS = {
    "in_process": dg.in_process_executor,
    "multiprocess": dg.multiprocess_executor,
    "k8s": k8s_job_executor,
}

ASSETS = (
    promoted_models,
    bill_image,
    preprocessed_page,
    text_lines,
    line_segments,
    recognised_text,
    bill_fields,
    bill_result,
)


def resources() -> dict[str, object]:
    store = StoreResource()
    return {"store": store, "models": ModelsResource(store=store), "bill_io": BillIOManager(store=store)}


defs = dg.Definitions(
    assets=ASSETS,
    jobs=[read_bills],
    sensors=[bill_inbox, sweeper, model_watch, housekeeper],
    resources=resources(),
    # Backfills that are started in Dagster's pages use the location's executor, not a job's.
    executor=EXECUTORS[get_settings().executor],
)
