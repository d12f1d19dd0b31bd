"""Searchable PDF: the page's picture, and over it the text, invisible, each word exactly in its place.

Written here rather than by a library: those that make PDFs want a font that has every character, and this text needs
one that shows none. So any text can be searched and copied, and a JPEG goes in byte for byte as it was uploaded.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import ExifTags, Image

from billocr_assets.exports.bill import ReadBill, words_of
from billocr_assets.ocr.document import Page
from billocr_assets.ocr.pages import identify, load_pages

_DPI = 200
_MAX_POINTS = 14_400
_QUALITY = 90
# Of a character of the invisible font, in ems. Readers take it for the measure of what is still the same line.
_ADVANCE = 0.6
_HYPHENS = ("-", "\u00ad")
# The size of a blank that only parts rows, in points.
_TINY = 0.5
# The unit square of the stored picture as each EXIF orientation wants it: x and y of (1, 0), of (0, 1) and of (0, 0).
_TURNS = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]


def write(bill: ReadBill) -> list[bytes]:
    """One PDF with a page a page.

    Raises:
        PageError: the upload cannot be drawn.
        FileNotFoundError: the upload is gone.
    """
    upload = bill.upload()
    file = _File()
    text = _Text(file)
    tree = file.reserve()
    leaves = [_page(file, text, tree, upload, page) for page in bill.document.pages]
    text.finish()
    file.put(tree, f"<< /Type /Pages /Count {len(leaves)} /Kids [{' '.join(f'{leaf} 0 R' for leaf in leaves)}] >>")
    title = f"\ufeff{bill.name}".encode("utf-16-be", "replace").hex()
    info = file.add(f"<< /Title <{title}> /Creator (Bill OCR) >>")
    return [file.finish(file.add(f"<< /Type /Catalog /Pages {tree} 0 R >>"), info)]


def _page(file: _File, text: _Text, tree: int, upload: bytes, page: Page) -> int:
    sheet = _Sheet(page)
    picture, turn = _picture(file, upload, page)
    content = [f"q {sheet.square(turn)} cm /P Do Q", "BT 3 Tr", *text.rows(page, sheet), "ET"]
    stream = file.stream("\n".join(content).encode("ascii"))
    resources = f"<< /XObject << /P {picture} 0 R >> /Font << /T {text.font} 0 R >> >>"
    box = f"[0 0 {sheet.width:.3f} {sheet.height:.3f}]"
    return file.add(
        f"<< /Type /Page /Parent {tree} 0 R /MediaBox {box} /Resources {resources} /Contents {stream} 0 R >>"
    )


class _Sheet:
    """Where a page's pixels lie on the paper, in points from its lower left, the text running to the right."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.scale = min(72 / _DPI, _MAX_POINTS / max(page.width, page.height))
        along = [(b[0] - a[0], b[1] - a[1]) for a, b, _, _ in (line.polygon for line in page.lines)]
        angle = math.atan2(sum(down for _, down in along), sum(across for across, _ in along))
        self.quarters = round(-2 * angle / math.pi) % 4  # clockwise
        sides = (page.width * self.scale, page.height * self.scale)
        self.width, self.height = sides if self.quarters % 2 == 0 else sides[::-1]

    def at(self, corner: Point) -> Point:
        x, y, (wide, high) = *corner, (self.page.width, self.page.height)
        x, y = ((x, y), (high - y, x), (wide - x, high - y), (y, wide - x))[self.quarters]
        return x * self.scale, self.height - y * self.scale

    def square(self, turn: tuple[int, ...]) -> str:
        """The matrix that lays the stored picture, turned as :data:`_TURNS` say, on the whole sheet."""
        (x, y), right, top = (
            self.at(corner) for corner in ((0, self.page.height), (self.page.width, self.page.height), (0, 0))
        )
        ux, uy, vx, vy = right[0] - x, right[1] - y, top[0] - x, top[1] - y
        a, b, c, d, e, f = turn
        values = (a * ux + b * vx, a * uy + b * vy, c * ux + d * vx, c * uy + d * vy)
        return " ".join(f"{value:.3f}" for value in (*values, e * ux + f * vx + x, e * uy + f * vy + y))


# ---------------------------------------------------------------------------------------------------------- pictures


