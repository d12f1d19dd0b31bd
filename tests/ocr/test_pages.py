from __future__ import annotations

import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from billocr_assets.ocr import errors, pages
from billocr_assets.ocr import pdf as pdf_reader
from tests.files import KINDS, encode, page, pdf, pdf_pages, stream

MEDIA_TYPES = {"JPEG": "jpeg", "PNG": "png", "WEBP": "webp", "TIFF": "tiff", "HEIF": "heic"}


def dark_corner(pixels: np.ndarray) -> tuple[str, str]:
    """Where the dark block lies."""
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    rows, columns = np.nonzero(grey < 100)
    height, width = grey.shape
    return "top" if rows.mean() < height / 2 else "bottom", "left" if columns.mean() < width / 2 else "right"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_by_its_bytes_and_read(kind: str) -> None:
    data = encode(page(), kind)
    assert pages.identify(data) == f"image/{MEDIA_TYPES[kind]}"
    assert pages.inspect(data) == (f"image/{MEDIA_TYPES[kind]}", [(120, 200)])
    (grey,) = pages.load_pages(data)
    assert grey.dtype == np.uint8
    assert grey.shape == (200, 120)
    assert np.abs(grey.astype(int) - np.asarray(page().convert("L"))).mean() < 6
    (colour,) = pages.load_pages(data, grey=False)
    assert colour.shape == (200, 120, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_page_stands_upright_whatever_way_the_camera_was_held(kind: str, orientation: int) -> None:
    # What the camera stores so that a viewer that obeys the tag sees page().
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = page() if undo is None else page().transpose(Image.Transpose(undo))
    data = encode(stored, kind, orientation)
    assert pages.inspect(data)[1] == [(120, 200)]
    (grey,) = pages.load_pages(data)
    assert grey.shape == (200, 120)
    assert dark_corner(grey) == ("top", "left")
    (small,) = pages.load_pages(data, max_side=50, grey=False)
    assert small.shape == (50, 30, 3)
    assert dark_corner(small) == ("top", "left")


def test_a_heic_whose_only_hint_is_its_exif_tag_stands_upright_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = BytesIO()
    page().transpose(Image.Transpose.ROTATE_90).save(file, "HEIF", exif=exif)
    if b"irot" in file.getvalue():
        pytest.skip("this encoder always writes the container's own rotation")
    (grey,) = pages.load_pages(file.getvalue())
    assert grey.shape == (200, 120)
    assert dark_corner(grey) == ("top", "left")


def test_nonsense_in_the_orientation_tag_is_ignored() -> None:
    for value in (0, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = value
        assert pages.load_pages(encode(page(), "JPEG", exif=exif.tobytes()))[0].shape == (200, 120)
    assert pages.load_pages(encode(page(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffrubbish"))[0].shape == (200, 120)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_transparency_is_laid_over_white(kind: str) -> None:
    picture = page().convert("RGBA")
    picture.putalpha(Image.fromarray(np.tile(np.repeat([0, 255], 60).astype(np.uint8), (200, 1))))
    (grey,) = pages.load_pages(encode(picture, kind, lossless=True))
    assert (grey[:, :60] == 255).all()
    assert grey[:, 60:].max() < 250


def sixteen_bits(top: int) -> Image.Image:
    ramp = np.linspace(0, top, 120).astype(np.uint16)
    return Image.fromarray(np.tile(ramp, (200, 1)))


@pytest.mark.parametrize(
    ("name", "picture", "kind"),
    [
        ("1 bit", page().convert("1"), "PNG"),
        ("1 bit, as a fax", page().convert("1"), "TIFF"),
        ("palette", page().quantize(16), "PNG"),
        ("palette", page().quantize(16), "TIFF"),
        ("grey", page().convert("L"), "JPEG"),
        ("grey and alpha", page().convert("LA"), "PNG"),
        ("CMYK", page().convert("CMYK"), "JPEG"),
        ("CMYK", page().convert("CMYK"), "TIFF"),
        ("YCbCr", page().convert("YCbCr"), "JPEG"),
        ("YCbCr", page().convert("YCbCr"), "TIFF"),
        ("Lab", page().convert("RGB").convert("L"), "WEBP"),
    ],
)
def test_every_way_of_storing_colour_gives_the_same_page(name: str, picture: Image.Image, kind: str) -> None:
    data = encode(picture, kind, compression="group4") if name.endswith("fax") else encode(picture, kind)
    for grey in (True, False):
        (pixels,) = pages.load_pages(data, grey=grey)
        assert pixels.shape == ((200, 120) if grey else (200, 120, 3))
        assert pixels[5:45, 5:25].mean() < 40
        assert pixels[60:, 40:].mean() > 200


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_cut(kind: str) -> None:
    (grey,) = pages.load_pages(encode(sixteen_bits(65535), kind))
    assert np.abs(grey[0].astype(float) - np.linspace(0, 255, 120)).max() <= 1


def test_a_tiff_of_floats_becomes_a_grey_page() -> None:
    ramp = np.tile(np.linspace(0, 1, 120, dtype=np.float32), (200, 1))
    ramp[0, 0] = np.nan
    (grey,) = pages.load_pages(encode(Image.fromarray(ramp), "TIFF"))
    assert grey[0, 0] == 0
    assert np.abs(grey[1].astype(float) - np.linspace(0, 255, 120)).max() <= 1


def test_a_tiff_has_as_many_pages_as_it_says_each_in_its_own_size() -> None:
    first, *others = (page(100 + 10 * number, 150, seed=number) for number in range(3))
    data = encode(first, "TIFF", save_all=True, append_images=others, compression="tiff_lzw")
    assert pages.inspect(data) == ("image/tiff", [(100, 150), (110, 150), (120, 150)])
    assert [grey.shape for grey in pages.load_pages(data)] == [(150, 100), (150, 110), (150, 120)]
    (third,) = pages.load_pages(data, only=2)
    assert (third == np.asarray(others[1].convert("L"))).all()
    with pytest.raises(IndexError):
        pages.load_pages(data, only=3)


def test_an_animation_is_its_first_picture() -> None:
    frames = [page(seed=1), page(seed=2)]
    for kind in ("PNG", "WEBP"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
        (grey,) = pages.load_pages(data)
        assert (grey == np.asarray(frames[0].convert("L"))).all()
    mpo = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])  # what some phones call a JPEG
    assert pages.inspect(mpo) == ("image/jpeg", [(120, 200)])


def test_what_a_phone_appends_to_a_photo_does_no_harm() -> None:
    # Motion photos: a film behind the picture, in which any two bytes occur.
    film = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes() + b"\xff\xda\xff\xd8\xff"
    assert pages.load_pages(encode(page(), "JPEG") + film)[0].shape == (200, 120)


@pytest.mark.parametrize("kind", KINDS)
def test_a_smaller_copy_has_the_longer_side_that_was_asked_for(kind: str) -> None:
    data = encode(page(600, 450), kind)
    (small,) = pages.load_pages(data, max_side=200)
    assert small.shape == (150, 200)
    assert dark_corner(small) == ("top", "left")
    assert pages.load_pages(data, max_side=5000)[0].shape == (450, 600)
    assert pages.load_pages(encode(page(1500, 2), kind), max_side=100)[0].shape == (1, 100)


# PDF


def test_a_pdf_is_rendered_at_200_dpi() -> None:
    data = pdf_pages(2)
    assert pages.inspect(data) == ("application/pdf", [(834, 1112), (834, 1112)])
    rendered = pages.load_pages(data)
    assert [grey.shape for grey in rendered] == [(1112, 834), (1112, 834)]
    assert dark_corner(rendered[1]) == ("top", "left")
    assert rendered[0].max() == 255  # no background is white paper
    (colour,) = pages.load_pages(pdf_pages(content=b"1 0 0 rg 0 0 300 400 re f"), grey=False, only=0)
    assert colour.shape == (1112, 834, 3)
    assert colour[500, 400].tolist() == [255, 0, 0]
    assert max(pages.load_pages(data, max_side=256)[0].shape) == 256


def test_a_pdf_page_is_turned_as_its_viewer_would() -> None:
    data = pdf_pages(extra="/Rotate 90")
    assert pages.inspect(data)[1] == [(1112, 834)]
    (grey,) = pages.load_pages(data)
    assert grey.shape == (834, 1112)
    assert dark_corner(grey) == ("top", "right")


@pytest.mark.parametrize("box", ["0 0 300 400", "0 0 3024 4032", "0 0 200 5000", "0 0 14400 14400", "0 0 612.5 791.9"])
def test_the_size_that_the_header_promises_is_the_size_that_is_rendered(box: str) -> None:
    data = pdf_pages(box=box)
    ((width, height),) = pages.inspect(data)[1]
    assert width * height <= pdf_reader.PAGE_PIXELS * 1.01
    assert pages.load_pages(data)[0].shape == (height, width)


def test_twenty_large_pages_fit_within_the_limits() -> None:
    assert len(pages.inspect(pdf_pages(20, box="0 0 3024 4032"))[1]) == 20


def test_what_was_filled_into_a_form_is_on_the_page() -> None:
    appearance = b"/Type/XObject/Subtype/Form/BBox[0 0 100 100]"
    data = pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]/Annots[4 0 R]>>",
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(total)/V(9)/F 4/Rect[0 300 100 400]/AP<</N 5 0 R>>>>",
            stream(b"0 g 0 0 75 100 re f", appearance),
        ]
    )
    (grey,) = pages.load_pages(data)
    assert (grey < 100).any()
    assert dark_corner(grey) == ("top", "left")


def test_pdfs_are_rendered_from_many_threads_at_once() -> None:
    data = pdf_pages(3)
    expected = pages.load_pages(data)
    wrong = []

    def read() -> None:
        for _ in range(2):
            if not all((a == b).all() for a, b in zip(pages.load_pages(data), expected, strict=True)):
                wrong.append(1)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def laughs(depth: int) -> bytes:
    """A page that draws a form ten times, which draws a form ten times, …: 10 ** depth rectangles in two kilobytes."""
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 300 400]/Resources<</XObject<</F %d 0 R>>>>"
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>",
            stream(b"/F Do"),
            *[stream(b"/F Do " * 10, form % (6 + level)) for level in range(depth)],
            stream(b"0 0 1 1 re f", form % 0),
        ]
    )


