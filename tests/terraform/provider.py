"""A Terraform provider that knows every schema and reaches no cloud.

The real terraform talks to it as to any plugin: it validates, runs tests and plans, up to the calls of the cloud's API.
What an API would make up (ids, addresses, numbers) is unknown in a plan and invented on apply.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from tests.terraform.protocol import SERVICE, UNKNOWN, decode, encode, messages, schema_message

Json = dict[str, Any]


@contextmanager
def serve(schemas: Json) -> Iterator[str]:
    """Serve every provider of a schema document; gives the value of TF_REATTACH_PROVIDERS."""
    servers, addresses = [], {}
    try:
        for address, schema in schemas["provider_schemas"].items():
            unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
            server = grpc.server(ThreadPoolExecutor(8), options=unlimited)
            server.add_generic_rpc_handlers((_handlers(Provider(schema)),))
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            servers.append(server)
            addresses[address] = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,  # else terraform would stop the process
                "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
            }
        yield json.dumps(addresses)
    finally:
        for server in servers:
            server.stop(None)


class Provider:
    """Answers to terraform's calls, one method a call."""

    def __init__(self, schema: Json) -> None:
        self.schema = schema
        self.resources: Json = schema.get("resource_schemas", {})
        self.data_sources: Json = schema.get("data_source_schemas", {})
        self.ephemeral: Json = schema.get("ephemeral_resource_schemas", {})

    def get_provider_schema(self, _request: Any) -> Any:
        # Published modules set provider_meta { module_name }.
        meta = {"block": {"attributes": {"module_name": {"type": "string", "optional": True}}}}
        return messages["GetProviderSchema"](
            provider=schema_message(self.schema["provider"]),
            provider_meta=schema_message(meta),
            resource_schemas={name: schema_message(schema) for name, schema in self.resources.items()},
            data_source_schemas={name: schema_message(schema) for name, schema in self.data_sources.items()},
            ephemeral_resource_schemas={name: schema_message(schema) for name, schema in self.ephemeral.items()},
        )

    def upgrade_resource_state(self, request: Any) -> Any:
        state = messages["DynamicValue"](json=request.raw_state.json)
        return messages["UpgradeResourceState"](upgraded_state=state)

    def read_resource(self, request: Any) -> Any:
        return messages["ReadResource"](new_state=request.current_state)

    def plan_resource_change(self, request: Any) -> Any:
        prior, proposed = decode(request.prior_state), decode(request.proposed_new_state)
        block = self.resources[request.type_name]["block"]
        if proposed is not None:
            proposed = planned(block, proposed, prior)
        # legacy_type_system: the leniency that terraform has for providers of the old SDK, such as google.
        return messages["PlanResourceChange"](planned_state=encode(proposed), legacy_type_system=True)

    def apply_resource_change(self, request: Any) -> Any:
        value = decode(request.planned_state)
        if value is not None:
            value = applied(self.resources[request.type_name]["block"], value)
        return messages["ApplyResourceChange"](new_state=encode(value), legacy_type_system=True)

    def read_data_source(self, request: Any) -> Any:
        block = self.data_sources[request.type_name]["block"]
        return messages["ReadDataSource"](state=encode(answered(block, decode(request.config), also_optional=True)))

    def open_ephemeral_resource(self, request: Any) -> Any:
        block = self.ephemeral[request.type_name]["block"]
        return messages["OpenEphemeralResource"](result=encode(answered(block, decode(request.config))))

    def stop_provider(self, _request: Any) -> Any:
        return messages["StopProvider"]()

    def nothing(self, _request: Any) -> Any:
        """No diagnostics: terraform has checked the configuration against the schema already."""
        return messages["Nothing"]()


def planned(block: Json, value: Json, prior: Json | None = None) -> Json:
    """The planned state of a proposed one: what the API decides is unknown, write-only values leave.

    `prior`: the state so far, None for what is created.
    """
    result = dict(value)
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("write_only"):
            result[name] = None
        elif prior is None and attribute.get("computed") and result.get(name) is None:
            result[name] = UNKNOWN
    for name, nested in block.get("block_types", {}).items():
        # Computed values within blocks that are there stay as terraform proposes them.
        result[name] = _each(nested, result.get(name), lambda item, inner: planned(inner, item, prior))
        # A block that the configuration leaves out but the API fills in: references into it must not fail.
        if not result[name] and nested["nesting_mode"] == "list" and _has_computed(nested["block"]):
            result[name] = UNKNOWN if prior is None else prior.get(name)
    return result


