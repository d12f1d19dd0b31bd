"""What terraform hands on is what the next root and deploy/ take."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator

from tests.terraform.check import REPOSITORY
from tests.terraform.conftest import TERRAFORM, Root

CONTRACT = json.loads((TERRAFORM / "contract.schema.json").read_text(encoding="utf-8"))


def test_the_contract_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(CONTRACT)


@pytest.mark.parametrize("instance", ["production", "development"])
def test_outputs_are_what_the_contract_says(stack: dict[str, Root], instance: str) -> None:
    told = {
        "platform": stack["platform"].outputs["platform"],
        "instance": stack[instance].outputs["instance"],
    }
    assert [error.message for error in Draft202012Validator(CONTRACT).iter_errors(told)] == []


def test_the_contract_notices_an_output_that_is_missing_or_new(stack: dict[str, Root]) -> None:
    told = {
        "platform": stack["platform"].outputs["platform"],
        "instance": {name: value for name, value in stack["production"].outputs["instance"].items() if name != "bucket"}
        | {"new": 1},
    }
    messages = " ".join(error.message for error in Draft202012Validator(CONTRACT).iter_errors(told))
    assert "'bucket' is a required property" in messages
    assert "'new' was unexpected" in messages


def test_every_root_takes_all_that_the_one_before_hands_on(stack: dict[str, Root]) -> None:
    # An object variable drops attributes that its type does not name, without a word.
    for giver, taker in (("bootstrap", "platform"), ("platform", "instance")):
        text = (TERRAFORM / taker / "variables.tf").read_text(encoding="utf-8")
        body = re.search(rf'^variable "{giver}" \{{\n(.*?)^\}}$', text, re.M | re.S)
        assert body is not None
        taken = set(re.findall(r"^    (\w+) +=", body[1], re.M))
        assert taken == stack[giver].outputs[giver].keys()


def test_no_output_holds_a_secret(stack: dict[str, Root]) -> None:
    for name, root in stack.items():
        assert not re.search(r"PRIVATE KEY|password\W+\w{32}", json.dumps(root.outputs)), name


def test_deploy_reads_nothing_else() -> None:
    # `{{ .Values.instance.… }}` and the like: every path that deploy/ names must be in the contract.
    named = set()
    for path in (REPOSITORY / "deploy").rglob("*"):
        if path.suffix in (".yaml", ".tpl", ".py") and path.is_file():
            text = path.read_text(encoding="utf-8")
            named |= set(re.findall(r"\.Values\.((?:platform|instance)(?:\.\w+)+)", text))
    assert [path for path in named if not _promised(path.split("."))] == []


def _promised(path: list[str]) -> bool:
    schema = CONTRACT
    for name in path:
        properties = schema.get("properties", {})
        if name not in properties:
            return "properties" not in schema and isinstance(schema.get("additionalProperties"), dict)
        schema = properties[name]
    return True


def test_a_path_outside_the_contract_is_noticed() -> None:
    assert _promised(["instance", "database", "user"])
    assert _promised(["platform", "labels", "cost-centre"])
    assert not _promised(["instance", "database", "password"])
    assert not _promised(["instance", "database", "user", "name"])
