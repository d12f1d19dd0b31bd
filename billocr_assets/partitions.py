"""Every bill is a partition; its key is the bill's id, made by the server. All else about a bill is in the database."""

from __future__ import annotations

import dagster as dg

from billocr_assets.settings import get_settings

bills = dg.DynamicPartitionsDefinition(name="bills")

# One object for all stages: Dagster puts stages into one run only if their policies are the same.
BATCH = dg.BackfillPolicy.multi_run(max_partitions_per_run=get_settings().batch_size)
