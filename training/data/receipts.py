"""Annotated receipts on disk: a folder with one ``NAME.jpg`` and one ``NAME.json`` a receipt.

The JSON has ``image``, ``width``, ``height``, ``lines[{polygon, text, ignore?}]`` and ``fields``; polygons run
clockwise from the top left in pixels of the picture. The folder is read from where the user keeps it; nothing is
copied.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np


@dataclass(frozen=True, slots=True)
class AnnotatedLine:
    """``polygon`` is (4, 2) float32; an ignored line is a don't-care region and has no text."""

    polygon: np.ndarray
    text: str
    ignore: bool


@dataclass(frozen=True, slots=True)
class AnnotatedReceipt:
    name: str
    path: Path
    lines: tuple[AnnotatedLine, ...]
    fields: dict[str, str | None]
    extra: dict[str, object]

    def image(self) -> np.ndarray:
        """The picture as (H, W) uint8 grey.

        Raises:
            ValueError: the picture cannot be decoded.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise ValueError(f"cannot decode {self.path}")
        return image


def read_pack(folder: Path) -> list[AnnotatedReceipt]:
    """Every receipt of ``folder``, by name.

    Raises:
        FileNotFoundError: the folder holds no annotated receipt.
    """
    receipts = []
    for path in sorted(folder.glob("[!_]*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        lines = tuple(
            AnnotatedLine(
                polygon=np.asarray(line["polygon"], np.float32),
                text=" ".join(line.get("text", "").split()),
                ignore=bool(line.get("ignore", False)),
            )
            for line in data["lines"]
        )
        extra = {key: value for key, value in data.items() if key not in ("image", "lines", "fields")}
        receipts.append(AnnotatedReceipt(path.stem, folder / data["image"], lines, data.get("fields") or {}, extra))
    if not receipts:
        raise FileNotFoundError(f"no annotated receipts in {folder}")
    return receipts
