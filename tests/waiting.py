"""Waiting for what happens by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 180.0


def until(condition: Callable[[], object], what: str) -> None:
    """Ask until it is so; fail with ``what`` after three minutes."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what}: still not after {PATIENCE:.0f} s"
        time.sleep(0.05)
