"""An open store: the database and the objects of one installation."""

from __future__ import annotations

from dataclasses import dataclass

from billocr_assets.settings import Settings, get_settings
from billocr_assets.store.database import Database
from billocr_assets.store.objects import Objects


@dataclass(frozen=True, slots=True)
class Store:
    database: Database
    objects: Objects
    settings: Settings


def open_store(settings: Settings | None = None) -> Store:
    """Open what the settings name. The tables are made by ``store.database.migrate()``, once, before serving."""
    settings = settings or get_settings()
    return Store(Database(settings.database_url), Objects(settings.objects), settings)
