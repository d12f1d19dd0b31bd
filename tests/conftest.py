"""Fixtures that all tests share: stores on every database and every kind of object storage."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from argon2 import PasswordHasher

from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import local_user
from billocr_assets.store.database import Database
from billocr_assets.store.reading import sync_shipped_models
from billocr_assets.store.schema import User
from tests import servers


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of the machine or writes into its installation."""
    for name in [name for name in os.environ if name.startswith("BILLOCR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BILLOCR_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are still hashed by Argon2id, but with so little work that no test waits for it."""
    monkeypatch.setattr("billocr_assets.store.accounts.hashes._hasher", PasswordHasher(1, 8, 1))


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """A real PostgreSQL cluster of our own."""
    binaries = servers.postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: neither initdb on the PATH nor /usr/lib/postgresql")
    with servers.run_postgres(binaries) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def gcs() -> Iterator[str]:
    """A Cloud Storage server; its address stands in the environment."""
    with servers.run_gcs() as url:
        yield url


@pytest.fixture
def gcs_bucket(gcs: str) -> str:
    """The URL of an empty bucket."""
    return servers.create_bucket(gcs)


# Migrating takes longer than most tests; every test gets a copy of a database that was migrated once.
@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.engine.dispose()
    return path


@pytest.fixture(scope="session")
def _migrated_postgres(postgres: servers.Postgres) -> str:
    name = postgres.create_database()
    database = Database(postgres.url(name))
    database.migrate()
    database.engine.dispose()
    return name


@pytest.fixture
def sqlite_url(_migrated_sqlite: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of the test's own."""
    shutil.copy(_migrated_sqlite, tmp_path / "billocr.db")
    return f"sqlite:///{tmp_path / 'billocr.db'}"


@pytest.fixture
def postgres_url(postgres: servers.Postgres, _migrated_postgres: str) -> Iterator[str]:
    """A migrated PostgreSQL database of the test's own."""
    name = postgres.create_database(template=_migrated_postgres)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """An empty store, once on SQLite and once on PostgreSQL, with its objects in a folder."""
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    store = open_store(settings)
    yield store
    store.database.engine.dispose()


@pytest.fixture
def user(store: Store) -> User:
    return local_user(store)


@pytest.fixture
def installation(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The installation that the environment names: a store with the shipped networks promoted."""
    monkeypatch.setenv("BILLOCR_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("BILLOCR_OBJECTS", str(tmp_path / "objects"))
    store = open_store()
    sync_shipped_models(store)
    yield store
    store.database.engine.dispose()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's storage, in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
