"""Bills, their readings and their objects. Every function that a person can reach takes the user."""

from billocr_assets.store.store import Store, open_store

__all__ = ["Store", "open_store"]
