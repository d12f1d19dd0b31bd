"""Check the Terraform roots with the real terraform and no network: `python -m tests.terraform.check [ROOT…]`.

For each root: fmt, validate, its *.tftest.hcl and, where an example of its variables is given, a plan. Exit status 0:
clean; 1: findings; 2: could not run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.terraform.provider import serve
from tests.terraform.schema import provider_schemas

REPOSITORY = Path(__file__).parents[2]
ROOTS = ("bootstrap", "platform", "instance")
# Wheels of the provider schemas; `make install-test` puts them there.
WHEELS = Path(os.environ.get("BILLOCR_TEST_PROVIDER_WHEELS", REPOSITORY / ".venv-terraform/provider-schemas"))

_NAMED = re.compile(
    r"^\s*(resource|data|ephemeral|override_resource|override_data|mock_resource|mock_data)\b([^\n]*)", re.M
)
_TARGET = re.compile(r"target\s*=\s*(?:module\.[\w\[\]\".*-]+\.)*(data\.)?(\w+)\.")


def why_not() -> str | None:
    """Why the checks cannot run here, or None."""
    if shutil.which("terraform") is None:
        return "terraform is not on the PATH"
    if not list(WHEELS.glob("*.whl")):
        return f"no provider schemas in {WHEELS}: `make install-test`"
    return None


class Finding(Exception):
    """terraform refused; the text is what it printed."""


@dataclass(frozen=True)
class Terraform:
    """The real terraform on a copy of a tree, with providers that only know schemas."""

    root: Path
    environment: dict[str, str]

    def run(self, *arguments: str, status: tuple[int, ...] = (0,)) -> str:
        """Standard output of a command. Raises Finding with everything it printed where the exit status is another."""
        command = ["terraform", f"-chdir={self.root}", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)
        if done.returncode not in status:
            raise Finding(f"terraform {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def init(self) -> None:
        self.run("init", "-no-color")

    def validate(self) -> list[dict[str, Any]]:
        """Diagnostics of `terraform validate`, each with severity, summary and detail."""
        report = json.loads(self.run("validate", "-json", status=(0, 1)))
        return list(report["diagnostics"])

    def test(self) -> str:
        return self.run("test", "-no-color")

    def plan(self, variables: str = "") -> dict[str, Any]:
        """The plan as `terraform show -json` prints it. `variables`: the text of a terraform.tfvars."""
        (self.root / "checked.auto.tfvars").write_text(variables)
        self.run("plan", "-refresh=false", "-lock=false", "-out=checked.plan")
        return dict(json.loads(self.run("show", "-json", "checked.plan")))

    def apply(self) -> dict[str, Any]:
        """Apply what was planned last; the outputs, in which what a cloud would make up begins with `fake-`."""
        self.run("apply", "-lock=false", "checked.plan")
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}


@contextmanager
def terraform(root: Path, *, changes: dict[str, str] | None = None, **variables: Any) -> Iterator[Terraform]:
    """terraform, initialised, on a copy of the tree that holds `root` and the modules it refers to by `../`.

    The copy leaves state, lock file and backend behind: GitLab's is not reachable, so the state is a local file.

    `changes`: text of files to write into the copy of the root first. `variables`: given as TF_VAR_….
    """
    with tempfile.TemporaryDirectory(prefix="billocr-terraform-") as folder:
        tree = Path(folder) / "terraform"
        source = root.parent
        ignored = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "*.auto.tfvars*", "*.plan")
        shutil.copytree(source, tree, ignore=ignored)
        copy = tree / root.name
        (copy / "checked_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        for name, text in (changes or {}).items():
            (copy / name).write_text(text)
        schemas = provider_schemas(WHEELS.glob("*.whl"), _named(tree), WHEELS / "cache")
        with serve(schemas) as reattach:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
            environment |= {f"TF_VAR_{name}": json.dumps(value) for name, value in variables.items()}
            environment |= {
                "TF_REATTACH_PROVIDERS": reattach,
                "TF_CLI_CONFIG_FILE": "/dev/null",
                "CHECKPOINT_DISABLE": "1",
                "TF_IN_AUTOMATION": "1",
                "TF_INPUT": "0",
                "NO_COLOR": "1",
            }
            checked = Terraform(copy, environment)
            checked.init()
            yield checked


def _named(tree: Path) -> dict[str, set[str]]:
    """The types that a tree names, by provider."""
    named: dict[str, set[str]] = {}
    for path in [*tree.rglob("*.tf"), *tree.rglob("*.tftest.hcl"), *tree.rglob("*.tfmock.hcl")]:
        text = path.read_text()
        types = [
            (re.sub("^(mock|override)_", "", kind), re.findall(r'"(\w+)"', rest)[:1])
            for kind, rest in _NAMED.findall(text)
        ]
        types += [("data" if data else "resource", [name]) for data, name in _TARGET.findall(text)]
        for kind, names in types:
            for name in names:
                named.setdefault(f"hashicorp/{name.split('_')[0]}", set()).add(f"{kind}/{name}")
        for provider in re.findall(r'source\s*=\s*"(hashicorp/[\w-]+)"', text):
            named.setdefault(provider, set())
    return named


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roots", nargs="*", type=Path, metavar="ROOT", help="folders; default: all of terraform/")
    parser.add_argument("--variables", type=Path, help="terraform.tfvars (or .json): plan with them as well")
    parser.add_argument("--out", type=Path, help="where to write the plan's JSON")
    options = parser.parse_args(arguments)
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 2
    wrong = 0
    for root in options.roots or [REPOSITORY / "terraform" / name for name in ROOTS]:
        try:
            wrong += _check(root.resolve(), options.variables, options.out)
        except Finding as finding:
            wrong += 1
            print(f"{root}: {finding}")
    return 1 if wrong else 0


def _check(root: Path, variables: Path | None, out: Path | None) -> int:
    with terraform(root) as checked:
        unformatted = checked.run("fmt", "-check", "-recursive", "-diff", status=(0, 3))
        diagnostics = checked.validate()
        print(unformatted, end="")
        for found in diagnostics:
            place = found.get("range", {"filename": "", "start": {"line": 0}})
            print(f"{place['filename']}:{place['start']['line']}: {found['summary']}: {found['detail']}")
        if diagnostics or unformatted:
            return 1
        print(f"{root.name}: formatted, valid", end="")
        if list(root.glob("*.tftest.hcl")) or list((root / "tests").glob("*.tftest.hcl")):
            print("; " + checked.test().strip().splitlines()[-1], end="")
        if variables:
            text = variables.read_text()
            if variables.suffix == ".json":
                text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in json.loads(text).items())
            plan = checked.plan(text)
            created = [change for change in plan["resource_changes"] if "create" in change["change"]["actions"]]
            print(f"; {len(created)} resources to create", end="")
            if out:
                out.write_text(json.dumps(plan))
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
