"""The API as the application mounts it, over a store of the test's own."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from billocr_ui.routes import routes
from tests.ui.conftest import database_url, read, uploaded

__all__ = ["database_url", "read", "uploaded"]


@pytest.fixture
def client(database_url: str) -> TestClient:
    return TestClient(Starlette(routes=routes()), base_url="http://testserver/api/v1")
