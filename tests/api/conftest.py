"""The API as the application mounts it, over a store of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from billocr_ui.routes import routes
from tests.ui.conftest import database_url, read, uploaded

__all__ = ["database_url", "read", "uploaded"]


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    # In a block, all requests run in one event loop, as in a server.
    with TestClient(Starlette(routes=routes()), base_url="http://testserver/api/v1") as client:
        yield client
