"""The one place that runs a network: an ONNX graph on onnxruntime, and the threads that share its batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime

Part = TypeVar("Part")
Result = TypeVar("Result")


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
        # Waiting threads spin between the operators, or small pictures would gain nothing from them, but not between
        # the calls: other work wants the processor.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, batch: np.ndarray) -> list[np.ndarray]:
        """Outputs of the graph, in its order, for one input batch."""
        return self._session.run(None, {self._input: batch})


class Workers:
    """Threads that do the parts of one task, a part on each: onnxruntime leaves Python's lock while it works.

    For small batches this is faster than several threads inside an operator, which wait for each other at every layer.

    Args:
        threads: with one, the caller does the parts itself.
    """

    def __init__(self, threads: int = 1) -> None:
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def map(self, work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
        """Results in the order of the parts; raises what the work of a part raised."""
        return map(work, parts) if self._pool is None else self._pool.map(work, parts)