def test_a_pdf_that_would_draw_for_hours_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pages.inspect(laughs(3))[1] == [(834, 1112)]
    monkeypatch.setattr(pdf_reader, "MAX_SECONDS", 2)
    for call in (pages.inspect, pages.load_pages):
        with pytest.raises(errors.TooComplex, match="too long"):
            call(laughs(12))


def test_a_pdf_that_would_take_all_memory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_reader, "MAX_MEMORY", 300 * 2**20)
    assert pages.inspect(laughs(3))[1] == [(834, 1112)]
    with pytest.raises(errors.TooComplex, match="too long"):
        pages.load_pages(laughs(7))


# Limits


def test_the_limits_are_the_callers() -> None:
    with pytest.raises(errors.TooManyPixels, match="more than 0 megapixels"):
        pages.inspect(encode(page(), "PNG"), max_pixels=120 * 200 - 1)
    assert pages.inspect(encode(page(), "PNG"), max_pixels=120 * 200)
    pair = encode(page(), "TIFF", save_all=True, append_images=[page()])
    with pytest.raises(errors.TooManyPixels):  # all pages count together
        pages.inspect(pair, max_pixels=120 * 200 * 2 - 1)
    with pytest.raises(errors.TooManyPages, match="more than 1 page"):
        pages.inspect(pair, max_pages=1)
    with pytest.raises(errors.TooManyPages):
        pages.load_pages(pdf_pages(3), max_pages=2)


def test_a_file_is_judged_without_decoding_it(tmp_path: Path) -> None:
    for kind in KINDS:  # 10 megapixels, 32 MB decoded
        (tmp_path / kind).write_bytes(encode(Image.new("RGB", (3500, 3000), "white"), kind))
    program = """
import resource, sys
from pathlib import Path
from billocr_assets.ocr import pages
files = [Path(name).read_bytes() for name in sys.argv[1:]]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for data in files:
    assert pages.inspect(data)[1] == [(3500, 3000)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    files = [str(tmp_path / kind) for kind in KINDS]  # its decoder sets its canvas aside at once
    output = subprocess.run([sys.executable, "-c", program, *files], check=True, capture_output=True, text=True).stdout
    assert int(output) < 20_000  # KB
