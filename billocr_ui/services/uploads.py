"""Files on their way in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from billocr_assets.store import Store
from billocr_assets.store.bills import list_bills, register_upload, upload_bytes
from billocr_assets.store.errors import BillError, DuplicateUpload
from billocr_assets.store.schema import User
from billocr_assets.store.trash import delete_bill, restore_bill, trashed_twin
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
        trashed_id: a bill with the same bytes that lies in the trash.
    """

    name: str
    state: Literal["accepted", "refused", "duplicate"]
    bill_id: str | None = None
    sentence: str = ""
    trashed_id: str | None = None


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
    twin = trashed_twin(store, user, bill.id)
    return Outcome(bill.name, "accepted", bill.id, trashed_id=twin.id if twin else None)


def keep_both(store: Store, user: User, duplicate: Outcome, say: Words = ENGLISH) -> Outcome:
    """Take in a duplicate after all; its bytes are those of the first."""
    assert duplicate.bill_id is not None
    try:
        data = upload_bytes(store, user, duplicate.bill_id)
    except (BillError, FileNotFoundError):
        return Outcome(duplicate.name, "refused", None, say("upload.first_deleted"))
    return submit(store, user, duplicate.name, data, keep_duplicate=True, say=say)


def bring_back(store: Store, user: User, accepted: Outcome) -> Outcome:
    """Take the bill out of the trash instead, with its corrections; the new one goes there."""
    assert accepted.bill_id is not None
    assert accepted.trashed_id is not None
    restore_bill(store, user, accepted.trashed_id)
    delete_bill(store, user, accepted.bill_id)
    return Outcome(accepted.name, "accepted", accepted.trashed_id)


def has_bills(store: Store, user: User) -> bool:
    return list_bills(store, user, limit=1).total > 0


def samples() -> list[Path]:
    """The bills that ship for trying out."""
    return sorted(_SAMPLES.glob("*.jpg"))
