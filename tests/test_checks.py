"""When a bill gets a warning."""

from dataclasses import replace

import dagster as dg
import pytest

from billocr_assets.assets import promoted_models
from billocr_assets.checks import confidence, page_quality, text_found
from billocr_assets.ocr.document import Document, Line, Page, PageQuality, Segment, Word
from billocr_assets.resources import StoreResource
from billocr_assets.store import Store
from billocr_assets.store.schema import ModelVersion, now
from tests.readings import run, upload

GOOD = PageQuality(400.0, 180.0, 220.0, 0.0, 0, True)
BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))


def document(*confidences: float) -> Document:
    words = tuple(Word("word", BOX, each) for each in confidences)
    line = Line("words", BOX, 0.9, 0, (Segment("words", BOX, 0.9, words),))
    return Document((Page(1, 100, 200, GOOD, (line,) if words else ()),), {})


def test_a_good_page_passes() -> None:
    assert page_quality([GOOD]) == (True, "good enough")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"sharpness": 20.0}, "page 2 is blurred"),
        ({"contrast": 8.0, "sharpness": 60.0}, "little contrast"),
        ({"brightness": 20.0}, "dark"),
    ],
)
def test_a_bad_page_is_named_with_its_fault(fault: dict[str, float], words: str) -> None:
    passed, why = page_quality([GOOD, replace(GOOD, **fault)])
    assert not passed
    assert words in why


def test_a_clean_scan_with_little_ink_passes() -> None:
    assert page_quality([replace(GOOD, contrast=0.0, brightness=255.0)])[0]


def test_a_bill_without_text_gets_a_warning_and_no_second_one_for_confidence() -> None:
    assert not text_found(document())[0]
    assert confidence(document())[0]


def test_unsure_words_are_counted() -> None:
    assert confidence(document(0.99, 0.95, 0.7))[0]
    assert confidence(document(0.5, 0.6, 0.99)) == (False, "mean confidence 0.70; 2 of 3 words are unsure")


def promote(store: Store, network: str, version: str) -> None:
    with store.database.session() as session:
        old = session.query(ModelVersion).filter_by(network=network, state="promoted").one()
        old.state = "retired"
        session.flush()
        session.add(
            ModelVersion(
                network=network, version=version, sha256="0" * 64, path=old.path, figures={}, origin="trained",
                state="promoted", promoted_at=now(),
            )
        )  # fmt: skip


def test_bills_that_older_models_read_are_counted(installation: Store, instance: dg.DagsterInstance) -> None:
    first, second = upload(installation, 2)
    run(instance, [first])
    run(instance, [second])
    assert promoted_models.evaluate(installation).passed
    promote(installation, "line_recogniser", "99.0.0")
    evaluation = promoted_models.evaluate(installation)
    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert evaluation.description == "2 of 2 bills were read by older models."
    assert set(evaluation.metadata["some_behind"].value) == {first, second}  # type: ignore[arg-type]


def test_another_promoted_model_is_another_data_version(installation: Store, instance: dg.DagsterInstance) -> None:
    def materialize() -> str:
        result = dg.materialize(
            [promoted_models.promoted_models], instance=instance, resources={"store": StoreResource()}
        )
        (event,) = result.asset_materializations_for_node("promoted_models")
        return (event.tags or {})["dagster/data_version"]

    before = materialize()
    assert materialize() == before
    assert promoted_models.report(instance, installation) == []
    promote(installation, "line_detector", "99.0.0")
    assert len(promoted_models.report(instance, installation)) == 1
    assert materialize() != before
