"""PDF pages, read in a process of their own.

A PDF is a program: two kilobytes can ask for hours of drawing, or for all memory, and PDFium neither stops nor may be
entered by two threads. So every file gets a child process with limits, which ends with whatever it was asked to do.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np
import pypdfium2

from billocr_assets.ocr.errors import Damaged, PasswordProtected, TooComplex, TooManyPages, TooManyPixels

DPI = 200
# A page that would have more at DPI (a photo laid on a huge page, a poster) is rendered smaller.
PAGE_PIXELS = 5_000_000
# 200 inches, the largest page that the format allows.
MAX_POINTS = 14_400
# Of the child: processor time, and bytes of memory.
MAX_SECONDS = 20
MAX_MEMORY = 3 * 2**30


def page_sizes(data: bytes, max_pixels: int, max_pages: int) -> list[tuple[int, int]]:
    """(width, height) of each page in pixels, as :func:`render` gives them without ``max_side``.

    Args:
        max_pixels: of all pictures on one page together.

    Raises:
        PageError: the subclass says why the file cannot be read.
    """
    answer, _ = _ask(data, "sizes", max_pixels=max_pixels, max_pages=max_pages)
    return [(width, height) for width, height in answer["sizes"]]


def render(
    data: bytes, grey: bool, max_side: int | None, only: int | None, max_pixels: int, max_pages: int
) -> list[np.ndarray]:
    """The pages, or the one with index ``only``, as uint8 arrays (H, W), or (H, W, 3) for RGB.

    Raises:
        PageError: as :func:`page_sizes`.
        IndexError: there is no page ``only``.
    """
    limits = {"max_pixels": max_pixels, "max_pages": max_pages}
    answer, rest = _ask(data, "render", grey=grey, max_side=max_side, only=only, **limits)
    pages = []
    for height, width, stride, channels in answer["bitmaps"]:
        pixels = np.frombuffer(rest, np.uint8, height * stride).reshape(height, stride)[:, : width * channels]
        rest = rest[height * stride :]
        # The copy gives back the memory of the whole answer.
        pages.append(pixels.copy() if grey else pixels.reshape(height, width, channels)[:, :, :3].copy())
    return pages


def _ask(data: bytes, task: str, **arguments: Any) -> tuple[dict[str, Any], memoryview]:
    if b"%%EOF" not in data:
        # PDFium mends a file that was cut off and would silently read the pages that are left.
        raise Damaged("PDF")
    limits = {"seconds": MAX_SECONDS, "memory": MAX_MEMORY}
    command = [sys.executable, "-m", __name__, task, json.dumps(arguments | limits)]
    try:
        # On a busy machine the processor time that is allowed takes longer than itself.
        child = subprocess.run(command, input=data, capture_output=True, timeout=6 * MAX_SECONDS)
    except subprocess.TimeoutExpired:
        raise TooComplex from None
    if child.returncode < 0:  # a limit, or the file, has killed it
        raise TooComplex
    if child.returncode:
        raise RuntimeError(f"PDF process failed: {child.stderr.decode(errors='replace')}")
    head, _, _ = child.stdout.partition(b"\n")
    answer = json.loads(head)
    if "refused" in answer:
        raise _refusal(answer["refused"], arguments)
    return answer, memoryview(child.stdout)[len(head) + 1 :]


def _refusal(name: str, limits: dict[str, int]) -> Exception:
    refusals: dict[str, Callable[[], Exception]] = {
        "password": PasswordProtected,
        "pages": lambda: TooManyPages(limits["max_pages"]),
        "pixels": lambda: TooManyPixels(limits["max_pixels"]),
        "complex": TooComplex,
        "index": IndexError,
    }
    return refusals.get(name, lambda: Damaged("PDF"))()


# In the child


class _Refused(Exception):
    pass


def _main(task: str, arguments: dict[str, Any], file: IO[bytes], out: IO[bytes]) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (arguments["seconds"],) * 2)
    resource.setrlimit(resource.RLIMIT_AS, (arguments["memory"],) * 2)
    try:
        pdf = pypdfium2.PdfDocument(file.read())
        sizes = list(_sizes(pdf, arguments["max_pixels"], arguments["max_pages"]))
        if task == "sizes":
            out.write(json.dumps({"sizes": sizes}).encode() + b"\n")
            return
        only = arguments["only"]
        if only is not None and not 0 <= only < len(sizes):
            raise _Refused("index")
        bitmaps = [
            _bitmap(pdf[index], sizes[index], arguments["grey"], arguments["max_side"])
            for index in (range(len(sizes)) if only is None else [only])
        ]
    except _Refused as refused:
        out.write(json.dumps({"refused": str(refused)}).encode())
    except MemoryError:
        out.write(json.dumps({"refused": "complex"}).encode())
    except Exception as error:
        out.write(json.dumps({"refused": "password" if "password" in str(error).lower() else "damaged"}).encode())
    else:
        shapes = [(bitmap.height, bitmap.width, bitmap.stride, bitmap.n_channels) for bitmap in bitmaps]
        out.write(json.dumps({"bitmaps": shapes}).encode() + b"\n")
        for bitmap in bitmaps:
            out.write(bitmap.buffer)


def _sizes(pdf: pypdfium2.PdfDocument, max_pixels: int, max_pages: int) -> Iterator[tuple[int, int]]:
    if len(pdf) > max_pages:
        raise _Refused("pages")
    pdf.init_forms()  # before any page is opened, else what was filled in is missing
    for page in pdf:
        width, height = page.get_size()
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise _Refused("damaged")
        pictures = page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=8)
        inside = [across * down for across, down in (picture.get_px_size() for picture in pictures)]
        if max(width, height) > MAX_POINTS or sum(inside) > max_pixels:
            raise _Refused("pixels")
        scale = _scale(width, height)
        yield math.ceil(width * scale), math.ceil(height * scale)


def _scale(width: float, height: float) -> float:
    """Pixels a point."""
    return min(DPI / 72, math.sqrt(PAGE_PIXELS / (width * height)))


def _bitmap(page: pypdfium2.PdfPage, size: tuple[int, int], grey: bool, max_side: int | None) -> pypdfium2.PdfBitmap:
    scale = _scale(*page.get_size())
    if max_side and max(size) > max_side:
        scale = (max_side - 0.01) / max(page.get_size())  # PDFium rounds up
    return page.render(scale=scale, grayscale=grey, rev_byteorder=True)


if __name__ == "__main__":
    _main(sys.argv[1], json.loads(sys.argv[2]), sys.stdin.buffer, sys.stdout.buffer)
