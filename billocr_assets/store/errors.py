"""What can go wrong for a person, all of it derived from :class:`BillError`."""

from __future__ import annotations

from billocr_assets.ocr.errors import (
    BillError,
    Damaged,
    Empty,
    PageError,
    PasswordProtected,
    TooComplex,
    TooLarge,
    TooManyPages,
    TooManyPixels,
    UnknownKind,
)

# A file that cannot be read is refused at the door, with the reader's own words.
UploadRefused = PageError

__all__ = [
    "BillError",
    "BillNotFound",
    "Damaged",
    "DuplicateUpload",
    "Empty",
    "PasswordProtected",
    "TooComplex",
    "TooLarge",
    "TooManyPages",
    "TooManyPixels",
    "UnknownKind",
    "UploadRefused",
]


class DuplicateUpload(BillError):
    """The same bytes of the same owner; ``existing_id`` is the first bill that has them."""

    code = "duplicate"

    def __init__(self, existing_id: str, name: str) -> None:
        super().__init__(f"This file is already here as “{name}”. Upload it once more only if you want it twice.")
        self.existing_id = existing_id


class BillNotFound(BillError):
    """No such bill, or somebody else's: the two are not told apart."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no such bill. It may have been deleted.")
