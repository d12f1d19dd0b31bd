"""Synthetic bills as a folder of annotated receipts, readable by :func:`training.data.receipts.read_pack`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from training.data.fonts import Split
from training.data.synthetic.scene import Mode, Scene, synthesise_bill


def scenes(
    count: int,
    seed: int,
    locale: str | None = None,
    mode: Mode | None = None,
    fonts: Split = "train",
    colour: bool = False,
) -> Iterator[Scene]:
    """``count`` bills. Bill i of a seed is the same whatever ``count`` is."""
    for i in range(count):
        yield synthesise_bill(np.random.default_rng([seed, i]), locale, mode, fonts, colour)


def write_pack(folder: Path, pictures: Iterable[Scene], quality: int = 90) -> int:
    """Writes ``synthetic-NNNNN.jpg`` and ``.json`` a bill; returns how many.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, scene in enumerate(pictures, start=1):
        name = f"synthetic-{count - 1:05d}"
        image = scene.image if scene.image_bgr is None else scene.image_bgr
        _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
        (folder / f"{name}.jpg").write_bytes(data.tobytes())
        (folder / f"{name}.json").write_text(
            json.dumps(annotation(scene, f"{name}.jpg"), ensure_ascii=False), encoding="utf-8"
        )
    return count


def annotation(scene: Scene, image_name: str) -> dict[str, object]:
    """A scene's truth in the annotated-receipt format, plus each line's row and field and the paper's outline."""
    height, width = scene.image.shape
    return {
        "image": image_name,
        "width": width,
        "height": height,
        "lines": [
            {"polygon": _rounded(line.polygon), "text": line.text, "row": line.row, "field": line.field}
            for line in scene.lines
        ],
        "fields": scene.fields,
        "paper": _rounded(scene.paper),
        "source": {"set": "synthetic", "locale": scene.bill.locale.code, "mode": scene.mode},
    }


def _rounded(points: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 1), round(float(y), 1)] for x, y in points]


# Seeds whose bills are pleasant to look at: the name, then seed, locale and mode.
SAMPLES: dict[str, tuple[int, str, Mode]] = {
    "metzgerei-photo": (201, "de", "photo"),
    "samoobsluha-photo": (205, "cs", "photo"),
    "animalerie-photo": (206, "fr", "photo"),
    "kavezo-photo": (201, "hu", "photo"),
    "bakery-scan": (209, "ms", "scan"),
    "sklep-scan": (208, "pl", "scan"),
}


def write_samples(folder: Path, largest: int = 145_000) -> None:
    """The sample bills of the user interface as colour JPEGs of at most ``largest`` bytes and 1000 px width.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, locale, mode) in SAMPLES.items():
        image = next(scenes(1, seed, locale, mode, colour=True)).image_bgr
        assert image is not None
        scale = min(1.0, 1000 / image.shape[1])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for quality in range(90, 20, -5):
            _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
            if data.nbytes <= largest:
                break
        (folder / f"{name}.jpg").write_bytes(data.tobytes())


def contact_sheet(pictures: Iterable[Scene], columns: int = 6, tile: tuple[int, int] = (300, 520)) -> np.ndarray:
    """Many bills side by side, (H, W, 3) uint8; ``tile`` is the width and height of each one's place."""
    tiles = []
    for scene in pictures:
        image = cv2.cvtColor(scene.image, cv2.COLOR_GRAY2BGR) if scene.image_bgr is None else scene.image_bgr
        scale = min(tile[0] / image.shape[1], tile[1] / image.shape[0])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[: tile[1], : tile[0]]
        place: np.ndarray = np.full((tile[1], tile[0], 3), 96, np.uint8)
        top, left = (tile[1] - small.shape[0]) // 2, (tile[0] - small.shape[1]) // 2
        place[top : top + small.shape[0], left : left + small.shape[1]] = small
        tiles.append(place)
    blank: np.ndarray = np.full((tile[1], tile[0], 3), 96, np.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])
