"""Schemas of Terraform providers without the providers: rebuilt from the CDKTF bindings on PyPI.

A provider's binary cannot be had without the network, but `cdktf-cdktf-provider-google` and its siblings are generated
from the provider's schema and carry the original TypeScript in the source maps of their JavaScript. That text says of
every argument whether it is required, optional or computed, of which type it is, and which blocks nest how. What it has
lost: validators (enumerations, ConflictsWith), sensitive and deprecated marks, and ephemeral resources.

Schemas are plain dicts in the format of `terraform providers schema -json`, so the output of a real provider
(`BILLOCR_TEST_PROVIDER_SCHEMA`) can stand in for the wheels.
"""

from __future__ import annotations

import base64
import json
import os
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# Changes of the reader below make its old results worthless.
CACHE_FORMAT = 1

_ATTRIBUTE = re.compile(r"^  // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)$", re.M)
_GETTER = re.compile(r"this\.get(Any|Boolean|Number|String|List)?(List|Map)?Attribute\('")
_COMPUTED_MAP = re.compile(r"new cdktf\.(Any|Boolean|Number|String)Map(List)?\(this")
_STRUCT = re.compile(r"new (\w+?)(OutputReference|List|Map)\(this, \"\w+\"(?:, (true|false))?\)")
_TOP_LEVEL = re.compile(r"^export (?=class|interface|function)", re.M)
_CLASS = re.compile(r"class (\w+) extends cdktf\.(\w+)")
_HCL = re.compile(
    r"^ +(\w+): \{\n +value: .*\n +isBlock: (\w+),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"", re.M
)
_PRIMITIVE = {"Any": "string", "Boolean": "bool", "Number": "number", "String": "string"}
_STORAGE = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "stringList": ["list", "string"],
    "numberList": ["list", "number"],
    "stringMap": ["map", "string"],
}


def provider_schemas(wheels: Iterable[Path], wanted: dict[str, set[str]], cache: Path) -> Json:
    """The schemas of the wanted types, as `terraform providers schema -json` prints them.

    `wheels`: CDKTF bindings. `wanted`: keys such as `resource/google_storage_bucket`, `data/google_project` by source
    address (`hashicorp/google`). Types that the bindings do not know are left out: terraform then reports them.
    `cache`: a folder; a wheel's types are read once (4 s for all of google's).
    """
    given = os.environ.get("BILLOCR_TEST_PROVIDER_SCHEMA")
    schemas: Json = json.loads(Path(given).read_text())["provider_schemas"] if given else {}
    schemas = {address.split("/", 1)[1]: schema for address, schema in schemas.items()}
    for wheel in wheels:
        address = _address(wheel)
        if address not in wanted or address in schemas:
            continue
        # An ephemeral resource is not in the bindings; it has the arguments of the resource of the same name.
        keys = {re.sub("^ephemeral/", "resource/", key) for key in wanted[address]} | {"provider"}
        known = _read_cached(wheel, keys, cache)
        block = {key: {"version": 0, "block": known[key]} for key in keys if known[key] is not None}
        schemas[address] = {
            "provider": block.pop("provider"),
            "resource_schemas": _of_kind(block, "resource"),
            "data_source_schemas": _of_kind(block, "data"),
            "ephemeral_resource_schemas": {
                name.removeprefix("ephemeral/"): block[name.replace("ephemeral/", "resource/", 1)]
                for name in wanted[address]
                if name.startswith("ephemeral/") and name.replace("ephemeral/", "resource/", 1) in block
            },
        }
    return {"format_version": "1.0", "provider_schemas": schemas}


def _of_kind(schemas: Json, kind: str) -> Json:
    return {name.split("/")[1]: schema for name, schema in schemas.items() if name.startswith(f"{kind}/")}


def _address(wheel: Path) -> str:
    """`hashicorp/google` for `cdktf_cdktf_provider_google-16.12.1-py3-none-any.whl`."""
    return "hashicorp/" + wheel.name.split("-")[0].removeprefix("cdktf_cdktf_provider_").replace("_", "-")


def _read_cached(wheel: Path, keys: set[str], cache: Path) -> Json:
    path = cache / f"{wheel.stem}.{CACHE_FORMAT}.json"
    known: Json = json.loads(path.read_text()) if path.exists() else {}
    if missing := keys - known.keys():
        known |= dict.fromkeys(missing) | {key: block for key, block in _read(wheel, missing) if key in missing}
        cache.mkdir(parents=True, exist_ok=True)
        # Several test processes may write at once.
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(known))
        fresh.replace(path)
    return known


