"""The one place that runs a network: an ONNX graph on onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime


class Engine:
    """An ONNX graph with fixed memory behaviour.

    Args:
        path: the ``.onnx`` file.
        threads: threads inside one operator; one a process gives the best throughput.

    Attributes:
        metadata: the strings that the export wrote into the graph (``version``, ``alphabet``, ...).
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Widths vary from line to line; an arena would grow with every new shape and never shrink.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, batch: np.ndarray) -> list[np.ndarray]:
        """Outputs of the graph, in its order, for one input batch."""
        return self._session.run(None, {self._input: batch})
