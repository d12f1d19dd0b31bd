"""What stages hand to each other, on the three kinds of object storage."""

import zipfile
from io import BytesIO
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from billocr_assets.io import BillValues, Failed, pack, stage_key, unpack
from billocr_assets.ocr.document import Document, PageQuality
from billocr_assets.ocr.stages import LineSegment, PreparedPage, TextLine
from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import bill_for, local_user
from billocr_assets.store.reading import sync_shipped_models
from tests.readings import run, upload

QUALITY = PageQuality(120.5, 180.0, 230.0, -1.25, 90, True)


def test_pictures_and_numbers_come_back_as_they_were() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (60, 40), np.uint8)
    page = PreparedPage(picture, np.array([[1, 0.25, 3], [0, 1, 1e-7], [0, 0, 1]]), (400, 600), QUALITY)
    line = TextLine(np.array([[0.1, 1], [20, 1], [20, 9], [0, 9]], np.float32), 0.75, 2)
    segment = LineSegment(0, picture[:32], np.eye(3), ((0.5, 12.0), (14.0, 31.5)), 24.5)
    back_page, back_line, back_segment = unpack(pack([page, line, segment]))
    assert np.array_equal(back_page.image, picture)
    assert back_page.to_upload.dtype == np.float64
    assert np.array_equal(back_page.to_upload, page.to_upload)
    assert (back_page.upload_size, back_page.quality) == ((400, 600), QUALITY)
    assert back_line.polygon.dtype == np.float32
    assert np.array_equal(back_line.polygon, line.polygon)
    assert (back_line.score, back_line.row) == (0.75, 2)
    assert np.array_equal(back_segment.crop, segment.crop)
    assert back_segment.words == segment.words


def test_documents_failures_and_empty_arrays_come_back_as_they_were() -> None:
    document = Document((), {"line_detector": "1.0.0"}, {"text_lines": 0.5})
    values = {
        "document": document,
        "failed": Failed("text_lines", "“why” — ü"),
        "none": None,
        "empty": np.zeros((0, 4)),
    }
    back = unpack(pack(values))
    assert back["document"] == document
    assert back["failed"] == values["failed"]
    assert back["none"] is None
    assert back["empty"].shape == (0, 4)


def test_an_object_is_a_zip_of_json_and_pictures_that_anybody_can_open() -> None:
    with zipfile.ZipFile(BytesIO(pack([np.zeros((4, 4), np.uint8)]))) as archive:
        assert archive.namelist() == ["value.json", "0.png"]
        assert archive.read("0.png").startswith(b"\x89PNG")


@pytest.mark.parametrize("value", [object(), {1, 2}, Path("x"), [lambda: None]])
def test_what_is_no_data_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot hold"):
        pack(value)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-20], lambda data: b"", lambda data: b"no zip", lambda data: data[40:]]
)
def test_a_damaged_object_is_told_from_a_value(damage) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(damage(pack([np.zeros((9, 9), np.uint8)])))


def test_a_class_that_the_stages_do_not_know_is_never_made() -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("value.json", '{"$type": "Popen", "args": "true"}')
    with pytest.raises(ValueError, match="damaged"):
        unpack(buffer.getvalue())


def test_values_are_loaded_only_when_they_are_asked_for() -> None:
    asked = []

    def load(bill: str) -> bytes:
        asked.append(bill)
        return pack(bill.upper())

    values = BillValues(load, ["a", "b"])
    assert sorted(values) == ["a", "b"]
    assert asked == []
    assert values["b"] == "B"
    assert asked == ["b"]


@pytest.mark.parametrize("bill", ["../x", "a/../../x", "/etc", "..", "", ".hidden", "a b", "x/y"])
def test_a_bill_whose_name_is_a_path_is_refused(bill: str, installation: Store) -> None:
    with pytest.raises(ValueError, match="not a"):
        installation.objects.write(stage_key(bill, "text_lines"), b"")


def test_a_partition_whose_name_is_a_path_writes_nothing(installation: Store, instance: dg.DagsterInstance) -> None:
    with pytest.raises(ValueError, match="not a"):
        run(instance, ["../../x"], stages=["bill_image"])


@pytest.fixture(params=["folder", "memory", "gcs"])
def objects_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "gcs":
        return f"{request.getfixturevalue('gcs_bucket')}/instance"
    return f"memory://{tmp_path.name}" if request.param == "memory" else str(tmp_path / "objects")


def test_a_batch_is_read_on_every_kind_of_storage(
    objects_url: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    monkeypatch.setenv("BILLOCR_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("BILLOCR_OBJECTS", objects_url)
    store = open_store()
    sync_shipped_models(store)
    bills = upload(store, 2)
    assert run(instance, bills).success
    assert [bill_for(store, local_user(store), bill).status for bill in bills] == ["read", "read"]
    assert len(unpack(store.objects.read(stage_key(bills[1], "bill_image")))["value"]) == 1
