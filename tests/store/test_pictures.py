from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from billocr_assets.store import Store
from billocr_assets.store.bills import register_upload
from billocr_assets.store.errors import BillNotFound
from billocr_assets.store.pictures import SIDES, page_picture
from billocr_assets.store.schema import User
from tests.files import encode, page, pdf_pages


def shown(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    assert picture.format == "JPEG"
    return picture


def test_a_picture_stands_upright_in_colour_and_no_larger_than_the_page(store: Store, user: User) -> None:
    sideways = page(800, 400).transpose(Image.Transpose.ROTATE_90)
    bill = register_upload(store, user, "a.jpg", encode(sideways, "JPEG", orientation=6))
    assert shown(page_picture(store, user, bill.id, 1, 320)).size == (320, 160)
    large = shown(page_picture(store, user, bill.id, 1, 2000))
    assert large.size == (800, 400)
    assert large.mode == "RGB"
    assert np.asarray(large.convert("L"))[:90, :190].mean() < 30  # the dark corner, top left


def test_each_page_has_its_own_picture(store: Store, user: User) -> None:
    first, second = Image.new("RGB", (60, 80), "red"), Image.new("RGB", (90, 80), "blue")
    bill = register_upload(store, user, "a.tif", encode(first, "TIFF", save_all=True, append_images=[second]))
    red, blue = (shown(page_picture(store, user, bill.id, number, 160)) for number in (1, 2))
    assert (red.size, blue.size) == ((60, 80), (90, 80))
    assert np.asarray(red).mean(axis=(0, 1)).argmax() == 0
    assert np.asarray(blue).mean(axis=(0, 1)).argmax() == 2
    for number in (0, 3, -1):
        with pytest.raises(BillNotFound):
            page_picture(store, user, bill.id, number, 160)


def test_pictures_are_made_once_in_a_few_sizes(store: Store, user: User) -> None:
    bill = register_upload(store, user, "a.pdf", pdf_pages())
    wanted = [1, 100, 160, 161, 320, 500, 640, 1000, 5000, 10**9, -5]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda side: page_picture(store, user, bill.id, 1, side), wanted))
    kept = Path(store.settings.objects) / "pictures" / bill.id
    assert len(list(kept.iterdir())) <= len(SIDES)
    assert made[1] == made[2] == page_picture(store, user, bill.id, 1, 160)
    store.objects.delete(f"uploads/{bill.id}")
    assert page_picture(store, user, bill.id, 1, 160) == made[2]


def test_what_was_let_in_is_shown_after_the_limits_were_lowered(store: Store, user: User) -> None:
    bill = register_upload(store, user, "a.pdf", pdf_pages(3))
    store.settings.max_pages = 1
    assert shown(page_picture(store, user, bill.id, 3, 320)).size == (240, 320)
