"""Whatever is killed, and whenever: every uploaded bill is read, and read once."""

import random
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest
from dagster import RunsFilter
from sqlalchemy import func, select

from billocr_assets.sensors import LIVE
from billocr_assets.settings import Settings
from billocr_assets.store import open_store
from billocr_assets.store.reading import sync_shipped_models
from billocr_assets.store.schema import Attempt, Bill, MachineResult
from tests.processes import Dagster
from tests.readings import upload

BILLS = 30
# Everything that waits, waits less than it does in earnest.
IMPATIENT = {
    "run_monitoring": {"poll_interval_seconds": 2, "start_timeout_seconds": 60},
}
ENVIRONMENT = {"BILLOCR_BATCH_SIZE": "5", "BILLOCR_SWEEP_MINUTES": "1"}
HOPELESS = 800.0


@pytest.mark.slow
def test_whatever_is_killed_every_bill_is_read_exactly_once(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "installation", database_url=sqlite_url)
    store = open_store(settings)
    sync_shipped_models(store)
    dice = random.Random(20)
    victims = ["worker", "code server", "daemon"] * 2 + ["worker"]
    dice.shuffle(victims)
    killed: Counter[str] = Counter()
    monkeypatch.setenv("DAGSTER_HOME", "")

    def statuses() -> Counter[str]:
        with store.database.reading() as session:
            return Counter(session.scalars(select(Bill.status)))

    def wait_for(condition) -> None:
        deadline = time.monotonic() + HOPELESS
        while not condition():
            assert time.monotonic() < deadline, (statuses(), killed)
            time.sleep(0.1)

    with Dagster(settings, IMPATIENT, ENVIRONMENT) as dagster, dg.DagsterInstance.get() as instance:
        upload(store, BILLS // 2)
        for number, victim in enumerate(victims):
            if number == len(victims) // 2:
                upload(store, BILLS - BILLS // 2, first=BILLS // 2)
            # At a random moment of a run that is under way; were there none left, there would be nothing to disturb.
            wait_for(lambda: dagster.workers() or statuses()["read"] == BILLS)
            time.sleep(dice.uniform(0, 5))
            killed[victim] += dagster.kill(victim)
        wait_for(lambda: statuses() == {"read": BILLS})
        # Runs that were late must find nothing left to publish.
        wait_for(lambda: not instance.get_runs_count(RunsFilter(statuses=LIVE)))

    assert min(killed[name] for name in ("worker", "code server", "daemon")) >= 1, killed
    with store.database.reading() as session:
        readings = session.execute(select(func.count()).select_from(MachineResult).group_by(MachineResult.bill_id))
        assert [count for (count,) in readings] == [1] * BILLS
        assert session.scalar(select(func.count()).select_from(Attempt).where(Attempt.state != "done")) == 0
