"""Bills as files: text, JSON, CSV, Excel, ALTO, PAGE, hOCR, searchable PDF. Knows documents and fields, no database."""

from billocr_assets.exports.bill import ReadBill, UnreadBill
from billocr_assets.exports.formats import FORMATS, Format, UnknownFormat, export_many, export_one, format_of

__all__ = [
    "FORMATS",
    "Format",
    "ReadBill",
    "UnknownFormat",
    "UnreadBill",
    "export_many",
    "export_one",
    "format_of",
]
