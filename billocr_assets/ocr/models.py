"""The three networks that read a bill."""

from __future__ import annotations

import functools
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
    folder = folder or SHIPPED
    return Models(
        LineDetector(folder / "line_detector" / "model.onnx", threads, runtime),
        LineSegmenter(folder / "line_segmenter" / "model.onnx", threads, runtime),
        LineRecogniser(folder / "line_recogniser" / "model.onnx", threads, runtime),
    )
