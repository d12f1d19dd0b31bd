from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from training import train
from training.export import export_onnx
from training.tasks.line_segmenter import LineSegmentation


def test_a_killed_training_goes_on_where_its_checkpoint_lies(tmp_path: Path) -> None:
    run = tmp_path / "run"
    # The first process trains for good; it dies without a word after its first checkpoint.
    program = "import datetime, training.fit as f; f.CHECKPOINT = datetime.timedelta(seconds=2); "
    program += "from training.train import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "fit", "line_segmenter", "--run", str(run), "--minutes", "30"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not (run / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    first = torch.load(run / "last.ckpt", weights_only=False)
    before = first["callbacks"]["Budget"]["spent"]
    assert before > 0

    assert train.main(["fit", "line_segmenter", "--run", str(run), "--minutes", str((before + 4) / 60)]) == 0
    last = torch.load(run / "last.ckpt", weights_only=False)
    assert last["global_step"] > first["global_step"]
    assert before + 4 <= last["callbacks"]["Budget"]["spent"] < before + 60


def test_the_command_line_trains_exports_and_measures(tmp_path: Path) -> None:
    run, folder = tmp_path / "run", tmp_path / "model"
    assert train.main(["fit", "line_segmenter", "--run", str(run), "--minutes", "0.1"]) == 0
    assert train.main(["export", "line_segmenter", "--run", str(run), "--folder", str(folder), "--version", "9.1"]) == 0
    assert train.main(["evaluate", "line_segmenter", "--folder", str(folder)]) == 0
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["version"] == "9.1"
    assert metrics["steps"] > 0
    assert metrics["parameters"] > 50_000
    assert "--minutes 0.1" in metrics["command"]
    assert 0 <= metrics["figures"]["rendered"]["word_f1_4px"] <= 1


def test_the_mean_of_two_runs_is_their_mean_and_says_how_they_were_made(tmp_path: Path) -> None:
    runs = [tmp_path / "a", tmp_path / "b"]
    for run, weight in zip(runs, (1.0, 3.0), strict=True):
        run.mkdir()
        (run / "command.txt").write_text(f"fit {run.name}\n")
        state = {"net.weight": torch.tensor([weight]), "net.num_batches_tracked": torch.tensor(7)}
        torch.save({"state_dict": state, "global_step": 5, "callbacks": {"Budget": {"spent": 60.0}}}, run / "last.ckpt")
    assert (
        train.main(
            ["average", "line_segmenter", "--run", str(tmp_path / "c"), "--of", str(runs[0]), "--of", str(runs[1])]
        )
        == 0
    )
    mean = torch.load(tmp_path / "c" / "last.ckpt", weights_only=False)
    assert mean["state_dict"]["net.weight"].tolist() == [2.0]
    assert mean["state_dict"]["net.num_batches_tracked"] == 7
    assert (mean["global_step"], mean["callbacks"]["Budget"]["spent"]) == (10, 120.0)
    assert (tmp_path / "c" / "command.txt").read_text() == "fit a; fit b\n"


def test_a_blend_lies_between_what_a_run_began_with_and_what_it_ended_with(tmp_path: Path) -> None:
    weights = []
    for seed, name in enumerate(("start", "run")):
        torch.manual_seed(seed)
        task = LineSegmentation()
        weights.append({key: value.clone() for key, value in task.averaged.named_parameters()})
        (tmp_path / name).mkdir()
        state = {"state_dict": task.state_dict(), "global_step": 5, "callbacks": {"Budget": {"spent": 60.0}}}
        torch.save(state, tmp_path / name / "last.ckpt")
    (tmp_path / "run" / "command.txt").write_text("fit b\n")
    folders = ["--start", str(tmp_path / "start" / "last.ckpt"), "--of", str(tmp_path / "run")]
    out = tmp_path / "out"
    assert train.main(["blend", "line_segmenter", "--run", str(out), *folders, "--share", "0.25"]) == 0
    state = torch.load(out / "last.ckpt", weights_only=False)["state_dict"]
    for name, first in weights[0].items():
        assert torch.allclose(state[f"averaged.{name}"], 0.75 * first + 0.25 * weights[1][name], atol=1e-6)
    # Normalisation has seen pictures with these weights, and not those of either end.
    assert all(
        value.abs().sum() > 0
        for name, value in state.items()
        if name.startswith("averaged.") and "running_mean" in name
    )
    said = (out / "command.txt").read_text()
    assert said.startswith("fit b; python -m training.train blend")
    assert str(tmp_path) not in said
    with pytest.raises(SystemExit):
        train.main(["blend", "line_segmenter", "--run", str(out), *folders, "--share", "1.5"])


def test_a_graph_that_differs_from_its_net_is_not_exported(tmp_path: Path) -> None:
    class Fickle(torch.nn.Module):
        """Noise is what no graph can repeat."""

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image + torch.rand_like(image)

    image = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match="differs by"):
        export_onnx(
            Fickle(), image, tmp_path / "model.onnx", outputs=["out"], dynamic={3: "width"},
            metadata={"name": "fickle", "version": "0"}, checks=[image],
        )  # fmt: skip


def test_an_unknown_net_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.main(["fit", "line_reader", "--run", "x", "--minutes", "1"])
    assert "line_reader" in capsys.readouterr().err
