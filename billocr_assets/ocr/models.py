"""The three networks that read a bill."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from billocr_assets.ocr.detection import LineDetector
from billocr_assets.ocr.engine import Runtime
from billocr_assets.ocr.recognition import LineRecogniser
from billocr_assets.ocr.segmentation import LineSegmenter

SHIPPED = Path(__file__).parent.parent / "models"
"""Folder of the networks that come with the product: ``NAME/model.onnx``."""


@dataclass(frozen=True, slots=True)
class Models:
    line_detector: LineDetector
    line_segmenter: LineSegmenter
    line_recogniser: LineRecogniser

    @property
    def versions(self) -> dict[str, str]:
        """Network name to version."""
        return {
            "line_detector": self.line_detector.version,
            "line_segmenter": self.line_segmenter.version,
            "line_recogniser": self.line_recogniser.version,
        }


@functools.lru_cache(maxsize=4)
def load_models(folder: Path | None = None, threads: int = 1, runtime: Runtime = "onnxruntime") -> Models:
    """The networks of ``folder`` (the shipped ones by default); the same objects for the same arguments.

    Args:
        folder: holds ``line_detector/model.onnx`` and its two siblings.
        threads: that read one bill: inside the detector's operators, and sharing the batches of lines.
        runtime: what runs them.

    Raises:
        RuntimeMissing: it is not installed.
    """
    _map_pictures()
    folder = folder or SHIPPED
    return Models(
        LineDetector(folder / "line_detector" / "model.onnx", threads, runtime),
        LineSegmenter(folder / "line_segmenter" / "model.onnx", threads, runtime),
        LineRecogniser(folder / "line_recogniser" / "model.onnx", threads, runtime),
    )


def _map_pictures() -> None:
    """Has glibc give each block of a large picture's size back to the system when it is free.

    Left alone it soon keeps them in its heap, where small blocks lie between them: reading 19 pages of 1 to 7
    megapixels then took 290 to 440 MB, by chance; with this 250 to 295 MB and .03 more of the processor time.
    """
    if sys.platform == "linux" and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(-3, 6_000_000)  # M_MMAP_THRESHOLD
