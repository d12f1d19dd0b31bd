from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from billocr_assets.ocr.recognition import LineRecogniser, decode
from training.data.alphabet import ALPHABET
from training.data.lines import Batch, Line, LineBatches, batch_of
from training.tasks.line_recogniser import Config, LineRecognition, case_pairs, export, folded_log_probs, load, train


def probability_of(log_probs: np.ndarray, accepted: set[str], alphabet: str) -> float:
    """Probability that one line (T, classes) reads as one of ``accepted``: the sum over every path, one by one."""
    total = 0.0
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        collapsed = [k for k, _ in itertools.groupby(path)]
        text = "".join(alphabet[k - 1] for k in collapsed if k)
        if text in accepted:
            total += float(np.exp(log_probs[np.arange(len(path)), path].sum()))
    return total


def small_task(alphabet: str) -> LineRecognition:
    torch.manual_seed(0)
    return LineRecognition(alphabet=alphabet)


def loss_of(task: LineRecognition, log_probs: torch.Tensor, targets: list[int], folded: bool) -> float:
    batch = Batch(
        torch.zeros(1, 1, 32, 8, dtype=torch.uint8), torch.tensor(targets), torch.tensor([len(targets)]),
        torch.tensor([folded]),
    )  # fmt: skip
    return float(task.loss(log_probs, batch)) * len(targets)


def test_the_folded_loss_is_the_probability_of_all_spellings_in_any_case() -> None:
    alphabet = "aAb"
    log_probs = torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(1)).log_softmax(-1)
    # A path may change case within one letter: folded, "aA" without a blank between is one A.
    folded = np.exp(log_probs[0].numpy()).copy()
    folded[:, 2] += folded[:, 1]
    wanted = probability_of(np.log(folded[:, [0, 2, 3]]), {"Ab"}, "Ab")
    got = loss_of(small_task(alphabet), log_probs, [2, 3], folded=True)
    assert got == pytest.approx(-np.log(wanted), abs=1e-4)


def test_the_plain_loss_tells_case() -> None:
    alphabet = "aAb"
    log_probs = torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(1)).log_softmax(-1)
    wanted = probability_of(log_probs[0].numpy(), {"Ab"}, alphabet)
    assert loss_of(small_task(alphabet), log_probs, [2, 3], folded=False) == pytest.approx(-np.log(wanted), abs=1e-4)


def test_a_truth_in_capitals_teaches_the_small_letter_just_as_well() -> None:
    log_probs = torch.full((1, 3, 4), -9.0)
    log_probs[0, 1, 1] = 0.0  # a small a
    log_probs[0, [0, 2], 0] = 0.0
    log_probs = log_probs.log_softmax(-1)
    task = small_task("aAb")
    assert loss_of(task, log_probs, [2], folded=True) < 0.01
    assert loss_of(task, log_probs, [2], folded=False) > 5


def test_letters_without_a_partner_and_signs_do_not_fold() -> None:
    fold, partner = case_pairs(ALPHABET)
    for c in "ß€7.":
        i = ALPHABET.index(c) + 1
        assert fold[i] == i
        assert partner[i] == len(ALPHABET) + 1
    assert fold[ALPHABET.index("č") + 1] == ALPHABET.index("Č") + 1


def test_folding_keeps_the_sum_of_probabilities() -> None:
    log_probs = torch.randn(2, 5, len(ALPHABET) + 1).log_softmax(-1)
    assert torch.allclose(folded_log_probs(log_probs, *case_pairs(ALPHABET)).exp().sum(-1), torch.ones(2, 5), atol=1e-4)


def test_lines_of_a_batch_fold_each_for_itself() -> None:
    images = np.full((32, 24), 255, np.uint8)
    task = small_task(ALPHABET)
    batch = batch_of([(images, "A", True), (images, "A", False)])
    log_probs = torch.full((2, 6, len(ALPHABET) + 1), -20.0)
    log_probs[:, :, 0] = 0.0
    log_probs[:, 2, 0], log_probs[:, 2, ALPHABET.index("a") + 1] = -20.0, 0.0
    both = float(task.loss(log_probs.log_softmax(-1), batch)) * 2
    only = float(task.loss(log_probs[:1].log_softmax(-1), batch_of([(images, "A", True)])))
    assert only < 0.1
    assert both > 5


def flat_line(rng: np.random.Generator) -> Line:
    """A one-letter alphabet of bars: as many strokes as the text has letters."""
    count = int(rng.integers(1, 4))
    image = np.full((32, 24 * count + 8), 240, np.uint8)
    for i in range(count):
        image[6:26, 24 * i + 12 : 24 * i + 18] = 20
    return Line(image, (2, 2, image.shape[1] - 2, 30), "I" * count, False)


def test_a_short_training_learns_is_exported_and_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.tasks.line_recogniser.rendered_line", flat_line)
    images = next(iter(LineBatches([], flat_line, seed=9, short=0, pool=64)))

    def loss(recognition: LineRecognition) -> float:
        with torch.no_grad():
            return float(recognition.loss(recognition.averaged.eval()(images.images.float()), images))

    task = LineRecognition()
    before = loss(task)
    # A slow machine gets more goes, each going on from the last one's checkpoint.
    for go in range(1, 9):
        task = train([], tmp_path / "run", 0.25 * go, Config(short=0, decay=0.9, rate=3e-3))
        if loss(task) < 0.5 * before:
            break
    assert loss(task) < 0.5 * before
    export(tmp_path / "run", tmp_path / "model", "0.0.1")
    recogniser = LineRecogniser(tmp_path / "model" / "model.onnx")
    assert recogniser.version == "0.0.1"
    assert "".join(recogniser.alphabet) == ALPHABET
    # The graph says what the net says.
    crop = images.images[0, 0].numpy()
    with torch.no_grad():
        log_probs = load(tmp_path / "run" / "last.ckpt")(images.images[:1].float())
    assert recogniser.recognise([crop])[0].text == decode(log_probs.numpy(), ALPHABET)[0].text
