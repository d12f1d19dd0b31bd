"""What the benchmarks share: which bills, in which order, and how a result is written down."""

from __future__ import annotations

import json
import os
import platform
import random
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def circumstances() -> dict[str, Any]:
    """Date, machine and command of a benchmark."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    named = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    flags = next((line.split() for line in info.splitlines() if line.startswith("flags")), [])
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{named[0] if named else platform.machine()}, {os.cpu_count()} processors",
        "instructions": [flag for flag in ("avx2", "avx512f", "avx512_vnni", "amx_bf16") if flag in flags],
        "python": platform.python_version(),
        "command": shlex.join(["python", "-m", f"tests.benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]),
        "load_average": os.getloadavg()[0],
    }


def chosen(truths: Mapping[str, Any], count: int | None) -> dict[str, Any]:
    """So many bills, evenly over their names: the same ones every time."""
    names = sorted(truths)
    if count and count < len(names):
        names = [names[i * len(names) // count] for i in range(count)]
    return {name: truths[name] for name in names}


def in_turn(bills: Sequence[str], engines: Sequence[T]) -> Iterator[tuple[str, list[T]]]:
    """Each bill with the order in which the engines read it.

    All read a bill before anybody reads the next, so that what else the machine does weighs on all alike; the order
    differs from bill to bill, so that nobody always follows the same other.
    """
    for number, bill in enumerate(bills):
        yield bill, random.Random(number).sample(engines, len(engines))


def ratio(ours: float, theirs: float) -> float:
    """Ours for one of theirs: below 1 we are faster, smaller, fewer."""
    return ours / theirs if theirs else float("inf")


def heading(report: Mapping[str, Any]) -> str:
    """When, where and how, for above a table."""
    return (
        f"{report['date']}, {report['machine']} ({', '.join(report['instructions'])}), load "
        f"{report['load_average']:.1f} before and {report['load_average_after']:.1f} after; times are medians.\n"
        f"`{report['command']}`"
    )


def write(report: Mapping[str, Any], text: str, folder: Path, name: str) -> None:
    """Prints the text, and writes it and the figures behind it as ``name.md`` and ``name.json``."""
    print(text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text + "\n", encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\n{folder / name}.md, .json", file=sys.stderr)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, figures to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
