"""From a file's bytes to upright pages: JPEG, PNG, WebP, TIFF, HEIC and PDF.

The file's kind is told by its first bytes, never by its name. A page's pixel frame (after EXIF rotation; for a PDF, as
rendered here) depends on the bytes alone, so that polygons found in it stay true for every later picture of the page.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pillow_heif
import pypdfium2
from PIL import ExifTags, Image, ImageOps

from billocr_assets.ocr.errors import (
    Damaged,
    Empty,
    NoPages,
    PageError,
    PasswordProtected,
    TooManyPages,
    TooManyPixels,
    UnknownKind,
)

MAX_PIXELS = 100_000_000
MAX_PAGES = 20
PDF_DPI = 200
# A page that would have more at PDF_DPI (a photo laid on a huge page, a poster) is rendered smaller.
PDF_PAGE_PIXELS = 5_000_000
# 200 inches, the largest page that the PDF format allows.
PDF_MAX_POINTS = 14_400

_PILLOW = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/tiff": "TIFF", "image/heic": "HEIF"}
_NAMES = {**_PILLOW, "image/webp": "WebP", "image/heic": "HEIC", "application/pdf": "PDF"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

pillow_heif.register_heif_opener()
# Pillow's own limit would warn or refuse at fixed sizes; ours is checked on the header, before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None
# PDFium must not be entered by two threads at once.
_pdfium = threading.RLock()


def identify(data: bytes) -> str | None:
    """The media type that the first bytes tell, or None for anything that is not read here."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(_TIFF_STARTS):
        return "image/tiff"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "image/heic"
    if b"%PDF-" in data[:1024]:  # the format allows a little before it
        return "application/pdf"
    return None


def inspect(data: bytes, max_pixels: int = MAX_PIXELS, max_pages: int = MAX_PAGES) -> tuple[str, list[tuple[int, int]]]:
    """Check a file by its headers, decoding no pixel.

    Args:
        max_pixels: over all pages together.

    Returns:
        The media type, and (width, height) of each page in the frame that :func:`load_pages` gives.

    Raises:
        PageError: the subclass says why the file cannot be read.
    """
    media_type = identify(data)
    if not data:
        raise Empty
    if media_type is None:
        raise UnknownKind
    sizes = []
    with _errors_as_damaged(media_type):
        for size in _pdf_sizes(data) if media_type == "application/pdf" else _picture_sizes(data, media_type):
            if len(sizes) == max_pages:
                raise TooManyPages(max_pages)
            sizes.append(size)
            pixels = sum(width * height for width, height in sizes)
            if pixels > max_pixels:
                raise TooManyPixels(pixels, max_pixels)
            if min(size) < 1:
                raise Damaged(_NAMES[media_type])
    if not sizes:
        raise NoPages
    return media_type, sizes


def load_pages(
    data: bytes,
    grey: bool = True,
    max_side: int | None = None,
    only: int | None = None,
    max_pixels: int = MAX_PIXELS,
    max_pages: int = MAX_PAGES,
) -> list[np.ndarray]:
    """Decode a file's pages, upright, transparency over white.

    Args:
        grey: grey pages, else RGB.
        max_side: scale pages down so that the longer side has at most this many pixels.
        only: index of the one page to decode.
        max_pixels, max_pages: as for :func:`inspect`, which is called first.

    Returns:
        uint8 arrays of shape (H, W), or (H, W, 3) for RGB; a list of one with ``only``.

    Raises:
        PageError: as :func:`inspect`, or a page's pixels are damaged.
        IndexError: there is no page ``only``.
    """
    media_type, sizes = inspect(data, max_pixels, max_pages)
    wanted = range(len(sizes)) if only is None else [range(len(sizes))[only]]
    with _errors_as_damaged(media_type):
        if media_type == "application/pdf":
            return [_render(data, index, sizes[index], grey, max_side) for index in wanted]
        return [_decode(data, media_type, index, grey, max_side) for index in wanted]


@contextmanager
def _errors_as_damaged(media_type: str) -> Iterator[None]:
    # The decoders raise nearly every kind of exception on hostile bytes; all of them mean the same to a person.
    try:
        yield
    except (PageError, MemoryError):
        raise
    except Exception as error:
        raise Damaged(_NAMES[media_type]) from error


# Pictures


def _picture_sizes(data: bytes, media_type: str) -> Iterator[tuple[int, int]]:
    with Image.open(BytesIO(data), formats=[_PILLOW[media_type]]) as picture:
        for index in range(picture.n_frames if media_type == "image/tiff" else 1):
            picture.seek(index)
            width, height = picture.size
            yield (height, width) if _orientation(picture) >= 5 else (width, height)


def _orientation(picture: Image.Image) -> int:
    value = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _decode(data: bytes, media_type: str, index: int, grey: bool, max_side: int | None) -> np.ndarray:
    with Image.open(BytesIO(data), formats=[_PILLOW[media_type]]) as picture:
        if media_type == "image/tiff":
            picture.seek(index)
        if media_type == "image/jpeg" and picture.mode in ("L", "RGB"):
            # The JPEG decoder leaves out colour and detail that nobody asked for: several times faster.
            picture.draft("L" if grey else "RGB", (max_side, max_side) if max_side else picture.size)
        picture.load()
        upright = ImageOps.exif_transpose(picture)
    flat = _flatten(upright)
    if max_side and max(flat.size) > max_side:
        flat.thumbnail((max_side, max_side), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(flat.convert("L" if grey else "RGB"))


def _flatten(picture: Image.Image) -> Image.Image:
    """The picture as L or RGB, transparency over white."""
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if picture.mode.startswith("I") else float(np.nanmax(values, initial=1.0))
        return Image.fromarray(np.clip(np.nan_to_num(values) * (255.0 / top), 0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


# PDF


@contextmanager
def _open_pdf(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    with _pdfium:
        try:
            pdf = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise PasswordProtected from None
            raise
        try:
            yield pdf
        finally:
            pdf.close()


def _pdf_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    if b"%%EOF" not in data:
        # PDFium mends a file that was cut off and would silently read the pages that are left.
        raise Damaged("PDF")
    with _open_pdf(data) as pdf:
        for index in range(len(pdf)):
            page = pdf[index]
            width, height = page.get_size()
            page.close()
            if not (width > 0 and height > 0):
                raise Damaged("PDF")
            if max(width, height) > PDF_MAX_POINTS:
                raise TooManyPixels(width * height * (PDF_DPI / 72) ** 2, MAX_PIXELS)
            scale = _pdf_scale(width, height)
            yield math.ceil(width * scale), math.ceil(height * scale)


def _pdf_scale(width: float, height: float) -> float:
    """Pixels a point."""
    return min(PDF_DPI / 72, math.sqrt(PDF_PAGE_PIXELS / (width * height)))


def _render(data: bytes, index: int, size: tuple[int, int], grey: bool, max_side: int | None) -> np.ndarray:
    with _open_pdf(data) as pdf:
        pdf.init_forms()
        page = pdf[index]
        scale = _pdf_scale(*page.get_size())
        if max_side and max(size) > max_side:
            scale *= max_side / max(size)
        bitmap = page.render(scale=scale, grayscale=grey, rev_byteorder=True)
        return bitmap.to_numpy().reshape(bitmap.height, bitmap.width, -1)[:, :, : 1 if grey else 3].squeeze().copy()
