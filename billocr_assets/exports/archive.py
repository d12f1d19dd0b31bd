"""Many files as one ZIP, handed on while it is made."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator

from billocr_assets.exports.bill import ReadBill, UnreadBill
from billocr_assets.exports.names import Names, stem_of
from billocr_assets.ocr.errors import BillError

_MISSING = "not exported"


def write(
    bills: Iterable[ReadBill | UnreadBill], write_one: Callable[[ReadBill], list[bytes]], suffix: str
) -> Iterator[bytes]:
    """A ZIP with a bill's files under its name; what cannot be written is listed in a file of its own.

    Memory holds one bill's files and the list of names.
    """
    pipe, names, missing = _Pipe(), Names(), []
    list_name = names.of(_MISSING, ".txt")
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for bill in bills:
            if isinstance(bill, UnreadBill):
                missing.append(f"{bill.name}: {bill.why}")
                continue
            try:
                files = write_one(bill)
            except (BillError, FileNotFoundError) as error:
                missing.append(f"{bill.name}: {error if isinstance(error, BillError) else 'The upload is gone.'}")
                continue
            for name, content in zip(names.of_pages(stem_of(bill.name), suffix, len(files)), files, strict=True):
                entry = zipfile.ZipInfo(name, bill.read_at.timetuple()[:6])
                # What is compressed already would only take time.
                entry.compress_type = zipfile.ZIP_STORED if suffix == ".pdf" else zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
            yield pipe.take()
        if missing:
            archive.writestr(list_name, "\n".join([*missing, ""]).encode(errors="replace"))
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
