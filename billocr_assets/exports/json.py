"""JSON for programs: every line and word with its box, and the fields, printed and parsed."""

from __future__ import annotations

import json
from typing import Any

from billocr_assets.exports.bill import ReadBill, words_of
from billocr_assets.fields.model import Fields
from billocr_assets.ocr.document import Document


def write(bill: ReadBill) -> list[bytes]:
    content = json.dumps(bill_json(bill.name, bill.document, bill.fields), ensure_ascii=False)
    return [f"{content}\n".encode(errors="replace")]


def bill_json(name: str, document: Document, fields: Fields) -> dict[str, Any]:
    """A bill in plain types: what is printed under ``fields``, what it means under ``values``.

    ``width`` and ``height`` are those of the first page in pixels; each line says its page.
    ``seconds`` is the sum of ``stages``.
    """
    values = fields.to_dict()
    pages = document.to_dict()["pages"]
    return {
        "version": document.version,
        "image": name,
        "width": pages[0]["width"] if pages else 0,
        "height": pages[0]["height"] if pages else 0,
        "pages": [{key: value for key, value in page.items() if key != "lines"} for page in pages],
        "lines": [
            {
                "page": page.number,
                "row": line.row,
                "polygon": line.polygon,
                "text": line.text,
                "confidence": line.confidence,
                "words": [
                    {"text": word.text, "polygon": word.polygon, "confidence": word.confidence}
                    for word in words_of(line)
                ],
            }
            for page in document.pages
            for line in page.lines
        ],
        "fields": fields.printed(),
        "items": values.pop("items"),
        "values": values,
        "models": document.models,
        "seconds": round(sum(document.seconds.values()), 4),
        "stages": {stage: round(seconds, 4) for stage, seconds in document.seconds.items()},
    }
