from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from billocr_assets.settings import Settings, get_settings, settings_table


def test_without_any_variable_everything_lies_in_one_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BILLOCR_HOME")
    monkeypatch.chdir(tmp_path)
    settings = get_settings()
    assert settings.home == tmp_path / ".billocr"
    assert settings.database_url == f"sqlite:///{tmp_path}/.billocr/billocr.db"
    assert settings.objects == f"{tmp_path}/.billocr/objects"
    assert settings.dagster_url == "http://127.0.0.1:3000"
    assert not settings.home.exists()  # asking for settings writes nothing


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLOCR_HOME", "~/bills")
    monkeypatch.setenv("BILLOCR_OBJECTS", "gs://bucket/prefix")
    monkeypatch.setenv("BILLOCR_DAGSTER_PORT", "3001")
    monkeypatch.setenv("BILLOCR_MAX_PAGES", "3")
    settings = get_settings()
    assert settings.home == Path(os.path.expanduser("~/bills"))
    assert settings.objects == "gs://bucket/prefix"
    assert settings.dagster_url == "http://127.0.0.1:3001"
    assert settings.max_pages == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXECUTOR", "threads"),
        ("UI_PORT", "70000"),
        ("UI_PORT", "x"),
        ("MAX_PAGES", "0"),
        ("MAX_UPLOAD_MB", "-1"),
        ("MAX_MEGAPIXELS", "1000"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"BILLOCR_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        get_settings()


def test_the_weights_that_ship_are_used_unless_others_are_named(tmp_path: Path) -> None:
    assert Settings().models.parts[-2:] == ("billocr_assets", "models")
    assert Settings(models_dir=tmp_path).models == tmp_path


def test_the_table_has_one_described_row_a_setting() -> None:
    rows = settings_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [f"BILLOCR_{name.upper()}" for name in Settings.model_fields]
    assert all(len(row.split("|")) == 5 and row.split("|")[3].strip().endswith(".") for row in rows)
    assert str(Path.cwd()) not in settings_table()  # the same table on every machine
