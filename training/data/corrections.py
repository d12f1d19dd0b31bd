"""People's corrections as a folder of annotated receipts, for the time of a training."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import cv2

from billocr_assets.store import Store
from billocr_assets.store.learning import training_corrections
from billocr_assets.store.registry import Use


def write_pack(store: Store, folder: Path, reviewed: bool = False) -> list[Use]:
    """Writes what may be learned from into ``folder``, instead of what lay there; without anything, there is no folder.

    Args:
        reviewed: see :func:`billocr_assets.store.learning.training_corrections`.

    Returns:
        What a training with this folder has learned from, also before it was killed and began again.
    """
    # Outlives the folder: a training that goes on has learned from what was in there before.
    record = folder.with_name(f"{folder.name}.json")
    known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else []
    uses = {use["bill_id"]: Use(**use) for use in known}
    shutil.rmtree(folder, ignore_errors=True)
    for page in training_corrections(store, reviewed):
        folder.mkdir(parents=True, exist_ok=True)
        height, width = page.picture.shape
        data = {"image": f"{page.name}.jpg", "width": width, "height": height, "lines": page.lines, "fields": {}}
        # High quality: what JPEG adds here, the network would take for print.
        cv2.imwrite(str(folder / data["image"]), page.picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        (folder / f"{page.name}.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        uses[page.bill_id] = Use(page.bill_id, page.revision, page.consent_by)
    if uses:
        record.write_text(json.dumps([asdict(use) for use in uses.values()]), encoding="utf-8")
    return list(uses.values())


def known_lines(folder: Path) -> int:
    """How many lines of a folder are told."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("[!_]*.json"))
    return sum(not line["ignore"] for data in found for line in data["lines"])
