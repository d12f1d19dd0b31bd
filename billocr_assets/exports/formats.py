"""The formats by name, and how bills become one file of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from billocr_assets.exports import alto, archive, csv, hocr, json, page, pdf, text, xlsx
from billocr_assets.exports.bill import ReadBill, UnreadBill
from billocr_assets.exports.names import stem_of
from billocr_assets.ocr.errors import BillError

Bills = Iterable[ReadBill | UnreadBill]


class UnknownFormat(BillError):
    """There is no such format."""

    code = "unknown_format"

    def __init__(self) -> None:
        super().__init__(f"There is no such format. There are {', '.join(FORMATS)}.")


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file. It has either ``write``, files a bill, or ``table``, one file for all bills.

    Attributes:
        label: its name for people.
        suffix: of the file's name, the dot included.
    """

    name: str
    label: str
    media_type: str
    suffix: str
    write: Callable[[ReadBill], list[bytes]] | None = None
    table: Callable[[Bills], Iterator[bytes]] | None = None


FORMATS = {
    format.name: format
    for format in (
        Format("text", "Text", "text/plain; charset=utf-8", ".txt", text.write),
        Format("json", "JSON", "application/json", ".json", json.write),
        Format("csv", "CSV, a row a bill", "text/csv; charset=utf-8", ".csv", table=csv.write_bills),
        Format("items", "CSV, a row an item", "text/csv; charset=utf-8", "-items.csv", table=csv.write_items),
        Format("xlsx", "Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx",
               table=xlsx.write),
        Format("alto", "ALTO 4", "application/xml", ".alto.xml", alto.write),
        Format("page", "PAGE 2019", "application/xml", ".page.xml", page.write),
        Format("hocr", "hOCR", "text/html; charset=utf-8", ".hocr.html", hocr.write),
        Format("pdf", "Searchable PDF", "application/pdf", ".pdf", pdf.write),
    )
}  # fmt: skip


def format_of(name: str) -> Format:
    """The format of this name.

    Raises:
        UnknownFormat
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise UnknownFormat from None


def export_one(bill: ReadBill, format: Format) -> tuple[str, str, Iterator[bytes]]:
    """A bill as one file, its name, media type and content; as a ZIP where the format wants a file a page.

    Raises:
        PageError: the upload cannot be drawn (PDF).
    """
    if format.table:
        return stem_of(bill.name) + format.suffix, format.media_type, format.table([bill])
    assert format.write
    files = format.write(bill)
    if len(files) == 1:
        return stem_of(bill.name) + format.suffix, format.media_type, iter(files)
    name = f"{stem_of(bill.name)}-{format.name}.zip"
    return name, "application/zip", archive.write([bill], lambda _: files, format.suffix)


def export_many(bills: Bills, format: Format) -> tuple[str, str, Iterator[bytes]]:
    """Bills as one file: a table of all, or a ZIP with the files of each. Takes one bill after the other."""
    if format.table:
        return f"bills{format.suffix}", format.media_type, format.table(bills)
    assert format.write
    return f"bills-{format.name}.zip", "application/zip", archive.write(bills, format.write, format.suffix)
