"""Names of exported files: of the upload, safe on every system, no two alike."""

from __future__ import annotations

import re
from pathlib import PurePath

# Control characters, half characters, and what Windows forbids.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\ud800-\udfff<>:"/\\|?*]')


def stem_of(name: str) -> str:
    """The upload's name without its suffix, as a file may be called everywhere."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem = PurePath(_FORBIDDEN.sub("_", last)).stem.strip(" .")
    return stem[:150] or "bill"


class Names:
    """Gives names that no other has, also where case does not count: ``a.json``, ``a-2.json``, …"""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, stem: str, suffix: str) -> str:
        number, name = 1, f"{stem}{suffix}"
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(name.lower())
        return name

    def of_pages(self, stem: str, suffix: str, count: int) -> list[str]:
        """Names for so many files of one bill: ``a.xml``, or ``a-page1.xml``, ``a-page2.xml``, …"""
        if count == 1:
            return [self.of(stem, suffix)]
        return [self.of(f"{stem}-page{number}", suffix) for number in range(1, count + 1)]