def _read(wheel: Path, keys: set[str]) -> Iterator[tuple[str, Json]]:
    """Schemas of the wanted types; one pass through the npm package inside the wheel."""
    folders: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as archive:
        package = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with archive.open(package) as stream, tarfile.open(fileobj=stream, mode="r|gz") as tar:
            for member in tar:
                # package/lib/<folder>/…; the largest types keep their blocks in files below index-structs/.
                parts = member.name.split("/")
                if not member.name.endswith(".js") or len(parts) < 4:
                    continue
                folder = parts[2]
                text = tar.extractfile(member).read().decode()  # type: ignore[union-attr]
                if folder == "provider":
                    names[folder] = "provider"
                elif found := re.search(r'\.tfResourceType = "(\w+)"', text):
                    names[folder] = f"{'data' if folder.startswith('data-') else 'resource'}/{found[1]}"
                if names.get(folder, "") in {"", *keys}:
                    folders.setdefault(folder, []).append(text)
    for folder, texts in folders.items():
        if names.get(folder) in keys:
            yield names[folder], _TypeScript.of(texts).block()


@dataclass
class _TypeScript:
    """The classes and functions of one resource, data source or provider."""

    classes: dict[str, str] = field(default_factory=dict)
    hcl: dict[str, dict[str, tuple[bool, str, str]]] = field(default_factory=dict)
    top: str = ""

    @classmethod
    def of(cls, scripts: Iterable[str]) -> _TypeScript:
        source = cls()
        for part in (part for script in scripts for part in _TOP_LEVEL.split(_original(script))):
            if found := _CLASS.match(part):
                source.classes[found[1]] = part
                if found[2] in ("TerraformResource", "TerraformDataSource", "TerraformProvider"):
                    source.top = found[1]
                    source.hcl[""] = _hcl_arguments(part)
            elif found := re.match(r"function (\w+)ToHclTerraform", part):
                source.hcl[found[1].lower()] = _hcl_arguments(part)
        return source

    def block(self, struct: str = "") -> Json:
        """Schema of the whole type, or of one of its nested structs."""
        attributes: Json = {}
        blocks: Json = {}
        arguments = self.hcl.get(struct.lower(), {})
        for name, marks, text in self._members(struct):
            if not struct and name == "alias":  # terraform's own, of every provider
                continue
            is_block, mode, storage = arguments.get(name, (False, "", ""))
            nested = _STRUCT.search(text)
            if nested and (marks["optional"] or marks["required"]):
                blocks[name] = self._nested(nested, mode, marks)
            elif not is_block or nested:
                marks = {mark: True for mark, value in marks.items() if value}
                if name.endswith("_wo"):
                    marks["write_only"] = True
                attributes[name] = {"type": self._type(text, storage), **marks}
        return {"attributes": attributes, "block_types": blocks}

    def _members(self, struct: str) -> Iterator[tuple[str, dict[str, bool], str]]:
        text = self.classes[f"{struct}OutputReference" if struct else self.top]
        found = list(_ATTRIBUTE.finditer(text))
        for this, following in zip(found, [*found[1:], None], strict=False):
            body = text[this.end() : following.start() if following else len(text)]
            # What follows the last attribute: the part that writes HCL.
            body = body.split("// SYNTHESIS")[0]
            marks = dict(
                zip(("computed", "optional", "required"), (mark == "true" for mark in this.groups()[1:]), strict=True)
            )
            yield this[1], marks, body

    def _nested(self, found: re.Match[str], mode: str, marks: dict[str, bool]) -> Json:
        struct, container, is_set = found.groups()
        block: Json = {"block": self.block(struct)}
        block["nesting_mode"] = {"struct": "single"}.get(mode, mode or ("set" if is_set == "true" else "list"))
        if block["nesting_mode"] != "single":
            if marks["required"]:
                block["min_items"] = 1
            if container == "OutputReference":
                block["max_items"] = 1
        return block

    def _type(self, text: str, storage: str) -> Any:
        """The cty type of an attribute, as JSON."""
        if found := _STRUCT.search(text):
            struct, container, is_set = found.groups()
            fields = {name: self._type(body, "") for name, _, body in self._members(struct)}
            collection = "map" if container == "Map" else "set" if is_set == "true" else "list"
            return [collection, ["object", fields]]
        if found := _COMPUTED_MAP.search(text):
            kind = ["map", _PRIMITIVE[found[1]]]
            return ["list", kind] if found[2] else kind
        if found := _GETTER.search(text):
            primitive, collection = found.groups()
            if primitive == "List":
                primitive, collection = "String", "List"
            if collection is None:
                return _PRIMITIVE[primitive]
            return ["set" if "Fn.tolist(" in text else collection.lower(), _PRIMITIVE[primitive or "String"]]
        return _STORAGE.get(storage, "dynamic")


def _hcl_arguments(text: str) -> dict[str, tuple[bool, str, str]]:
    return {name: (is_block == "true", mode, storage) for name, is_block, mode, storage in _HCL.findall(text)}


def _original(script: str) -> str:
    """The TypeScript of a compiled file, from its inline source map."""
    _, _, encoded = script.rpartition("sourceMappingURL=data:application/json;")
    if not encoded:
        return ""
    return "\n".join(json.loads(base64.b64decode(encoded.split("base64,")[1].strip()))["sourcesContent"])
