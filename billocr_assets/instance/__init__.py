"""A Dagster instance on one machine: how it is made, and the parts that ``deploy/dagster.yaml`` names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import dagster as dg


def prepare_instance(home: Path, config: Path) -> None:
    """Make or update DAGSTER_HOME before any of Dagster's processes starts.

    Processes that find no database make one each, at the same time, and can leave it broken for good ("more than one
    head present").

    Args:
        home: becomes ``DAGSTER_HOME``, also of this process.
        config: its ``dagster.yaml``.
    """
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(config, home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    with dg.DagsterInstance.get() as instance:
        # Each of the three makes its own database when it is first asked.
        instance.get_runs(limit=1)
        instance.get_dynamic_partitions("bills")
        instance.all_instigator_state()
