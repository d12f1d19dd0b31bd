"""Tables of inputs and outputs in the roots' READMEs, from the .tf files: `python -m tests.terraform.documentation`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.terraform.check import REPOSITORY, ROOTS

_BLOCK = r'^{kind} "(\w+)" {{\n(.*?)^}}$'


def tables(root: Path) -> dict[str, str]:
    """Markdown tables of a root, by the name of the markers that they stand between."""
    inputs = ["| Input | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
    for name, body in _blocks(root / "variables.tf", "variable"):
        default = _argument(body, "default")
        shown = "required" if default is None else f"`{default}`"
        # What another root hands on is read by nobody here.
        kind = "object" if _description(body).startswith("The output `") else _argument(body, "type")
        inputs.append(f"| `{name}` | `{kind}` | {shown} | {_description(body)} |")
    outputs = ["| Output | Meaning |", "| --- | --- |"]
    outputs += [f"| `{name}` | {_description(body)} |" for name, body in _blocks(root / "outputs.tf", "output")]
    return {"inputs": "\n".join(inputs), "outputs": "\n".join(outputs)}


def written(root: Path) -> str:
    """The root's README with its tables as they ought to be."""
    text = (root / "README.md").read_text(encoding="utf-8")
    for name, table in tables(root).items():
        before, opening, rest = text.partition(f"<!-- {name} -->\n")
        _, closing, after = rest.partition(f"<!-- /{name} -->")
        if closing:
            text = f"{before}{opening}{table}\n{closing}{after}"
    return text


def _blocks(path: Path, kind: str) -> list[tuple[str, str]]:
    return re.findall(_BLOCK.format(kind=kind), path.read_text(encoding="utf-8"), re.M | re.S)


def _description(body: str) -> str:
    text = _argument(body, "description")
    return json.loads(text).replace("|", "\\|").replace("<", "&lt;") if text else ""


def _argument(body: str, name: str) -> str | None:
    """The expression of an argument of a formatted block, on one line."""
    found = re.search(rf"^  {name} += (.*?)(?=^  \S|\Z)", body, re.M | re.S)
    if not found:
        return None
    lines = [line.strip() for line in found[1].splitlines() if line.strip() and not line.strip().startswith("#")]
    # A closing bracket stands at the margin of its argument and so begins what looks like the next one.
    if closing := re.match(r"[})\]]+", body[found.end() :].lstrip()):
        lines.append(closing[0])
    text = ""
    for line in lines:
        line = re.sub(r"\s{2,}", " ", line)
        if not text or text[-1] in "({[" or line[0] in ")}]":
            text += line
        else:
            text += ("" if text.endswith(",") else ",") + " " + line
    return text


def main() -> None:
    for name in ROOTS:
        root = REPOSITORY / "terraform" / name
        if (root / "README.md").exists():
            (root / "README.md").write_text(written(root), encoding="utf-8")


if __name__ == "__main__":
    main()
