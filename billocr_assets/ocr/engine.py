"""The one place that runs a network, on onnxruntime or OpenVINO, and the threads that share its batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import numpy as np
import onnxruntime

Part = TypeVar("Part")
Result = TypeVar("Result")
Runtime = Literal["onnxruntime", "openvino"]


class Engine:
    """An ONNX graph with fixed memory behaviour.

    Args:
        path: the ``.onnx`` file.
        threads: threads inside one operator; one a process gives the best throughput.
        callers: threads that call it at the same time.
        runtime: what runs the graph.

    Attributes:
        metadata: the strings that the export wrote into the graph (``version``, ``alphabet``, ...).

    Raises:
        RuntimeMissing: the runtime is not installed.
    """

    def __init__(self, path: Path, threads: int = 1, callers: int = 1, runtime: Runtime = "onnxruntime") -> None:
        self._graph: _Graph = (
            _OnnxRuntime(path, threads) if runtime == "onnxruntime" else _OpenVino(path, threads, callers)
        )
        self.metadata = self._graph.metadata

    def __call__(self, batch: np.ndarray) -> list[np.ndarray]:
        """Outputs of the graph, in its order, for one input batch, which is converted to the type that it takes."""
        return self._graph.run(batch.astype(self._graph.takes, copy=False))


class RuntimeMissing(ImportError):
    """A runtime was chosen that is not installed."""


class _Graph(Protocol):
    metadata: dict[str, str]
    takes: type[np.generic]

    def run(self, batch: np.ndarray) -> list[np.ndarray]: ...


class _OnnxRuntime:
    def __init__(self, path: Path, threads: int) -> None:
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
        self.takes: type[np.generic] = np.uint8 if self._session.get_inputs()[0].type == "tensor(uint8)" else np.float32
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        return self._session.run(None, {self._input: batch})


class _OpenVino:
    def __init__(self, path: Path, threads: int, callers: int) -> None:
        try:
            import openvino
        except ImportError as error:
            raise RuntimeMissing("OpenVINO is not installed: pip install 'billocr[openvino]'") from error
        core = openvino.Core()
        model = core.read_model(path)
        # bfloat16, its own choice on processors that have it, would make a bill's text depend on the machine.
        how = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads * callers, "NUM_STREAMS": callers}
        self._compiled = core.compile_model(model, "CPU", how)
        self._requests = threading.local()
        self.takes: type[np.generic] = self._compiled.input(0).element_type.to_dtype().type
        self.metadata = {key: str(value.value) for key, value in model.get_rt_info()["framework"].items()}

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        # A request serves one thread at a time, and its outputs are overwritten by its next call.
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        # It plans anew for every shape and keeps the plans, after twenty bills 950 MB of them: one picture at a time
        # has fewer shapes, and 435 MB.
        rows = [
            [output.copy() for output in self._requests.own.infer([batch[i : i + 1]], share_outputs=True).to_tuple()]
            for i in range(len(batch))
        ]
        return [np.concatenate(outputs) for outputs in zip(*rows, strict=True)]


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
