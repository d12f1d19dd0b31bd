"""Who may import whom, and that serving never needs torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"billocr_assets", "billocr_ui", "training", "deploy", "tests"}

# Package (dotted) to what of ours its modules may import; the longest matching package counts.
ALLOWED = {
    "billocr_assets": ("billocr_assets",),
    "billocr_assets.ocr": ("billocr_assets.ocr",),
    "billocr_assets.fields": ("billocr_assets.fields", "billocr_assets.ocr.document"),
    "billocr_assets.exports": (
        "billocr_assets.exports",
        "billocr_assets.fields",
        "billocr_assets.ocr.document",
        "billocr_assets.ocr.errors",
        "billocr_assets.ocr.pages",
    ),
    "billocr_ui": ("billocr_ui", "billocr_assets"),
    "training": ("training", "billocr_assets"),
}
TRAINING_ONLY = {"torch", "pytorch_lightning", "lightning", "onnx"}
PURE = {"dagster", "sqlalchemy", "streamlit", "fastapi"}


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in ("billocr_assets", "billocr_ui", "training"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def imports(name: str, path: Path) -> set[str]:
    """Absolute dotted names of everything that a module imports, at the top or inside a function."""
    found = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*base, node.module] if node.module else base)
            # "from billocr_assets import store" imports a module of ours, not a name.
            found |= {f"{source}.{alias.name}" if source in OURS else source for alias in node.names}
    return found


def within(name: str, packages: tuple[str, ...] | set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def rule(name: str) -> tuple[str, ...]:
    return ALLOWED[max((package for package in ALLOWED if within(name, (package,))), key=len)]


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_arrows_between_packages_go_one_way(name: str, path: Path):
    ours = {each for each in imports(name, path) if each.partition(".")[0] in OURS}
    assert {each for each in ours if not within(each, rule(name))} == set()


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_only_training_imports_what_only_training_installs(name: str, path: Path):
    if not name.startswith("training"):
        assert {each for each in imports(name, path) if each.partition(".")[0] in TRAINING_ONLY} == set()


@pytest.mark.parametrize("package", ["billocr_assets.ocr", "billocr_assets.fields", "billocr_assets.exports"])
def test_recognition_fields_and_exports_know_neither_dagster_nor_the_database(package: str):
    used = {
        each.partition(".")[0] for name, path in modules() if within(name, (package,)) for each in imports(name, path)
    }
    assert used & PURE == set()


def test_the_rules_see_what_they_must_see(tmp_path: Path):
    module = tmp_path / "thin.py"
    module.write_text(
        "def late():\n    from billocr_assets import store\n    import torch.nn\n    from .near import x\n"
    )
    assert imports("billocr_assets.fields.thin", module) == {
        "billocr_assets.store",
        "torch.nn",
        "billocr_assets.fields.near",
    }


@pytest.mark.parametrize("module", ["billocr_assets.definitions", "billocr_assets.cli", "billocr_ui.asgi"])
def test_serving_never_loads_torch(module: str, tmp_path: Path):
    code = f"import sys, {module}; print(sorted(each for each in {TRAINING_ONLY!r} if each in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env={"BILLOCR_HOME": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_command_line_answers_for_help_without_loading_a_network():
    heavy = ("onnxruntime", "cv2", "sqlalchemy", "dagster")
    code = f"import sys, billocr_assets.cli; print([each for each in {heavy!r} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
