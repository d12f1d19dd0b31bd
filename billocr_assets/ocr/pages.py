"""From a file's bytes to upright pages: JPEG, PNG, WebP, TIFF, HEIC and PDF.

The file's kind is told by its first bytes, never by its name. A page's pixel frame (after EXIF rotation; for a PDF, as
rendered here) depends on the bytes alone, so that polygons found in it stay true for every later picture of the page.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pillow_heif
from PIL import ExifTags, Image

from billocr_assets.ocr import pdf
from billocr_assets.ocr.errors import (
    Damaged,
    Empty,
    PageError,
    TooManyPages,
    TooManyPixels,
    UnknownKind,
)

MAX_PIXELS = 100_000_000
MAX_PAGES = 20

_PILLOW = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/tiff": "TIFF", "image/heic": "HEIF"}
_NAMES = {**_PILLOW, "image/webp": "WebP", "image/heic": "HEIC"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

pillow_heif.register_heif_opener()
# A picture takes up to 400 MB while it is decoded; many at once must not take many times that.
_decoding = threading.BoundedSemaphore(2)


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
    """Check a file by its headers, decoding no pixel (a PDF is opened, not drawn).

    Args:
        max_pixels: of a picture, all its pages together, and of the pictures on a page of a PDF.

    Returns:
        The media type, and (width, height) of each page in the frame that :func:`load_pages` gives.

    Raises:
        PageError: the subclass says why the file cannot be read.
    """
    if not data:
        raise Empty
    media_type = identify(data)
    if media_type is None:
        raise UnknownKind
    if media_type == "application/pdf":
        return media_type, pdf.page_sizes(data, max_pixels, max_pages)
    with _errors_as_damaged(media_type):
        try:
            sizes = _picture_sizes(data, media_type, max_pixels, max_pages)
        except Image.DecompressionBombError:  # Pillow's own limit, far above ours
            raise TooManyPixels(max_pixels) from None
        if not sizes or min(min(size) for size in sizes) < 1:
            raise Damaged(_NAMES[media_type])
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
        max_pixels, max_pages: as for :func:`inspect`, whose refusals are this function's too.

    Returns:
        uint8 arrays of shape (H, W), or (H, W, 3) for RGB; a list of one with ``only``.

    Raises:
        PageError: as :func:`inspect`, or a page's pixels are damaged.
        IndexError: there is no page ``only``.
    """
    if identify(data) == "application/pdf":
        return pdf.render(data, grey, max_side, only, max_pixels, max_pages)
    media_type, sizes = inspect(data, max_pixels, max_pages)
    wanted = range(len(sizes)) if only is None else [range(len(sizes))[only]]
    with _errors_as_damaged(media_type), _decoding:
        return [_decode(data, media_type, index, sizes[index], grey, max_side) for index in wanted]


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


def _picture_sizes(data: bytes, media_type: str, max_pixels: int, max_pages: int) -> list[tuple[int, int]]:
    sizes = []
    with Image.open(BytesIO(data), formats=[_PILLOW[media_type]]) as picture:
        # Only TIFF has pages; the further pictures of other kinds are frames, thumbnails and depth maps.
        for index in range(max_pages + 1 if media_type == "image/tiff" else 1):
            try:
                picture.seek(index)
            except EOFError:
                break
            width, height = picture.size
            sizes.append((height, width) if _orientation(picture, data, media_type) >= 5 else (width, height))
    if len(sizes) > max_pages:
        raise TooManyPages(max_pages)
    if sum(width * height for width, height in sizes) > max_pixels:
        raise TooManyPixels(max_pixels)
    return sizes


def _orientation(picture: Image.Image, data: bytes, media_type: str) -> int:
    """The EXIF orientation (1 to 8) that is still to be applied, from the header alone."""
    if media_type == "image/tiff":  # Pillow applies it
        return 1
    if media_type == "image/heic":
        # A container that rotates by itself has its EXIF tag for information only.
        value = 1 if b"irot" in data or b"imir" in data else picture.info.get("original_orientation")
    elif media_type == "image/png" and "exif" not in picture.info:  # else Pillow would decode all pixels to find it
        value = 1
    else:
        value = picture.getexif().get(ExifTags.Base.Orientation)
    return value if value in _TRANSPOSE else 1


def _decode(
    data: bytes, media_type: str, index: int, size: tuple[int, int], grey: bool, max_side: int | None
) -> np.ndarray:
    scale = min(1.0, max_side / max(size)) if max_side else 1.0
    target = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    with Image.open(BytesIO(data), formats=[_PILLOW[media_type]]) as picture:
        if media_type == "image/tiff":
            picture.seek(index)
        orientation = _orientation(picture, data, media_type)
        if media_type == "image/jpeg" and picture.mode in ("L", "RGB"):
            # The decoder leaves out colour and detail that nobody asked for: several times faster.
            picture.draft("L" if grey else "RGB", target[::-1] if orientation >= 5 else target)
        promised = picture.size
        picture.load()
        if picture.size != promised:
            raise Damaged(_NAMES[media_type])
        flat = _flatten(picture)
    flat = flat.convert("L" if grey else "RGB")
    if orientation != 1:
        flat = flat.transpose(_TRANSPOSE[orientation])
    if flat.size != target:
        flat = flat.resize(target, Image.Resampling.BOX)
    return np.asarray(flat)


def _flatten(picture: Image.Image) -> Image.Image:
    """The picture in a mode that converts to grey and RGB, transparency over white."""
    if picture.mode.startswith(("I", "F")):  # 16 bits and more
        values = np.nan_to_num(np.asarray(picture, dtype=np.float32))
        white = 65535.0 if picture.mode.startswith("I") else max(1.0, float(values.max()))
        return Image.fromarray((np.clip(values / white, 0, 1) * 255).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture
