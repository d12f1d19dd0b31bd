"""Plain text: a line a row, pages apart by an empty line."""

from __future__ import annotations

from billocr_assets.exports.bill import ReadBill


def write(bill: ReadBill) -> list[bytes]:
    return [f"{bill.document.text}\n".encode(errors="replace")]
