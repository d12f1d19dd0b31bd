from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from billocr_assets.settings import Exposed, Settings, get_settings, settings_table


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


def test_oidc_providers_come_as_json_and_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = {"name": "x", "title": "X", "issuer": "https://x.example", "client_id": "a", "client_secret": "hush"}
    monkeypatch.setenv("BILLOCR_OIDC", json.dumps([provider, provider | {"name": "y", "sign_up": True}]))
    settings = get_settings()
    assert [(each.name, each.sign_up, each.link_by_email) for each in settings.providers] == [
        ("x", False, False),
        ("y", True, False),
    ]
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"public_url": "bills.example.org"}, "public_url"),
        ({"public_url": "https://bills.example.org/path"}, "public_url"),
        (
            {"oidc": [{"name": "X/..", "title": "X", "issuer": "https://x", "client_id": "a", "client_secret": "b"}]},
            "name",
        ),
        ({"sign_up": "everybody"}, "sign_up"),
    ],
)
def test_settings_of_people_that_cannot_be_meant_are_refused_by_name(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Settings(**settings)


def test_unproven_addresses_never_open_accounts_by_a_provider() -> None:
    provider = {"name": "x", "title": "X", "issuer": "https://x", "client_id": "a", "client_secret": "b"}
    linking = [provider | {"link_by_email": True}]
    assert Settings(oidc=linking, sign_up="invitation")
    with pytest.raises(ValidationError, match="link_by_email"):
        Settings(oidc=linking, sign_up="open")


@pytest.mark.parametrize(
    ("settings", "must_set"),
    [
        ({"host": "0.0.0.0"}, "BILLOCR_ACCOUNTS=true"),
        ({"host": "::"}, "BILLOCR_ACCOUNTS=true"),
        ({"host": "192.0.2.1"}, "BILLOCR_ACCOUNTS=true"),
        ({"host": "bills.example.org"}, "BILLOCR_ACCOUNTS=true"),
        ({"public_url": "https://bills.example.org"}, "BILLOCR_ACCOUNTS=true"),
        ({"host": "0.0.0.0", "accounts": True, "dev_idp": True}, "BILLOCR_DEV_IDP"),
        ({"public_url": "https://bills.example.org", "accounts": True, "dev_idp": True}, "BILLOCR_DEV_IDP"),
    ],
)
def test_what_only_this_machine_may_use_does_not_start_where_others_reach_it(
    settings: dict[str, Any], must_set: str
) -> None:
    with pytest.raises(Exposed, match=must_set):
        Settings(**settings).refuse_exposure()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "127.0.0.2", "public_url": "http://localhost:8501", "dev_idp": True},
        {"host": "0.0.0.0", "accounts": True},
        {"public_url": "https://bills.example.org", "accounts": True},
    ],
)
def test_on_this_machine_or_with_accounts_it_starts(settings: dict[str, Any]) -> None:
    Settings(**settings).refuse_exposure()
