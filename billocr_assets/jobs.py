from __future__ import annotations

import dagster as dg

from billocr_assets.assets.stage import STAGES
from billocr_assets.partitions import bills

read_bills = dg.define_asset_job(
    "read_bills",
    selection=dg.AssetSelection.assets(*STAGES),
    partitions_def=bills,
    description="The whole road of bills, from the upload to the published result.",
)
