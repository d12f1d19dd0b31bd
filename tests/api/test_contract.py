"""Every route of a running server with whatever its description allows, and with what it does not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from billocr_assets.settings import Settings
from billocr_ui.api import create_api
from tests.api.live import serve
from tests.api.world import SETTINGS, World, make_world, prepared

EXAMPLES = 12
OPERATIONS = {
    operation["operationId"]: (method, path)
    for path, methods in create_api().openapi()["paths"].items()
    for method, operation in methods.items()
}


@dataclass
class Live:
    url: str
    world: World
    schema: schemathesis.BaseSchema


@pytest.fixture(scope="module")
def live(postgres: Any, _migrated_postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server on PostgreSQL, which is stricter than SQLite about texts and numbers."""
    home, name = tmp_path_factory.mktemp("contract"), postgres.create_database(template=_migrated_postgres)
    values = {**SETTINGS, "database_url": postgres.url(name)}
    world = make_world(Settings(home=home, **values))
    with serve(home, **values) as (url, _):
        schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
        # The login is ours; that a route asks for one is checked by leaving it out.
        schema.config.generation.update(with_security_parameters=False)
        yield Live(url, world, schema)
    world.store.database.engine.dispose()
    postgres.drop_database(name)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_route_answers_as_it_says_and_never_with_an_error_of_ours(live: Live, name: str):
    method, path = OPERATIONS[name]
    operation = live.schema[path][method]
    at = prepared(live.world, name, path)
    role = "admin" if operation.path.startswith("/admin") else "owner"
    calls = itertools.count()

    # In its own order, so that a shrinking failure finds the same things there.
    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=[*HealthCheck]
    )
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        # Mostly what is there: with ids made up, every answer would be that there is no such thing.
        for parameter in case.path_parameters or {}:
            if parameter in at and mode is GenerationMode.POSITIVE and next(calls) % 4:
                case.path_parameters[parameter] = at[parameter]
        live.world.restore()
        case.call_and_validate(
            headers={"Origin": live.url},
            cookies={"bill_session": live.world.session(role)},
            # A request can be well formed and still make no sense: a revision that there is not, a bad address.
            excluded_checks=[positive_data_acceptance],
        )

    ask()
