"""What is refused at the door: forty and more ways in which a file can be bad."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from billocr_assets.ocr import errors
from billocr_assets.store import Store
from billocr_assets.store.bills import list_bills, register_upload
from billocr_assets.store.schema import Attempt, AuditEvent, Bill, User
from tests.files import KINDS, encode, page, pdf, pdf_pages, stream


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, body: bytes = zlib.compress(b"\0")) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """A real JPEG whose frame header says another size."""
    data = encode(page(), "JPEG")
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def webp(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = encode(page(), "WEBP", lossless=True)[12:]
    body = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas + frame
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def tiff(entries: list[tuple[int, int, int, int]], following: int = 0, body: bytes = b"") -> bytes:
    """A TIFF of one directory; entries are (tag, type, count, value)."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", following) + body


def tiff_of(width: int, height: int, strip_at: int = 134, strip_bytes: int = 100) -> bytes:
    return tiff(
        [
            (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
            (273, 4, 1, strip_at), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, strip_bytes),
        ],
        body=b"\x80" * 100,
    )  # fmt: skip


def heic(width: int, height: int) -> bytes:
    """A real HEIC whose size property says another size."""
    data = encode(page(), "HEIF")
    size = data.index(b"ispe")
    return data[: size + 8] + struct.pack(">II", width, height) + data[size + 16 :]


def archive() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("bill.jpg", encode(page(), "JPEG"))
    return file.getvalue()


def encrypted_pdf() -> bytes:
    """Standard security handler, revision 3; the user's password is not the empty one."""
    encryption = b"<</Filter/Standard/V 2/R 3/Length 128/P -4/O<%s>/U<%s>>>" % (b"5a" * 32, b"3c" * 32)
    body = pdf_pages()
    return body.replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt " + encryption + b"/ID[<00112233><00112233>]")


def pdf_with_picture(width: int, height: int) -> bytes:
    entries = f"/Type/XObject/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 8/ColorSpace/DeviceGray"
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
            stream(b"q 300 0 0 400 0 0 cm /I Do Q"),
            stream(b"\x80" * 1000, entries.encode()),
        ]
    )


def nested_pdf(depth: int) -> bytes:
    """Page tree nodes inside page tree nodes."""
    nodes = [f"<</Type/Pages/Kids[{number + 1} 0 R]/Count 1>>".encode() for number in range(2, depth + 2)]
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/MediaBox[0 0 9 9]"])


def broken(data: bytes, at: float, length: int = 40) -> bytes:
    """The file with some of its bytes overwritten."""
    start = int(len(data) * at)
    noise = np.random.default_rng(1).integers(0, 256, length, dtype=np.uint8).tobytes()
    return data[:start] + noise + data[start + length :]


