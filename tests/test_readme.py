"""What the README promises is there."""

from __future__ import annotations

import re
from pathlib import Path

from billocr_assets.settings import settings_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_settings_names_every_setting_with_its_default() -> None:
    table = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", README, re.DOTALL)
    assert table is not None
    assert table[1] == settings_table(), "run: python -c 'from billocr_assets.settings import settings_table; ...'"


def test_every_path_and_picture_that_it_names_exists() -> None:
    named = re.findall(r"\]\(([^)#:]+)\)", README)
    named += re.findall(r"`((?:billocr_|training|deploy|tests)[\w./-]*/[\w./-]*)`", README)
    assert len(named) >= 8
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_command_of_its_command_line_section_is_a_command() -> None:
    from billocr_assets.cli import main

    commands = set(re.findall(r"(?:bin/|`)billocr (\w+)", README))
    assert {"read", "upload", "evaluate"} <= commands <= set(main.commands)
