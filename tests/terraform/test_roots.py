"""Every root, with the real terraform: formatted, valid, tested, and planned as its README shows."""

from __future__ import annotations

import re

import pytest

from tests.terraform.check import ROOTS, terraform
from tests.terraform.conftest import TERRAFORM, Root, examples
from tests.terraform.documentation import written
from tests.terraform.policies import planned_resources


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_is_formatted_and_valid_and_passes_its_own_tests(offline: None, root: str) -> None:
    with terraform(TERRAFORM / root) as real:
        assert real.run("fmt", "-check", "-recursive", "-diff", status=(0, 3)) == ""
        assert real.validate() == []
        report = real.test()
    passed = re.search(r"Success! (\d+) passed, 0 failed", report)
    assert passed is not None
    assert int(passed[1]) >= 4, report


def test_modules_are_formatted(offline: None) -> None:
    with terraform(TERRAFORM / "instance") as real:
        assert real.run("fmt", "-check", "-recursive", "-diff", "..", status=(0, 3)) == ""


def test_a_project_comes_about_by_handing_on_the_outputs(stack: dict[str, Root]) -> None:
    counts = {name: len(planned_resources(root.plan)) for name, root in stack.items()}
    # Enough to notice a root that lost its content, and a for_each that became empty.
    assert counts["bootstrap"] >= 50
    assert counts["platform"] >= 45
    assert counts["production"] >= 29
    assert counts["development"] == counts["production"] - 2, "no uptime check, nobody let into Dagster"


def test_what_was_applied_needs_no_second_apply(offline: None, stack: dict[str, Root]) -> None:
    with terraform(TERRAFORM / "instance", platform=stack["platform"].outputs["platform"]) as real:
        real.plan(examples("instance")[0])
        real.apply()
        again = real.plan(examples("instance")[0])
    # Random passwords are drawn anew in every run; they must not look like a change.
    assert [change["address"] for change in again["resource_changes"] if change["change"]["actions"] != ["no-op"]] == []


@pytest.mark.parametrize("root", ROOTS)
def test_every_example_of_a_readme_can_be_planned(offline: None, stack: dict[str, Root], root: str) -> None:
    told = {"instance": ("platform",), "platform": ("bootstrap",), "bootstrap": ()}[root]
    further = examples(root)[2 if root == "instance" else 1 :]  # the stack has planned the first
    with terraform(TERRAFORM / root, **{name: stack[name].outputs[name] for name in told}) as real:
        for example in further:
            assert planned_resources(real.plan(example)), example
    assert examples(root)


@pytest.mark.parametrize("root", ROOTS)
def test_the_tables_of_a_readme_are_those_of_its_files(root: str) -> None:
    page = (TERRAFORM / root / "README.md").read_text(encoding="utf-8")
    assert "<!-- inputs -->" in page
    assert "<!-- outputs -->" in page
    assert page == written(TERRAFORM / root), "run: python -m tests.terraform.documentation"


@pytest.mark.parametrize("root", ROOTS)
def test_every_input_is_described_typed_and_never_silently_null(root: str) -> None:
    text = (TERRAFORM / root / "variables.tf").read_text(encoding="utf-8")
    names = re.findall(r'^variable "(\w+)"', text, re.M)
    assert names == sorted(names)
    for name, body in re.findall(r'^variable "(\w+)" \{\n(.*?)^\}$', text, re.M | re.S):
        assert "  description = " in body, name
        assert re.search(r"^  type +=", body, re.M), name
        assert re.search(r"^  nullable += false$|^  default += null$", body, re.M), name


@pytest.mark.parametrize("root", ROOTS)
def test_all_roots_ask_for_the_same_versions(root: str) -> None:
    text = (TERRAFORM / root / "versions.tf").read_text(encoding="utf-8")
    assert 'required_version = ">= 1.11, < 2.0"' in text
    assert 'version = ">= 7.40, < 9.0"' in text
    assert 'backend "http" {}' in text
    assert "default_labels = local.labels" in text


def test_the_costs_of_an_instance_add_up() -> None:
    page = (TERRAFORM / "instance/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \|.*\| \**([\d.]+)\** \| \**([\d.]+)\** \|$", page, re.M)
    *parts, total = rows
    assert total[0] == "**sum**"
    for column in (1, 2):
        assert sum(float(row[column]) for row in parts) == pytest.approx(float(total[column]), abs=0.005)
