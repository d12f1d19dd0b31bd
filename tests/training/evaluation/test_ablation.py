import importlib
from pathlib import Path

import pytest

from training.data import lines
from training.evaluation import ablation

VARIANTS = [(net, name) for net, variants in ablation.VARIANTS.items() for name in variants]


@pytest.mark.parametrize(("net", "name"), VARIANTS, ids=[f"{net}: {name}" for net, name in VARIANTS])
def test_each_variant_is_a_training_that_differs_from_the_whole_one(net: str, name: str) -> None:
    config = importlib.import_module(f"training.tasks.{net}").Config
    options, change = ablation.VARIANTS[net][name]
    whole, _ = ablation.VARIANTS[net]["everything"]
    assert name == "everything" or config(**options) != config(**whole) or change is not None


def test_what_a_variant_takes_out_of_the_code_is_back_afterwards() -> None:
    before = lines.spoilt
    _, change = ablation.VARIANTS["line_recogniser"]["receipts spoilt no further"]
    assert change is not None
    with change():
        assert lines.spoilt is not before
    assert lines.spoilt is before


def test_a_table_says_what_each_part_brings_and_is_not_trained_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {name: ablation.VARIANTS["line_segmenter"][name] for name in ("everything", "no glyph centres")}
    monkeypatch.setattr(ablation, "VARIANTS", {"line_segmenter": some})
    arguments = ["line_segmenter", "--run", str(tmp_path), "--minutes", "0.02"]
    ablation.main(arguments)
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    rows = [line.strip("| ").split(" | ") for line in table]
    assert rows[0] == ["line_segmenter", *ablation.FIGURES["line_segmenter"]]
    assert [row[0] for row in rows[2:]] == list(some)
    assert all(0 <= float(figure) <= 1 for row in rows[2:] for figure in row[1:])

    monkeypatch.setattr("training.tasks.line_segmenter.train", lambda *_, **__: pytest.fail("trained again"))
    ablation.main(arguments)
    assert capsys.readouterr().out.splitlines() == table