def _picture(file: _File, upload: bytes, page: Page) -> tuple[int, tuple[int, ...]]:
    """The page's picture as an object, and how it is turned."""
    if identify(upload) == "image/jpeg":
        with Image.open(BytesIO(upload)) as picture:
            # Four colours are stored inverted by some programs and not by others: only the decoder knows.
            if picture.mode in ("L", "RGB"):
                orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
                return _jpeg(file, upload, picture), _TURNS.get(orientation, _TURNS[1])
    # What was let in is shown even when the limits have been lowered since.
    limits = {"max_pixels": sys.maxsize, "max_pages": sys.maxsize}
    (pixels,) = load_pages(upload, grey=False, only=page.number - 1, **limits)
    drawn = Image.fromarray(pixels)
    jpeg = BytesIO()
    drawn.save(jpeg, "JPEG", quality=_QUALITY)
    return _jpeg(file, jpeg.getvalue(), drawn), _TURNS[1]


def _jpeg(file: _File, data: bytes, picture: Image.Image) -> int:
    colours = "DeviceGray" if picture.mode == "L" else "DeviceRGB"
    size = f"/Width {picture.width} /Height {picture.height} /BitsPerComponent 8"
    return file.stream(data, f"/Type /XObject /Subtype /Image {size} /ColorSpace /{colours} /Filter /DCTDecode")


# -------------------------------------------------------------------------------------------------------------- text


class _Text:
    """The invisible font: every character of the bill gets a number, and a table says which character it was."""

    def __init__(self, file: _File) -> None:
        self.file = file
        self.font = file.reserve()
        self.numbers: dict[str, int] = {}

    def rows(self, page: Page, sheet: _Sheet) -> Iterator[str]:
        """The operators that lay the page's words over the picture, and the blanks between those of a row."""
        row, before, said = None, None, ""
        for line in sorted(page.lines, key=lambda line: line.row):  # as in the text
            for place, word in enumerate(words_of(line)):
                a, b, c, d = (sheet.at(corner) for corner in word.polygon)
                corners = (a, b, c, d)
                if before and line.row == row:
                    # Blanks fill the gap, so that a reader sees neither none nor more.
                    gap = _gap(before, corners)
                    # PDFium drops a character beside the same one, and the wider they are the farther that reaches.
                    blanks = math.ceil(math.dist(gap[3], gap[2]) / (math.dist(gap[3], gap[0]) or 1))
                    yield from self._lay(" " * max(blanks, 1 if place else 2), gap)
                elif before:
                    if said.endswith(_HYPHENS):
                        # Else PDFium joins the rows: what stands at the end of one is no divided word on a bill.
                        yield from self._lay("\u00a0", _gap(before, (before[1], before[1], before[2], before[2])))
                    if said.endswith(_HYPHENS) or _looks_like_one_row(before, corners):
                        yield from self._break(before, corners)
                yield from self._lay(word.text, corners)
                row, before, said = line.row, corners, word.text

    def _lay(self, text: str, corners: Corners) -> Iterator[str]:
        """Lay text into a parallelogram: its baseline is the lower edge, its height the left one."""
        (left, top), _, (right, bottom), (x, y) = corners
        size = math.hypot(left - x, top - y)
        if not text or size < 0.01:
            return
        advance = _ADVANCE * len(text) * size
        matrix = ((right - x) / advance, (bottom - y) / advance, (left - x) / size, (top - y) / size, x, y)
        codes = "".join(f"{self._number(character):04x}" for character in text)
        yield f"/T {size:.3f} Tf {' '.join(f'{value:.5f}' for value in matrix)} Tm <{codes}> Tj"

    def _break(self, before: Corners, after: Corners) -> Iterator[str]:
        """Two tiny blanks, at the end of a row and at the start of the next, that lie below each other for any reader.

        On a tilted or curved page the end of a row is as high as the start of the next, or of the one after.
        """
        end, start = before[2], after[3]
        if abs(end[1] - start[1]) < _TINY:
            start = (start[0], start[1] - _TINY)
        length = math.hypot(end[0] - start[0], end[1] - start[1])
        up = ((end[0] - start[0]) / length * _TINY, (end[1] - start[1]) / length * _TINY)
        along = (up[1] * _ADVANCE, -up[0] * _ADVANCE)
        for x, y in (end, start):
            right, top = (x + along[0], y + along[1]), (x + up[0], y + up[1])
            yield from self._lay(" ", (top, (top[0] + along[0], top[1] + along[1]), right, (x, y)))

    def _number(self, character: str) -> int:
        if len(self.numbers) == 0xFFFE:  # no more fit into two bytes
            return self.numbers.get(character, 1)
        return self.numbers.setdefault(character, len(self.numbers) + 1)

    def finish(self) -> None:
        file = self.file
        outlines = file.stream((Path(__file__).parent / "invisible.ttf").read_bytes())
        metrics = "/Ascent 1000 /Descent 0 /CapHeight 1000 /ItalicAngle 0 /StemV 80 /FontBBox [0 0 1000 1000] /Flags 4"
        descriptor = file.add(f"<< /Type /FontDescriptor /FontName /Invisible {metrics} /FontFile2 {outlines} 0 R >>")
        glyphs = file.stream(b"\0\1" * (len(self.numbers) + 1))
        system = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
        descendant = file.add(
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Invisible {system} /DW {1000 * _ADVANCE:.0f} "
            f"/FontDescriptor {descriptor} 0 R /CIDToGIDMap {glyphs} 0 R >>"
        )
        unicode = file.stream(self._unicode().encode("ascii"))
        file.put(
            self.font,
            f"<< /Type /Font /Subtype /Type0 /BaseFont /Invisible /Encoding /Identity-H "
            f"/DescendantFonts [{descendant} 0 R] /ToUnicode {unicode} 0 R >>",
        )

    def _unicode(self) -> str:
        """The table from numbers to characters (a CMap), a hundred entries a block as the format asks."""
        entries = [
            f"<{number:04x}> <{character.encode('utf-16-be', 'replace').hex()}>"
            for character, number in self.numbers.items()
        ]
        blocks = [entries[start : start + 100] for start in range(0, len(entries), 100)]
        return "\n".join(
            (
                "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
                "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
                "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
                "1 begincodespacerange <0000> <ffff> endcodespacerange",
                *(f"{len(block)} beginbfchar\n{chr(10).join(block)}\nendbfchar" for block in blocks),
                "endcmap CMapName currentdict /CMap defineresource pop end end",
            )
        )


