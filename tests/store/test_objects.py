from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest

from billocr_assets.store.objects import Objects


@pytest.fixture(params=["folder", "memory", "gcs"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "folder":
        return Objects(tmp_path / "objects")
    if request.param == "memory":
        return Objects(f"memory://{uuid.uuid4().hex}")
    return Objects(f"{request.getfixturevalue('gcs_bucket')}/some/prefix")


def test_what_was_written_is_read_back_whole(objects: Objects) -> None:
    data = bytes(range(256)) * 40_000  # 10 MB: more than one request to Cloud Storage
    objects.write("uploads/1", data)
    assert objects.read("uploads/1") == data
    objects.write("uploads/1", b"")
    assert objects.read("uploads/1") == b""


def test_an_object_that_is_not_there_is_said_to_be_missing(objects: Objects) -> None:
    assert not objects.exists("uploads/1")
    with pytest.raises(FileNotFoundError):
        objects.read("uploads/1")
    objects.delete("uploads/1")
    objects.delete_prefix("uploads")
    objects.write("uploads/1", b"a")
    assert objects.exists("uploads/1")
    assert not objects.exists("uploads")  # a prefix is not an object
    objects.delete("uploads/1")
    assert not objects.exists("uploads/1")


def test_deleting_a_prefix_spares_its_neighbours(objects: Objects) -> None:
    for key in ("pictures/a/1.jpg", "pictures/a/deep/2.jpg", "pictures/ab/1.jpg", "pictures/a.jpg"):
        objects.write(key, b"x")
    objects.delete_prefix("pictures/a")
    assert not objects.exists("pictures/a/1.jpg")
    assert not objects.exists("pictures/a/deep/2.jpg")
    assert objects.exists("pictures/ab/1.jpg")
    assert objects.exists("pictures/a.jpg")
    objects.write("pictures/a/1.jpg", b"again")
    assert objects.read("pictures/a/1.jpg") == b"again"


def test_what_another_process_wrote_or_removed_is_noticed(objects: Objects) -> None:
    other = Objects(str(objects.base))
    assert not objects.exists("uploads/1")
    other.write("uploads/1", b"new")
    assert objects.exists("uploads/1")
    assert objects.read("uploads/1") == b"new"
    other.delete("uploads/1")
    assert not objects.exists("uploads/1")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a b",
        "a\x00b",
        "a\n",
        "a\\b",
        *[
            "/",
            ".",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "/etc/passwd",
            "a//b",
            "a/",
            "./a",
            "a/./b",
            ".hidden",
            "a/.b",
            "C:x",
            "ä",
            "gs://b/c",
            "~/x",
            "%2e%2e/x",
            "a?b",
            "a*",
        ],
    ],
)
def test_a_key_that_could_lead_elsewhere_is_refused(objects: Objects, key: str) -> None:
    for call in (objects.read, objects.exists, objects.delete, objects.delete_prefix):
        with pytest.raises(ValueError, match="not a key"):
            call(key)
    with pytest.raises(ValueError, match="not a key"):
        objects.write(key, b"x")


def test_a_reader_never_sees_half_an_object(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    versions = {bytes([n]) * 1_000_000 for n in range(4)}
    objects.write("a", next(iter(versions)))
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for data in versions:
                objects.write("a", data)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        assert all(objects.read("a") in versions for _ in range(200))
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_a_write_that_fails_leaves_the_old_object_and_no_rest(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    objects.write("folder/a", b"old")
    with pytest.raises(TypeError):
        objects.write("folder/a", "text")  # type: ignore[arg-type]
    assert objects.read("folder/a") == b"old"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a"]
