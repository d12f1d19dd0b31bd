"""The roots as a person would set them up, once a test run: bootstrap, platform and two instances, applied offline."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

from tests.terraform.check import REPOSITORY, terraform, why_not

TERRAFORM = REPOSITORY / "terraform"


class Root(NamedTuple):
    """What one root was to be, and what it handed on after apply."""

    plan: dict[str, Any]
    outputs: dict[str, Any]


def examples(root: str) -> list[str]:
    """The example variables in a root's README, each the text of a terraform.tfvars."""
    page = (TERRAFORM / root / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```hcl\n# {root}: terraform.tfvars\n(.*?)^```$", page, re.M | re.S)


@pytest.fixture(scope="session")
def offline() -> None:
    """The real terraform and the schemas of its providers, or no test."""
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def stack(offline: None) -> dict[str, Root]:
    """bootstrap, platform, production and development, each told what the one before hands on, as the pages say."""
    bootstrap = _applied("bootstrap", examples("bootstrap")[0])
    platform = _applied("platform", examples("platform")[0], bootstrap=bootstrap.outputs["bootstrap"])
    production, development = (
        _applied("instance", example, platform=platform.outputs["platform"]) for example in examples("instance")[:2]
    )
    return {"bootstrap": bootstrap, "platform": platform, "production": production, "development": development}


def _applied(root: str, variables: str, **told: Any) -> Root:
    with terraform(TERRAFORM / root, **told) as real:
        return Root(real.plan(variables), real.apply())
