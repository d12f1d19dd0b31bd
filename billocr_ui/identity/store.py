"""The store that pages, routes and middleware share."""

from __future__ import annotations

from functools import cache

from billocr_assets.store import Store, open_store


@cache
def the_store() -> Store:
    """The installation's store, opened once a process."""
    return open_store()
