"""Who is asking. Pages and routes take the user from here and hand it to every service they call."""

from __future__ import annotations

from functools import cache

from starlette.requests import Request

from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import local_user
from billocr_assets.store.schema import User


@cache
def the_store() -> Store:
    """The installation's store, opened once a process."""
    return open_store()


def page_user() -> User:
    """The user of the page that runs now."""
    return local_user(the_store())


def request_user(request: Request) -> User:
    """The user behind a request to one of our own routes."""
    return local_user(the_store())