def _gap(before: Corners, after: Corners) -> Corners:
    """What lies between two words of a row: from the end of the first one's baseline to the start of the second's.

    Where they overlap, next to nothing at the start of the second: readers sort by where things start.
    """
    start, end = before[2], after[3]
    along = (start[0] - before[3][0], start[1] - before[3][1])
    if (end[0] - start[0]) * along[0] + (end[1] - start[1]) * along[1] <= 0:
        length = math.hypot(*along) or 1
        start, end = end, (end[0] + along[0] / length * _TINY, end[1] + along[1] / length * _TINY)
    up = (before[0][0] - before[3][0], before[0][1] - before[3][1])
    return (start[0] + up[0], start[1] + up[1]), (end[0] + up[0], end[1] + up[1]), end, start


def _looks_like_one_row(before: Corners, after: Corners) -> bool:
    """Whether the start of the next row lies about on the line that the last word of a row stands on, or as high."""
    (x, y), (right, bottom), (left, top) = before[3], before[2], before[0]
    size = max(math.hypot(left - x, top - y), math.hypot(after[0][0] - after[3][0], after[0][1] - after[3][1]))
    length = math.hypot(right - x, bottom - y) or 1
    below = ((after[3][0] - x) * (bottom - y) - (after[3][1] - y) * (right - x)) / length
    return min(abs(below), abs(after[3][1] - bottom), abs(after[3][1] - y)) < 0.8 * size


# -------------------------------------------------------------------------------------------------------------- file


class _File:
    """A PDF's numbered objects and where each of them begins."""

    def __init__(self) -> None:
        self.data = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        self.places: list[int] = []

    def reserve(self) -> int:
        """A number for an object that comes later."""
        self.places.append(0)
        return len(self.places)

    def add(self, content: str) -> int:
        number = self.reserve()
        self.put(number, content)
        return number

    def put(self, number: int, content: str) -> None:
        self._object(number, content.encode("ascii"))

    def stream(self, data: bytes, entries: str = "") -> int:
        """A stream object; compressed, unless ``entries`` says how it is already."""
        if not entries:
            data, entries = zlib.compress(data), "/Filter /FlateDecode"
        number = self.reserve()
        head = f"<< {entries} /Length {len(data)} >>\nstream\n".encode("ascii")
        self._object(number, head + data + b"\nendstream")
        return number

    def finish(self, catalog: int, info: int) -> bytes:
        start = len(self.data)
        count = len(self.places) + 1
        table = "".join(f"{place:010d} 00000 n \n" for place in self.places)
        self.data += f"xref\n0 {count}\n0000000000 65535 f \n{table}".encode("ascii")
        self.data += f"trailer\n<< /Size {count} /Root {catalog} 0 R /Info {info} 0 R >>\n".encode("ascii")
        self.data += f"startxref\n{start}\n%%EOF\n".encode("ascii")
        return bytes(self.data)

    def _object(self, number: int, content: bytes) -> None:
        self.places[number - 1] = len(self.data)
        self.data += f"{number} 0 obj\n".encode("ascii") + content + b"\nendobj\n"
