"""The Dagster code location ``training``. It needs torch, so it joins only where ``make install-training`` was run."""

from __future__ import annotations

import dagster as dg

from training.assets.candidates import candidate_asset
from training.train import NETS

candidates = [candidate_asset(network) for network in NETS]

defs = dg.Definitions(
    assets=candidates,
    jobs=[dg.define_asset_job("train_networks", selection=dg.AssetSelection.assets(*candidates))],
    executor=dg.in_process_executor,
)
