"""Terraform's plugin protocol 6, as far as a provider that only knows schemas speaks it.

Messages are described in a few lines here instead of a compiled .proto; fields that neither side needs are left out,
which protobuf allows. Source: hashicorp/terraform, docs/plugin-protocol/tfplugin6.
"""

from __future__ import annotations

import json
from typing import Any

import msgpack
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "tfplugin6.Provider"

# message: fields as "type name number"; `*` repeated, `%` map from string.
_MESSAGES = {
    "DynamicValue": "bytes msgpack 1, bytes json 2",
    "RawState": "bytes json 1",
    "Diagnostic": "int32 severity 1, string summary 2, string detail 3",
    "Attribute": "string name 1, bytes type 2, bool required 4, bool optional 5, bool computed 6, bool write_only 11",
    "Block": "int64 version 1, *Attribute attributes 2, *NestedBlock block_types 3",
    "NestedBlock": "string type_name 1, Block block 2, int32 nesting 3, int64 min_items 4, int64 max_items 5",
    "Schema": "int64 version 1, Block block 2",
    "Nothing": "",
    "GetProviderSchema": (
        "Schema provider 1, %Schema resource_schemas 2, %Schema data_source_schemas 3, Schema provider_meta 5, "
        "%Schema ephemeral_resource_schemas 8"
    ),
    "UpgradeResourceStateRequest": "string type_name 1, int64 version 2, RawState raw_state 3",
    "UpgradeResourceState": "DynamicValue upgraded_state 1",
    "ReadResourceRequest": "string type_name 1, DynamicValue current_state 2",
    "ReadResource": "DynamicValue new_state 1",
    "PlanResourceChangeRequest": "string type_name 1, DynamicValue prior_state 2, DynamicValue proposed_new_state 3",
    "PlanResourceChange": "DynamicValue planned_state 1, bool legacy_type_system 5",
    "ApplyResourceChangeRequest": "string type_name 1, DynamicValue prior_state 2, DynamicValue planned_state 3",
    "ApplyResourceChange": "DynamicValue new_state 1, bool legacy_type_system 4",
    "ReadDataSourceRequest": "string type_name 1, DynamicValue config 2",
    "ReadDataSource": "DynamicValue state 1",
    "OpenEphemeralResourceRequest": "string type_name 1, DynamicValue config 2",
    "OpenEphemeralResource": "DynamicValue result 3",
    "StopProvider": "string error 1",
}
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="tfplugin6.proto", package="tfplugin6", syntax="proto3")
    field_type = descriptor_pb2.FieldDescriptorProto

    def add(message: Any, kind: str, name: str, number: int, label: int) -> None:
        field = message.field.add(name=name, number=number, label=label)
        if kind in _MESSAGES or "." in kind:
            field.type, field.type_name = field_type.TYPE_MESSAGE, f".tfplugin6.{kind}"
        else:
            field.type = getattr(field_type, f"TYPE_{kind.upper()}")

    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for kind, field_name, number in (text.split() for text in fields.split(",") if text):
            label = field_type.LABEL_REPEATED if kind[0] in "*%" else field_type.LABEL_OPTIONAL
            if kind[0] == "%":
                entry = "".join(part.title() for part in field_name.split("_")) + "Entry"
                pair = message.nested_type.add(name=entry)
                pair.options.map_entry = True
                add(pair, "string", "key", 1, field_type.LABEL_OPTIONAL)
                add(pair, kind[1:], "value", 2, field_type.LABEL_OPTIONAL)
                kind = f"{name}.{entry}"
            add(message, kind.lstrip("*"), field_name, int(number), label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tfplugin6.{name}")) for name in _MESSAGES
    }


messages = _classes()


class Unknown:
    """A value that is known after apply."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN = Unknown()


def encode(value: Any) -> Any:
    """A DynamicValue of a Python value."""
    packed = msgpack.packb(value, default=lambda _: msgpack.ExtType(0, b"\0"))
    return messages["DynamicValue"](msgpack=packed)


def decode(value: Any) -> Any:
    """The Python value of a DynamicValue; every kind of unknown, refined or not, is UNKNOWN."""
    if value.json:
        return json.loads(value.json)
    return msgpack.unpackb(value.msgpack, ext_hook=lambda _code, _data: UNKNOWN, strict_map_key=False)


def schema_message(schema: dict[str, Any]) -> Any:
    """A Schema message of an entry of `terraform providers schema -json`."""
    return messages["Schema"](version=schema.get("version", 0), block=_block(schema["block"]))


def _block(block: dict[str, Any]) -> Any:
    marks = ("required", "optional", "computed", "write_only")
    return messages["Block"](
        attributes=[
            messages["Attribute"](
                name=name,
                type=json.dumps(attribute["type"]).encode(),
                **{mark: attribute[mark] for mark in marks if mark in attribute},
            )
            for name, attribute in sorted(block.get("attributes", {}).items())
        ],
        block_types=[
            messages["NestedBlock"](
                type_name=name,
                block=_block(nested["block"]),
                nesting=_NESTING[nested["nesting_mode"]],
                min_items=nested.get("min_items", 0),
                max_items=nested.get("max_items", 0),
            )
            for name, nested in sorted(block.get("block_types", {}).items())
        ],
    )
