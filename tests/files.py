"""Files that people upload, made on the spot: pictures of every kind, and PDFs written object by object."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pillow_heif
from PIL import ExifTags, Image

pillow_heif.register_heif_opener()

KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF")


def page(width: int = 120, height: int = 200, seed: int = 0) -> Image.Image:
    """An RGB page with a dark block in its top left corner and some noise, so that it does not compress to nothing."""
    pixels = np.random.default_rng(seed).integers(225, 245, (height, width, 3), dtype=np.uint8)
    pixels[: height // 4, : width // 4] = 10
    return Image.fromarray(pixels)


def encode(picture: Image.Image, kind: str, orientation: int | None = None, **options: Any) -> bytes:
    """The picture as a file.

    Args:
        orientation: EXIF orientation; for HEIF, written into the container as cameras do.
    """
    if orientation:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        options["exif"] = exif.tobytes()
        if kind == "TIFF":
            options = {"tiffinfo": {ExifTags.Base.Orientation: orientation}}
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    out = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        table,
        len(objects) + 1,
        trailer,
        len(out),
    )


def stream(content: bytes, entries: bytes = b"") -> bytes:
    packed = zlib.compress(content)
    return b"<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (entries, len(packed), packed)


def pdf_pages(
    count: int = 1, box: str = "0 0 300 400", content: bytes = b"0 g 0 300 75 100 re f", extra: str = ""
) -> bytes:
    """A PDF of like pages; the default content is a dark block in the top left corner, as on :func:`page`.

    Args:
        box: the media box, in points.
        extra: further entries of the page.
    """
    kids = " ".join(f"{number} 0 R" for number in range(4, 4 + count))
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            f"<</Type/Pages/Kids[{kids}]/Count {count}>>".encode(),
            stream(content),
            *[f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 3 0 R{extra}>>".encode()] * count,
        ]
    )
