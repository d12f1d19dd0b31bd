"""What the operators' pages tell people to type exists in the tools that are installed here."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.conftest import TERRAFORM

PAGES = sorted(TERRAFORM.rglob("*.md"))
COMPLETIONS = Path("/usr/lib/google-cloud-sdk/data/cli/gcloud_completions.py")


def commands(tool: str) -> list[list[str]]:
    """Every call of a tool in the pages' shell blocks and tables, cut into words."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
        # Inline: a whole command between backticks, told by a flag or an argument.
        blocks += [
            code.replace("\n", " ") for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", text) if code.startswith(f"{tool} ")
        ]
        for block in blocks:
            for line in re.sub(r"\\\n", " ", block).splitlines():
                line = re.sub(r"\s+#( .*)?$", "", re.sub(r"^#.*", "", line))
                for part in re.split(r"\$\(|&&|\|(?!\|)|;|\)\"?$", line):
                    if match := re.search(rf"(?:^|\s)({tool} [a-z-].*)", part):
                        found.append(
                            [word.strip("\"'") for word in shlex.split(match[1].replace("'", "").replace('"', ""))]
                        )
    return found


def refused_by_gcloud(tree: dict[str, Any], words: list[str]) -> str | None:
    """What gcloud does not know of a call, or None."""
    node, flags = tree, set(tree.get("flags", {}))
    words = words[1:]
    while words and words[0] in node.get("commands", {}):
        node = node["commands"][words.pop(0)]
        flags |= node.get("flags", {}).keys()
    if node.get("commands"):
        return f"no command {words[:1]}"
    return next((word for word in words if word.startswith("--") and word.split("=")[0] not in flags), None)


@pytest.fixture(scope="module")
def gcloud() -> dict[str, Any]:
    if not COMPLETIONS.exists():
        pytest.skip("gcloud is not installed in /usr/lib/google-cloud-sdk")
    spec = importlib.util.spec_from_file_location("gcloud_completions", COMPLETIONS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.STATIC_COMPLETION_CLI_TREE)


def test_gcloud_knows_every_command_and_flag(gcloud: dict[str, Any]) -> None:
    calls = commands("gcloud")
    assert len(calls) >= 20
    refused = {" ".join(words): reason for words in calls if (reason := refused_by_gcloud(gcloud, words))}
    assert refused == {}


@pytest.mark.parametrize("words", ["gcloud sql instance list", "gcloud storage cp a b --recursiv", "gcloud sequel x"])
def test_a_gcloud_command_with_a_slip_is_noticed(gcloud: dict[str, Any], words: str) -> None:
    assert refused_by_gcloud(gcloud, words.split())


def test_terraform_knows_every_command_and_flag() -> None:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on the PATH")
    helps: dict[str, str] = {}
    wrong = []
    for words in commands("terraform"):
        rest = [word for word in words[1:] if not word.startswith("-chdir=")]
        name = " ".join(rest[:2]) if rest[0] == "state" else rest[0]
        if name not in helps:
            done = subprocess.run(["terraform", *name.split(), "-help"], capture_output=True, text=True)
            helps[name] = done.stdout + done.stderr
        # `apply` and `destroy` take the options of `plan`, which their help only mentions.
        known = helps[name] + (helps.get("plan") or "") if name in ("apply", "destroy") else helps[name]
        if f"terraform [global options] {name}" not in helps[name]:
            wrong.append(" ".join(words))
        wrong += [
            f"{' '.join(words)}: {word}"
            for word in rest
            if word.startswith("-") and not re.search(rf"^\s+{re.escape(word.split('=')[0])}\b", known, re.M)
        ]
    assert len(helps) >= 6
    assert wrong == []


def test_kubectl_knows_every_command_and_flag() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH")
    everywhere = subprocess.run(["kubectl", "options"], capture_output=True, text=True).stdout
    helps: dict[str, str] = {}
    wrong = []
    for words in commands("kubectl"):
        words = words[: words.index("--")] if "--" in words else words
        name = next(
            name
            for name in (" ".join(words[1:3]), words[1])
            if name == words[1]
            or name
            in ("create namespace", "create rolebinding", "config set-context", "rollout restart", "rollout status")
        )
        if name not in helps:
            done = subprocess.run(["kubectl", *name.split(), "--help"], capture_output=True, text=True)
            helps[name] = done.stdout + done.stderr
        wrong += [
            f"{' '.join(words)}: {word}"
            for word in words
            if word.startswith("--")
            and not re.search(rf"{re.escape(word.split('=')[0])}[=: ]", helps[name] + everywhere)
        ]
    assert len(helps) >= 4
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TERRAFORM)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if file.is_dir() and anchor:
            file = file / "README.md"
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
