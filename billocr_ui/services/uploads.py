"""Files on their way in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from billocr_assets.store import Store
from billocr_assets.store.bills import list_bills, register_upload, upload_bytes
from billocr_assets.store.errors import BillError, DuplicateUpload
from billocr_assets.store.schema import User
from billocr_ui.services.wording import ENGLISH
from billocr_ui.strings import Words

SUFFIXES = ["jpg", "jpeg", "jfif", "png", "webp", "tif", "tiff", "heic", "heif", "pdf"]
_SAMPLES = Path(__file__).parent.parent / "samples"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        bill_id: the new bill; for a duplicate, the first that has these bytes; None for a refused file.
        sentence: why it was not taken.
    """

    name: str
    state: Literal["accepted", "refused", "duplicate"]
    bill_id: str | None = None
    sentence: str = ""


def submit(
    store: Store, user: User, name: str, data: bytes, keep_duplicate: bool = False, say: Words = ENGLISH
) -> Outcome:
    """Hand in one file; what a person can mend comes back as an outcome, not as an exception."""
    try:
        bill = register_upload(store, user, name, data, keep_duplicate=keep_duplicate)
    except DuplicateUpload as error:
        return Outcome(name, "duplicate", error.existing_id, say.error(error))
    except BillError as error:
        return Outcome(name, "refused", None, say.error(error))
    return Outcome(bill.name, "accepted", bill.id)


def keep_both(store: Store, user: User, duplicate: Outcome, say: Words = ENGLISH) -> Outcome:
    """Take in a duplicate after all; its bytes are those of the first."""
    assert duplicate.bill_id is not None
    try:
        data = upload_bytes(store, user, duplicate.bill_id)
    except (BillError, FileNotFoundError):
        return Outcome(duplicate.name, "refused", None, say("upload.first_deleted"))
    return submit(store, user, duplicate.name, data, keep_duplicate=True, say=say)


def has_bills(store: Store, user: User) -> bool:
    return list_bills(store, user, limit=1).total > 0


def samples() -> list[Path]:
    """The bills that ship for trying out."""
    return sorted(_SAMPLES.glob("*.jpg"))
