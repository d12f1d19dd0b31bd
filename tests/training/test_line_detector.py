from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from billocr_assets.ocr.detection import LineDetector as ServedDetector
from tests.ocr import rendered
from training.data.line_detector import (
    KernelShape,
    Samples,
    SampleShape,
    annotated_page,
    paint_targets,
    sample_crop,
    sample_view,
)
from training.nets.line_detector import LineDetector, LineDetectorSize
from training.tasks.line_detector import Config, export, load, train

SMALL = Config(
    size=LineDetectorSize(8, (12, 16, 20, 24), (1, 1, 1, 1), 16),
    samples=SampleShape(side=256, width=240, paper_on_background=0.0, views=0.0, upside_down=0.0),
    batch=4,
    rate=4e-3,
    decay=0.9,
)


def page():
    image, lines = rendered.bill()
    return annotated_page(image, lines, np.zeros(len(lines), bool))


def box(x: float, y: float, w: float, h: float) -> list[list[float]]:
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def test_a_kernel_is_the_middle_half_of_its_line_and_knows_both_edges() -> None:
    lines = np.array([box(40, 40, 200, 32)], np.float32)
    targets = paint_targets(lines, np.zeros(1, bool), np.array(box(0, 0, 128, 128)), (128, 256), KernelShape())
    rows, columns = np.nonzero(targets.kernel)
    assert (rows.min() * 4, (rows.max() + 1) * 4) == (48, 64)
    assert columns.min() * 4 == pytest.approx(40 + 0.15 * 32, abs=4)
    assert (columns.max() + 1) * 4 == pytest.approx(240 - 0.15 * 32, abs=4)
    y = rows * 4 + 1.5
    assert targets.top[rows, columns] == pytest.approx(y - 40)
    assert targets.bottom[rows, columns] == pytest.approx(72 - y)
    assert targets.paper[:, :31].all()
    assert not targets.paper[:, 34:].any()


def test_the_gap_between_neighbours_counts_more_and_ignored_lines_count_nothing() -> None:
    lines = np.array([box(20, 40, 80, 20), box(116, 40, 80, 20), box(20, 80, 80, 20)], np.float32)
    targets = paint_targets(lines, np.array([False, False, True]), np.zeros((0, 2)), (128, 256), KernelShape())
    assert targets.weight[49 // 4, 108 // 4] == 4
    assert targets.kernel[49 // 4, 108 // 4] == 0
    assert (targets.weight[21:24, 8:23] == 0).all()
    assert not targets.kernel[20:].any()


def test_a_view_says_by_which_turn_it_becomes_upright() -> None:
    rng = np.random.default_rng(3)
    image = np.full((400, 400), 255, np.uint8)
    cv2.rectangle(image, (100, 60), (300, 120), 0, -1)  # the head of the page is dark
    lines = np.array([box(100, 60, 200, 300)], np.float32)
    shape = SampleShape(paper_on_background=0.0, view_rotation=0.001)
    seen = set()
    for _ in range(40):
        sample = sample_view(rng, annotated_page(image, lines, np.zeros(1, bool)), shape)
        y, x = np.nonzero(np.rot90(sample.targets.paper, -sample.turns))
        upright = np.rot90(sample.image, -sample.turns).astype(float)
        top, bottom = int(y.min() * 4), int(y.max() * 4)
        left, right = int(x.min() * 4) + 8, int(x.max() * 4) - 8
        middle = (top + bottom) // 2
        if np.median(sample.image) > 60:  # not an inverted or very dark one
            head, foot = upright[top + 8 : middle, left:right].mean(), upright[middle : bottom - 8, left:right].mean()
            seen.add(sample.turns)
            assert head < foot
    assert len(seen) >= 3


def test_crops_carry_the_lines_along_when_they_are_bent_and_turned() -> None:
    rng = np.random.default_rng(5)
    whole = page()
    darker = []
    for _ in range(20):
        sample = sample_crop(rng, whole, SampleShape(paper_on_background=0.0))
        kernel = cv2.resize(sample.targets.kernel, sample.image.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        if kernel.sum() > 500:
            ground = cv2.medianBlur(sample.image, 31)
            ink = np.abs(ground.astype(float) - sample.image)
            darker.append(ink[kernel].mean() / max(1.0, ink[~kernel].mean()))
    assert np.median(darker) > 2


def test_samples_mix_synthetic_pages_in_and_need_some_page_at_all() -> None:
    drawn = []

    def synthesise(rng: np.random.Generator):
        drawn.append(rng)
        return page()

    with pytest.raises(ValueError, match="receipts"):
        Samples([], SampleShape())
    samples = iter(Samples([page()], SampleShape(side=256), synthesise, 0.5))
    batch = [next(samples) for _ in range(12)]
    assert drawn
    assert batch[0]["image"].shape == (1, 256, 256)
    assert batch[0]["maps"].shape == (5, 64, 64)


def test_the_net_keeps_the_promise_of_its_outputs() -> None:
    net = LineDetector(SMALL.size).eval()
    with torch.no_grad():
        maps, orientation = net(torch.rand(2, 1, 96, 64) * 255)
    assert maps.shape == (2, 4, 24, 16)
    assert ((maps[:, [0, 3]] >= 0) & (maps[:, [0, 3]] <= 1)).all()
    assert (maps[:, 1:3] > 0).all()
    assert orientation.sum(1).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_a_short_training_learns_to_find_lines_and_its_graph_runs_where_serving_runs(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    run = tmp_path / "run"
    train([], run, 0.4, SMALL, pages=[page()], synthesise=None)
    export(run, tmp_path, "9.9.9", SMALL)
    served = ServedDetector(tmp_path / "model.onnx")
    assert served.version == "9.9.9"
    image, lines = rendered.bill()
    scale = 280 / image.shape[1]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    maps = served(small)
    with torch.no_grad():
        padded = cv2.copyMakeBorder(small, 0, -small.shape[0] % 32, 0, -small.shape[1] % 32, cv2.BORDER_REPLICATE)
        wanted, _ = load(run / "last.ckpt", SMALL)(torch.from_numpy(padded).float()[None, None])
    # The graph computes in 8 bits, the net does not.
    assert np.abs(wanted[0, 0, : maps.kernel.shape[0], : maps.kernel.shape[1]].numpy() - maps.kernel).mean() < 0.03
    truth = paint_targets(lines * scale, np.zeros(len(lines), bool), np.zeros((0, 2)), small.shape, KernelShape())
    h, w = truth.kernel.shape
    inside = maps.kernel[:h, :w][truth.kernel > 0].mean()
    outside = maps.kernel[:h, :w][truth.kernel == 0].mean()
    assert inside > 3 * outside
    # A training that is over goes on from its checkpoint and ends at once.
    before = torch.load(run / "last.ckpt", map_location="cpu", weights_only=False)["global_step"]
    train([], run, 0.4, SMALL, pages=[page()], synthesise=None)
    assert torch.load(run / "last.ckpt", map_location="cpu", weights_only=False)["global_step"] <= before + 1
