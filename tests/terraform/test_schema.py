"""Schemas read from the bindings are those of the providers, and plans made with them behave like the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.terraform.check import WHEELS
from tests.terraform.protocol import UNKNOWN, decode, encode
from tests.terraform.provider import applied, made_up, planned
from tests.terraform.schema import provider_schemas


@pytest.fixture(scope="module")
def google(offline: None) -> dict[str, Any]:
    types = ("storage_bucket", "sql_user", "container_cluster", "monitoring_uptime_check_config", "no_such_thing")
    wanted = {f"resource/google_{name}" for name in types} | {"data/google_project"}
    document = provider_schemas(WHEELS.glob("*.whl"), {"hashicorp/google": wanted}, WHEELS / "cache")
    return document["provider_schemas"]["hashicorp/google"]


def test_an_argument_is_required_optional_or_computed_as_the_provider_documents_it(google: dict[str, Any]) -> None:
    bucket = google["resource_schemas"]["google_storage_bucket"]["block"]["attributes"]
    assert bucket["location"] == {"type": "string", "required": True}
    assert bucket["force_destroy"] == {"type": "bool", "optional": True}
    assert bucket["url"] == {"type": "string", "computed": True}
    assert bucket["rpo"] == {"type": "string", "optional": True, "computed": True}
    assert bucket["labels"]["type"] == ["map", "string"]


def test_blocks_nest_and_repeat_as_the_provider_documents_it(google: dict[str, Any]) -> None:
    bucket = google["resource_schemas"]["google_storage_bucket"]["block"]["block_types"]
    assert (bucket["versioning"]["nesting_mode"], bucket["versioning"]["max_items"]) == ("list", 1)
    assert "max_items" not in bucket["lifecycle_rule"]
    assert bucket["lifecycle_rule"]["block"]["block_types"]["condition"]["nesting_mode"] in ("list", "set")
    assert bucket["timeouts"]["nesting_mode"] == "single"
    check = google["resource_schemas"]["google_monitoring_uptime_check_config"]["block"]["block_types"]
    assert "http_check" in check


def test_structs_of_the_largest_types_lie_in_files_of_their_own_and_are_found(google: dict[str, Any]) -> None:
    cluster = google["resource_schemas"]["google_container_cluster"]["block"]["block_types"]
    endpoint = cluster["control_plane_endpoints_config"]["block"]["block_types"]["dns_endpoint_config"]["block"]
    assert endpoint["attributes"]["allow_external_traffic"] == {"type": "bool", "optional": True}
    assert endpoint["attributes"]["endpoint"]["type"] == "string"


def test_an_argument_for_secrets_is_write_only(google: dict[str, Any]) -> None:
    user = google["resource_schemas"]["google_sql_user"]["block"]["attributes"]
    assert user["password_wo"]["write_only"]
    assert "write_only" not in user["password"]


def test_a_data_source_is_kept_apart_from_the_resource_of_its_name(google: dict[str, Any]) -> None:
    assert google["data_source_schemas"]["google_project"]["block"]["attributes"]["number"]["computed"]
    assert "google_project" not in google["resource_schemas"]


def test_a_type_that_the_provider_does_not_have_is_not_served(google: dict[str, Any]) -> None:
    assert "google_no_such_thing" not in google["resource_schemas"]


BLOCK = {
    "attributes": {
        "name": {"type": "string", "required": True},
        "id": {"type": "string", "computed": True},
        "token_wo": {"type": "string", "optional": True, "write_only": True},
    },
    "block_types": {
        "endpoint": {
            "nesting_mode": "list",
            "block": {"attributes": {"address": {"type": "string", "computed": True}}, "block_types": {}},
        }
    },
}


def test_a_plan_leaves_to_the_cloud_what_is_the_clouds_and_drops_secrets() -> None:
    proposed: dict[str, Any] = {"name": "a", "id": None, "token_wo": "secret", "endpoint": []}
    assert planned(BLOCK, proposed) == {
        "name": "a",
        "id": UNKNOWN,
        "token_wo": None,
        "endpoint": UNKNOWN,
    }


def test_a_changed_resource_keeps_what_the_cloud_said_before() -> None:
    state = {"name": "b", "id": "fake-id", "token_wo": "secret", "endpoint": [{"address": "fake-address"}]}
    proposed = {**state, "name": "c", "endpoint": []}
    assert planned(BLOCK, proposed, state) == {**state, "name": "c", "token_wo": None}


def test_after_apply_nothing_is_unknown() -> None:
    value = {"name": "a", "id": UNKNOWN, "token_wo": "secret", "endpoint": UNKNOWN}
    assert applied(BLOCK, value) == {
        "name": "a",
        "id": "fake-id",
        "token_wo": None,
        "endpoint": [{"address": "fake-address"}],
    }


def test_made_up_values_have_the_type_that_was_asked_for() -> None:
    fields = {"cert": "string", "days": "number", "names": ["set", "string"], "tags": ["map", "bool"]}
    assert made_up("ca", ["list", ["object", fields]]) == [{"cert": "fake-cert", "days": 0, "names": [], "tags": {}}]


def test_unknown_values_survive_the_wire() -> None:
    sent = {"known": [1, "two", None], "unknown": UNKNOWN}
    assert decode(encode(sent)) == sent
