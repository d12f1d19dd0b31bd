from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from billocr_assets.ocr.engine import Engine, RuntimeMissing, Workers
from billocr_assets.ocr.models import SHIPPED, load_models
from billocr_assets.ocr.pipeline import read_pages
from tests.ocr import rendered

NETS = {"line_detector": (1, 1, 256, 192), "line_segmenter": (3, 1, 32, 96), "line_recogniser": (3, 1, 32, 96)}
with_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO, the extra `openvino`, is not installed"
)


def graph(net: str) -> Path:
    return SHIPPED / net / "model.onnx"


def picture(shape: tuple[int, ...]) -> np.ndarray:
    """Print, cut out of a rendered bill."""
    page, _ = rendered.bill()
    return np.stack([page[None, 60 + 8 * i :][:, : shape[2], 60 : 60 + shape[3]] for i in range(shape[0])]).astype(
        np.float32
    )


@with_openvino
@pytest.mark.parametrize("net", NETS)
def test_openvino_says_what_onnxruntime_says(net: str) -> None:
    plain, other = Engine(graph(net)), Engine(graph(net), runtime="openvino")
    assert other.metadata == plain.metadata
    image = picture(NETS[net])
    for expected, found in zip(plain(image), other(image), strict=True):
        assert found.shape == expected.shape
        assert found.dtype == np.float32
        # Both round in 8 bits, each in its own order.
        assert np.abs(found - expected).mean() < 0.1 * expected.std()


@with_openvino
def test_clean_print_reads_the_same_on_both_runtimes() -> None:
    page, _ = rendered.bill()
    plain, other = (read_pages([page], models).text for models in (load_models(), load_models(runtime="openvino")))
    assert len(plain) > 200
    assert Levenshtein.distance(plain, other) <= 2


@with_openvino
def test_threads_that_share_an_openvino_graph_get_their_own_answers() -> None:
    engine = Engine(graph("line_segmenter"), callers=2, runtime="openvino")
    images = [picture((1, 1, 32, 64 + 16 * i)) for i in range(6)] * 4
    alone = [engine(image)[0] for image in images]
    with ThreadPoolExecutor(2) as pool:
        for expected, found in zip(alone, pool.map(lambda image: engine(image)[0], images), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_runtime_that_is_not_installed_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(RuntimeMissing, match=r"pip install 'billocr\[openvino\]'"):
        Engine(graph("line_segmenter"), runtime="openvino")


@pytest.mark.parametrize("threads", [1, 3])
def test_workers_keep_the_order_of_the_parts(threads: int) -> None:
    assert list(Workers(threads).map(lambda n: n * n, range(20))) == [n * n for n in range(20)]
