from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import select

from billocr_assets.ocr.engine import Engine
from billocr_assets.settings import get_settings
from billocr_assets.store import open_store
from billocr_assets.store.reading import promoted_models, sync_shipped_models
from billocr_assets.store.registry import versions
from billocr_assets.store.schema import ModelVersion
from tests.store.people import add_user
from tests.training.data.test_corrections import corrected
from training.assets.candidates import TrainingConfig, make_candidate


def test_a_training_in_dagster_leaves_a_measured_candidate_and_the_promoted_network_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLOCR_HOME", str(tmp_path))
    from training.definitions import defs

    store = open_store()
    store.database.migrate()
    before = {network: model.version for network, model in sync_shipped_models(store).items()}

    result = dg.materialize(
        [asset for asset in defs.assets or [] if asset.key.to_user_string() == "line_segmenter_candidate"],
        run_config={"ops": {"line_segmenter_candidate": {"config": {"minutes": 0.05}}}},
        instance=dg.DagsterInstance.ephemeral(),
    )

    assert result.success
    with store.database.reading() as session:
        candidate = session.scalars(select(ModelVersion).where(ModelVersion.state == "candidate")).one()
    assert candidate.network == "line_segmenter"
    assert Engine(Path(candidate.path)).metadata["version"] == candidate.version
    (materialization,) = result.asset_materializations_for_node("line_segmenter_candidate")
    assert materialization.metadata["version"].value == candidate.version
    assert {network: model.version for network, model in promoted_models(store).items()} == before


@pytest.mark.slow
def test_a_recogniser_that_is_trained_here_learns_from_corrections_and_the_registry_knows_from_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLOCR_HOME", str(tmp_path))
    store = open_store()
    store.database.migrate()
    user = add_user(store, "agreed", training_consent=True)
    bill = corrected(store, user, 1, "Brot 2.50")

    make_candidate("line_recogniser", TrainingConfig(minutes=0.02), get_settings(), "trained-1")

    (version,) = versions(store, user)
    assert [(seen.id, revision) for seen, revision in version.learned] == [(bill, 1)]
    # No copy of the bill is left behind.
    assert not list((tmp_path / "training").rglob("*.jpg"))
