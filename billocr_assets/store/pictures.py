"""Pictures of a bill's pages for showing, made once and kept."""

from __future__ import annotations

import sys
from io import BytesIO

from PIL import Image

from billocr_assets.ocr import pages
from billocr_assets.store.bills import bill_for, upload_key
from billocr_assets.store.errors import BillNotFound
from billocr_assets.store.schema import User
from billocr_assets.store.store import Store

# What is asked for is rounded up to one of these, so that a visitor cannot fill the store with odd sizes.
SIDES = (160, 320, 640, 1280, 2560)


def page_picture(store: Store, user: User, bill_id: str, page: int, max_side: int, trash: bool | None = None) -> bytes:
    """A page as JPEG, upright and in colour: the frame of the document's polygons, scaled.

    Args:
        page: 1-based, as ``Page.number``.
        max_side: longer side wanted, in pixels, rounded up to one of :data:`SIDES`; never more than the page has.
        trash: as in :func:`visible_bills`; the trash shows its bills too.

    Raises:
        BillNotFound: also when the bill has no such page.
    """
    bill = bill_for(store, user, bill_id, trash=trash)
    if not 1 <= page <= bill.pages:
        raise BillNotFound
    side = rounded(max_side)
    key = f"pictures/{bill.id}/{page}-{side}.jpg"
    try:
        return store.objects.read(key)
    except FileNotFoundError:
        pass
    data = store.objects.read(upload_key(bill.id))
    # What was let in is shown even when the limits have been lowered since.
    (picture,) = pages.load_pages(
        data, grey=False, max_side=side, only=page - 1, max_pixels=sys.maxsize, max_pages=bill.pages
    )
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=85)
    store.objects.write(key, file.getvalue())
    return file.getvalue()


def rounded(max_side: int) -> int:
    """The one of :data:`SIDES` that a wish is rounded up to."""
    return next((side for side in SIDES if side >= max_side), SIDES[-1])
