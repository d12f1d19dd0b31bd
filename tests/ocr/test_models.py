from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from billocr_assets.ocr.models import SHIPPED, load_models

NETS = ("line_detector", "line_segmenter", "line_recogniser")


def test_the_shipped_networks_say_their_versions() -> None:
    versions = load_models().versions
    assert set(versions) == set(NETS)
    assert all(versions.values())


def test_networks_are_loaded_once() -> None:
    assert load_models() is load_models()


def test_networks_can_be_read_from_another_folder(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "models")
    assert load_models(tmp_path / "models").versions == load_models().versions


@pytest.mark.parametrize("net", ["line_segmenter", "line_recogniser"])
def test_the_shipped_graph_is_the_one_that_was_measured(net: str) -> None:
    folder = SHIPPED / net
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["sha256"] == hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert metrics["version"] == load_models().versions[net]
    assert metrics["figures"]
    assert (folder / "card.md").exists()
