"""The API's description: what clients are made from."""

import json
import re
from pathlib import Path

import pytest

from billocr_ui.api.__main__ import description

GOLDEN = Path(__file__).with_name("openapi.json")
SAID = json.loads(description())
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in SAID["paths"].items()
    for method, operation in methods.items()
}


def test_no_change_of_the_api_goes_unseen():
    assert description() == GOLDEN.read_text(encoding="utf-8"), (
        "The API is not what tests/api/openapi.json says. If that is meant, renew it: "
        "python -m billocr_ui.api > tests/api/openapi.json, and look at its difference: clients rely on it."
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_route_says_what_it_does_and_how_it_fails(name):
    _, _, operation = OPERATIONS[name]
    assert operation["description"].strip().endswith(".")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), "reads badly as the name of a client's function"
    success = [status for status in operation["responses"] if status < "300"]
    assert len(success) == 1
    answer = operation["responses"][success[0]]
    assert success == ["204"] or all("schema" in media for media in answer["content"].values())
    for status, answer in operation["responses"].items():
        if status >= "400" and operation["tags"] != ["health"]:
            assert list(answer["content"]) == ["application/problem+json"], status


def test_every_route_but_those_that_let_people_in_asks_for_a_login():
    open_to_all = {name for name, (_, _, operation) in OPERATIONS.items() if "security" not in operation}
    assert open_to_all == {"log_in", "sign_up", "try_out", "get_live", "get_ready"}
    for name in open_to_all ^ OPERATIONS.keys():
        assert OPERATIONS[name][2]["security"] in ([{"token": []}, {"session": []}], [{"session": []}]), name


def test_what_reads_a_bill_can_say_that_there_is_none():
    for name, (_, path, operation) in OPERATIONS.items():
        if "{bill_id}" in path:
            assert "404" in operation["responses"], name
