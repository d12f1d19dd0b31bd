"""Exports as answers: a file that flows while it is made."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from starlette.responses import StreamingResponse

from billocr_assets.store.exports import export_bills

__all__ = ["as_download", "export_bills"]


def as_download(export: tuple[str, str, Iterator[bytes]]) -> StreamingResponse:
    """The answer for an export of :mod:`billocr_assets.store.exports`, which no cache keeps."""
    name, media_type, content = export
    # RFC 6266: the name goes percent-encoded, so nothing in it can break out of the header.
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return StreamingResponse(content, media_type=media_type, headers=headers)