def applied(block: Json, value: Json) -> Json:
    """The state after apply: unknown values made up."""
    result = dict(value)
    for name, attribute in block.get("attributes", {}).items():
        if result.get(name) is UNKNOWN:
            result[name] = made_up(name, attribute["type"])
        if attribute.get("write_only"):
            result[name] = None
    for name, nested in block.get("block_types", {}).items():
        if result.get(name) is UNKNOWN:
            attributes, blocks = nested["block"].get("attributes", {}), nested["block"].get("block_types", {})
            result[name] = [dict.fromkeys(attributes, UNKNOWN) | dict.fromkeys(blocks, UNKNOWN)]
        result[name] = _each(nested, result.get(name), lambda item, inner: applied(inner, item))
    return result


def answered(block: Json, config: Json, *, also_optional: bool = False) -> Json:
    """What reading a data source or opening an ephemeral resource gives: the arguments, and all else made up.

    `also_optional`: as well the arguments that the API sets where the configuration is silent, as of
    data.google_project.project_id; terraform allows that of data sources only.
    """
    value = applied(block, planned(block, config))
    for name, attribute in block.get("attributes", {}).items():
        if also_optional and value.get(name) is None and attribute["type"] == "string":
            value[name] = made_up(name, "string")
    return value


def made_up(name: str, kind: Any) -> Any:
    """A value of a cty type that nobody takes for a real one."""
    if isinstance(kind, str):
        return {"string": f"fake-{name}", "number": 0, "bool": False}.get(kind)
    if kind[0] == "object":
        return {field: made_up(field, inner) for field, inner in kind[1].items()}
    if kind[0] == "map":
        return {}
    return [made_up(name, kind[1])] if kind[1][0] == "object" else []


def _each(nested: Json, value: Any, change: Callable[[Json, Json], Json]) -> Any:
    """Apply a change to every item of a nested block, however it nests."""
    if value is None or value is UNKNOWN:
        return value
    inner = nested["block"]
    match nested["nesting_mode"]:
        case "single" | "group":
            return change(value, inner)
        case "map":
            return {key: change(item, inner) for key, item in value.items()}
        case _:
            return [item if item is UNKNOWN else change(item, inner) for item in value]


def _has_computed(block: Json) -> bool:
    return any(attribute.get("computed") for attribute in block.get("attributes", {}).values()) or any(
        _has_computed(nested["block"]) for nested in block.get("block_types", {}).values()
    )


def _handlers(provider: Provider) -> grpc.GenericRpcHandler:
    silent = (
        "ValidateProviderConfig",
        "ConfigureProvider",
        "ValidateResourceConfig",
        "ValidateDataResourceConfig",
        "ValidateEphemeralResourceConfig",
        "CloseEphemeralResource",
    )
    answers: dict[str, tuple[str, Callable[[Any], Any]]] = dict.fromkeys(silent, ("Nothing", provider.nothing)) | {
        "GetProviderSchema": ("Nothing", provider.get_provider_schema),
        "UpgradeResourceState": ("UpgradeResourceStateRequest", provider.upgrade_resource_state),
        "ReadResource": ("ReadResourceRequest", provider.read_resource),
        "PlanResourceChange": ("PlanResourceChangeRequest", provider.plan_resource_change),
        "ApplyResourceChange": ("ApplyResourceChangeRequest", provider.apply_resource_change),
        "ReadDataSource": ("ReadDataSourceRequest", provider.read_data_source),
        "OpenEphemeralResource": ("OpenEphemeralResourceRequest", provider.open_ephemeral_resource),
        "StopProvider": ("Nothing", provider.stop_provider),
    }
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            name: grpc.unary_unary_rpc_method_handler(
                lambda request, _context, answer=answer: answer(request),
                request_deserializer=messages[request].FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for name, (request, answer) in answers.items()
        },
    )