def bad_files() -> dict[str, tuple[bytes, type[errors.PageError]]]:
    unknown, damaged, pixels = errors.UnknownKind, errors.Damaged, errors.TooManyPixels
    gif, svg = (
        BytesIO(),
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
    )
    page().convert("P").save(gif, "GIF")
    bmp, avif = BytesIO(), BytesIO()
    page().save(bmp, "BMP")
    page().save(avif, "AVIF")
    good = {kind: encode(page(400, 600), kind) for kind in KINDS}
    files: dict[str, tuple[bytes, type[errors.PageError]]] = {
        "empty": (b"", errors.Empty),
        "one byte": (b"\xff", unknown),
        "zeros": (b"\0" * 10_000, unknown),
        "noise": (broken(b"\0" * 5000, 0, 5000), unknown),
        "text that calls itself a picture": (b"Total 12.50 EUR\n" * 50, unknown),
        "web page": (b"<!doctype html><html><body><img src=x></body></html>", unknown),
        "drawing": (svg, unknown),
        "zip": (archive(), unknown),
        "program": (b"MZ\x90\0" + b"\0" * 60 + b"PE\0\0" + b"\0" * 500, unknown),
        "elf": (b"\x7fELF\x02\x01\x01" + b"\0" * 500, unknown),
        "gif": (gif.getvalue(), unknown),
        "bmp": (bmp.getvalue(), unknown),
        "avif": (avif.getvalue(), unknown),
        "film": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 500, unknown),
        "26 MB": (good["JPEG"] + b"\0" * 26 * 2**20, errors.TooLarge),
        # Headers that promise more than any bill has.
        "png bomb": (png(50_000, 50_000), pixels),
        "png of four billion": (png(2**31 - 1, 2**31 - 1), pixels),
        "jpeg bomb": (jpeg(65_000, 65_000), pixels),
        "webp bomb": (webp(16_383, 16_383), pixels),
        "tiff bomb": (tiff_of(100_000, 100_000), pixels),
        "heic bomb": (heic(30_000, 30_000), pixels),
        "pdf of giant pages": (pdf_pages(box="0 0 200000 200000"), pixels),
        "pdf with a giant picture": (pdf_with_picture(60_000, 60_000), pixels),
        "tiff whose pages are too much together": (
            encode(
                Image.new("1", (9000, 9000)), "TIFF", save_all=True, append_images=[Image.new("1", (9000, 9000))],
                compression="group4",
            ),
            pixels,
        ),
        "tiff of 21 pages": (
            encode(page(), "TIFF", save_all=True, append_images=[page()] * 20),
            errors.TooManyPages,
        ),
        "pdf of 21 pages": (pdf_pages(21), errors.TooManyPages),
        "pdf of a million pages": (pdf_pages(2).replace(b"/Count 2", b"/Count 1000000"), errors.TooManyPages),
        "pdf without pages": (pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]), damaged),
        "pdf with a password": (encrypted_pdf(), errors.PasswordProtected),
        "png of no width": (png(0, 100), damaged),
        "jpeg of no height": (jpeg(100, 0), damaged),
        "tiff of no width": (tiff_of(0, 100), damaged),
        "heic of no width": (heic(0, 100), damaged),
        "heic of another size": (heic(800, 100), damaged),
        "png checksum": (good["PNG"][:-20] + b"\0\0\0\0" + good["PNG"][-16:], damaged),
        "png pixels": (broken(good["PNG"], 0.5), damaged),
        "png with too few pixels": (png(100, 100), damaged),
        "jpeg without a scan": (good["JPEG"][: good["JPEG"].index(b"\xff\xda")] + b"\xff\xd9", damaged),
        "jpeg of a header": (b"\xff\xd8\xff\xe0", damaged),
        "jpeg tables": (broken(good["JPEG"], 0.002, 100), damaged),
        "webp of a header": (b"RIFF\x10\0\0\0WEBPVP8 ", damaged),
        "webp pixels": (broken(good["WEBP"], 0.001, 60), damaged),
        "tiff without tags": (tiff([]), damaged),
        "tiff whose directories go round": (tiff([(256, 4, 1, 10)], following=8), damaged),
        "tiff whose strips lie elsewhere": (tiff_of(100, 100, strip_at=2**31, strip_bytes=10_000), damaged),
        "tiff with an endless tag": (tiff([(256, 4, 2**32 - 1, 0xFFFFFFF0), (257, 4, 1, 10)]), damaged),
        "heic of a header": (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", damaged),
        "heic of noise": (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + broken(b"\0" * 3000, 0, 3000), damaged),
        "heic without decoder settings": (good["HEIF"].replace(b"hvcC", b"free"), damaged),
        "pdf of a header": (b"%PDF-1.7\n%%EOF", damaged),
        "pdf of noise": (b"%PDF-1.7\n" + broken(b"\0" * 3000, 0, 3000) + b"%%EOF", damaged),
        "pdf without a catalogue": (pdf([b"<</Type/Pages/Kids[]/Count 0>>"]), damaged),
        "pdf of deep page trees": (nested_pdf(5000), damaged),
        "pdf of deep brackets": (pdf([b"<</Type/Catalog/Pages " + b"[" * 100_000]), damaged),
        "pdf going round": (
            pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"]),
            damaged,
        ),
    }  # fmt: skip
    for kind, data in {**good, "PDF": pdf_pages(3)}.items():
        for share in (0.1, 0.5, 0.9):
            files[f"{kind} cut off at {share}"] = data[: int(len(data) * share)], damaged
        files[f"{kind} without its last bytes"] = data[:-200], damaged
    return files


BAD = bad_files()


def test_there_are_more_than_forty_kinds_of_bad_file() -> None:
    assert len({data for data, _ in BAD.values()}) >= 70


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_a_sentence_and_leaves_nothing(store: Store, user: User, name: str) -> None:
    data, reason = BAD[name]
    with pytest.raises(errors.PageError) as refusal:
        register_upload(store, user, f"{name}.jpg", data)
    assert type(refusal.value) is reason
    sentence = str(refusal.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert len(sentence) < 200
    with store.database.reading() as session:
        for table in (Bill, Attempt, AuditEvent):
            assert session.scalar(select(func.count()).select_from(table)) == 0
    assert not [path for path in Path(store.settings.objects).rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "name", ["bill.exe", "bill", "bill.png.jpg", "../../etc/passwd", "", "\0", "a" * 5000, "\ud800", "Ä/ö.PDF"]
)
def test_the_name_decides_nothing(store: Store, user: User, name: str) -> None:
    bill = register_upload(store, user, name, encode(page(), "PNG"))
    assert bill.media_type == "image/png"
    assert 0 < len(bill.name) <= 255
    assert "/" not in bill.name
    assert "\0" not in bill.name
    assert [found.name for found in list_bills(store, user).bills] == [bill.name]


def test_the_limits_are_settings(store: Store, user: User) -> None:
    store.settings.max_upload_mb = 1
    store.settings.max_pages = 2
    with pytest.raises(errors.TooLarge, match="at most 1 MB"):
        register_upload(store, user, "a", encode(page(), "PNG") + b"\0" * 2**20)
    with pytest.raises(errors.TooManyPages, match="more than 2 pages"):
        register_upload(store, user, "a", pdf_pages(3))
    assert register_upload(store, user, "a", pdf_pages(2)).pages == 2
