"""Uploads and pictures: whole objects under keys, in a folder, in memory or in Cloud Storage."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from upath import UPath

# Every part starts with a letter or digit, so there is no "..", no hidden file and no absolute path.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class Objects:
    """Whole objects under keys like ``uploads/0198…``.

    Args:
        base: a folder, ``memory://…`` or ``gs://bucket/prefix``.

    Every method raises ValueError for a key that is not made of plain parts, such as ``../x``.
    """

    def __init__(self, base: str | Path) -> None:
        if str(base).startswith("gs://"):
            # Other processes write too: a cached listing would hide what they wrote.
            self.base: UPath = UPath(base, use_listings_cache=False)
        else:
            self.base = UPath(base)

    def write(self, key: str, data: bytes) -> None:
        """Write the object whole: a reader sees the old one or the new one, never a part."""
        path = self._path(key)
        if not isinstance(path, Path):
            path.write_bytes(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            try:
                file.write(data)
                file.close()
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise

    def read(self, key: str) -> bytes:
        """The object's bytes.

        Raises:
            FileNotFoundError: there is none.
        """
        return self._path(key).read_bytes()

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        """Remove the object; without one, do nothing."""
        self._path(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        """Remove every object under ``prefix/``; without any, do nothing."""
        path = self._path(prefix)
        if path.is_dir():
            path.fs.rm(path.path, recursive=True)

    def _path(self, key: str) -> UPath:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key: {key!r}")
        return self.base / key
