"""Many files as one ZIP, handed on while it is made."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from billocr_assets.exports.bill import ReadBill, UnreadBill
from billocr_assets.exports.names import Names, stem_of
from billocr_assets.ocr.errors import BillError

# Name, when it was written (timezone-aware), content.
File = tuple[str, datetime, bytes]
# Compressed already: once more would only take time.
_PACKED = (".pdf", ".jpg", ".png", ".webp", ".heic", ".xlsx")


def write(
    bills: Iterable[ReadBill | UnreadBill], write_one: Callable[[ReadBill], list[bytes]], suffix: str
) -> Iterator[bytes]:
    """A ZIP with a bill's files under its name; what cannot be written is listed in a file of its own."""
    return stream(_files(bills, write_one, suffix))


def _files(
    bills: Iterable[ReadBill | UnreadBill], write_one: Callable[[ReadBill], list[bytes]], suffix: str
) -> Iterator[File]:
    names, missing = Names(), []
    list_name = names.of("not exported", ".txt")
    for bill in bills:
        if isinstance(bill, UnreadBill):
            missing.append(f"{bill.name}: {bill.why}")
            continue
        try:
            contents = write_one(bill)
        except BillError as error:
            missing.append(f"{bill.name}: {error}")
        except FileNotFoundError:
            missing.append(f"{bill.name}: The upload is gone.")
        else:
            given = names.of_pages(stem_of(bill.name), suffix, len(contents))
            yield from ((name, bill.read_at, content) for name, content in zip(given, contents, strict=True))
    if missing:
        yield list_name, datetime.now(UTC), "\n".join([*missing, ""]).encode(errors="replace")


def stream(files: Iterable[File]) -> Iterator[bytes]:
    """A ZIP, piece by piece; memory holds one file and the list of names."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, when, content in files:
            entry = zipfile.ZipInfo(name, when.timetuple()[:6])
            if not name.endswith(_PACKED):
                entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
            yield pipe.take()
    yield pipe.take()


class _Pipe(io.RawIOBase):
    """What has been written and not been taken yet; it cannot seek, so nothing is written twice."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        self.waiting += view
        return view.nbytes

    def take(self) -> bytes:
        taken, self.waiting = bytes(self.waiting), bytearray()
        return taken
