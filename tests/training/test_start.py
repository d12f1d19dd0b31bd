from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from billocr_assets.ocr.engine import Engine
from billocr_assets.ocr.models import SHIPPED
from training.data.alphabet import ALPHABET
from training.data.lines import LineBatches, blank_paper, rendered_line
from training.fit import FitConfig, Task
from training.nets.line_detector import LineDetector
from training.nets.line_recogniser import LineRecogniser
from training.nets.line_segmenter import LineSegmenter
from training.start import begin_with, load_graph
from training.tasks.line_detector import synthetic_page

RECOGNISER = SHIPPED / "line_recogniser" / "model.onnx"
NUMBERS = FitConfig(rate=1e-3, decay=0.9)


@pytest.fixture(scope="module")
def lines() -> list[torch.Tensor]:
    return [batch.images for batch, _ in zip(LineBatches([], rendered_line, short=0, pool=96), range(3), strict=False)]


def test_a_net_that_begins_with_the_shipped_graph_reads_what_the_graph_reads(lines: list[torch.Tensor]) -> None:
    task = Task(LineRecogniser(len(ALPHABET) + 1), NUMBERS)
    begin_with(task, RECOGNISER, lines)
    image = lines[0][:4].float()
    with torch.no_grad():
        read = task.net.eval()(image).numpy().argmax(-1)
    served = Engine(RECOGNISER)(image.numpy())[0].argmax(-1)
    # The graph computes in 8 bits, the net does not.
    assert (read == served).mean() > 0.98


def test_batch_statistics_of_the_begun_net_are_those_of_the_given_images(lines: list[torch.Tensor]) -> None:
    net = LineRecogniser(len(ALPHABET) + 1)
    load_graph(net, RECOGNISER, lines)
    with torch.no_grad():
        still = net.eval()(lines[0].float()).argmax(-1)
        # In training mode batch normalisation uses the batch: a wrong scale would garble everything.
        moving = net.train()(lines[0].float()).argmax(-1)
    assert (still == moving).float().mean() > 0.9


def test_the_graph_of_another_net_is_refused(lines: list[torch.Tensor]) -> None:
    page = torch.from_numpy(np.stack([blank_paper(np.random.default_rng(0))[:, :16]] * 2)).repeat(1, 2, 4)[:, None]
    with pytest.raises(ValueError, match="no layer"):
        load_graph(LineDetector(), RECOGNISER, [page[:, :, :64, :64]])


def test_a_checkpoint_gives_its_averaged_weights(tmp_path: Path) -> None:
    first = Task(torch.nn.Linear(2, 1), NUMBERS)
    with torch.no_grad():
        first.averaged.weight.fill_(3)
    torch.save({"state_dict": first.state_dict()}, tmp_path / "last.ckpt")
    second = Task(torch.nn.Linear(2, 1), NUMBERS)
    begin_with(second, tmp_path / "last.ckpt", [])
    assert second.net.weight.tolist() == [[3, 3]]


def test_the_segmenter_with_its_layers_along_the_line_begins_where_its_graph_ended(lines: list[torch.Tensor]) -> None:
    path = SHIPPED / "line_segmenter" / "model.onnx"
    net = LineSegmenter()
    load_graph(net, path, lines)
    image = lines[0][:4].float()
    with torch.no_grad():
        gaps = net.eval()(image).numpy()[:, 0]
    assert np.abs(gaps - Engine(path)(image.numpy())[0][:, 0]).mean() < 0.02


def test_the_detector_begins_where_its_graph_ended() -> None:
    path = SHIPPED / "line_detector" / "model.onnx"
    page = synthetic_page(np.random.default_rng(5)).image
    tile = torch.from_numpy(page[: page.shape[0] // 2, : page.shape[1] // 2].astype(np.float32))[None, None]
    image = torch.nn.functional.interpolate(tile, (512, 512), mode="area")
    net = LineDetector()
    load_graph(net, path, [image])
    with torch.no_grad():
        maps = net.eval()(image)[0].numpy()
    served = Engine(path)(image.numpy())[0]
    assert (served[:, 0] > 0.5).mean() > 0.02
    assert np.abs(maps[:, 0] - served[:, 0]).mean() < 0.02
