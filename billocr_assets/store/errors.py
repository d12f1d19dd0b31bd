"""What can go wrong for a person, all of it derived from :class:`BillError`."""

from __future__ import annotations

from datetime import datetime

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
    "AccountNotFound",
    "AccountRefused",
    "BadCursor",
    "BadFilter",
    "BeingReviewed",
    "BillError",
    "BillNotFound",
    "Damaged",
    "DuplicateUpload",
    "EmailTaken",
    "Empty",
    "FilterNotFound",
    "GrantNotFound",
    "GroupNotFound",
    "InvalidOperation",
    "LoginTooOld",
    "MissingScope",
    "NotAllowed",
    "NotLoggedIn",
    "NotReadYet",
    "PasswordProtected",
    "PersonNotFound",
    "QuotaExceeded",
    "TooComplex",
    "TooLarge",
    "TooManyPages",
    "TooManyPixels",
    "TooManyTries",
    "UnknownKind",
    "UploadRefused",
    "WrongCredentials",
]


class DuplicateUpload(BillError):
    """The same bytes of the same owner; ``existing_id`` is the first bill that has them."""

    code = "duplicate"

    def __init__(self, existing_id: str, name: str) -> None:
        super().__init__(f"This file is already here as “{name}”. Upload it once more only if you want it twice.")
        self.existing_id, self.name = existing_id, name


class BillNotFound(BillError):
    """No such bill, or somebody else's: the two are not told apart."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no such bill. It may have been deleted.")


class NotLoggedIn(BillError):
    """Nobody is known by this request, or their login or token has ended."""

    code = "not_logged_in"

    def __init__(self) -> None:
        super().__init__("Please log in.")


class WrongCredentials(BillError):
    """One sentence for every cause, so that nobody learns which addresses have an account."""

    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__("E-mail address and password do not belong together. Please try again.")


class LoginTooOld(BillError):
    """What cannot be taken back is done only soon after a login."""

    code = "login_too_old"

    def __init__(self) -> None:
        super().__init__("Please log out and in again first, to show that it is you. Then you have ten minutes.")


class TooManyTries(BillError):
    """``retry_after``: seconds until the next try."""

    code = "too_many_tries"

    def __init__(self, retry_after: int) -> None:
        minutes = -(-retry_after // 60)
        self.reason = "minute" if minutes <= 1 else "minutes" if minutes < 120 else "hours"
        self.wait = -(-minutes // 60) if self.reason == "hours" else minutes
        wait = "a minute" if self.reason == "minute" else f"{self.wait} {self.reason}"
        super().__init__(f"There were too many tries. Please wait {wait}.")
        self.retry_after = retry_after


class NotAllowed(BillError):
    """The user's role or kind does not permit it."""

    code = "not_allowed"

    def __init__(self, sentence: str, reason: str, **named: object) -> None:
        super().__init__(sentence)
        self.reason = reason
        vars(self).update(named)


class MissingScope(BillError):
    """The API token is good, but not for this."""

    code = "missing_scope"

    def __init__(self, scope: str | None) -> None:
        super().__init__(
            f"This token has no scope {scope}. Make one that has it, on the account page."
            if scope
            else "An API token cannot do this. Please log in with a browser."
        )


class AccountRefused(BillError):
    """What was given for an account cannot be accepted; the code says which part."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class EmailTaken(AccountRefused):
    def __init__(self) -> None:
        super().__init__("email_taken", "There is an account with this e-mail address already. Please log in.")


class AccountNotFound(BillError):
    """No such user, session or token, or one of somebody else's."""

    code = "account_not_found"

    def __init__(self, what: str = "user") -> None:
        super().__init__(f"There is no such {what}.")


class BadFilter(BillError):
    """``name``: the part of a search that cannot be."""

    code = "bad_filter"

    def __init__(self, name: str) -> None:
        super().__init__(f"“{name[:40]}” is no part of a search, or its value cannot be.")
        self.name = name


class BadCursor(BillError):
    """A cursor that no list has given, or a list in another order."""

    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__("This cursor belongs to no list in this order. Please start from the beginning.")


class QuotaExceeded(BillError):
    """A limit of the user's plan leaves no room.

    Attributes:
        what: the limit's name, as in ``schema.Plan``.
        used, limit: how much is used of how much; bytes, pages or bills.
        resets_at: when it renews by itself; None where it does not.
    """

    def __init__(self, what: str, used: int, limit: int, wanted: int, resets_at: datetime | None = None) -> None:
        self.megabytes, self.megabytes_used, self.megabytes_wanted = (
            round(size / 2**20, 1) for size in (limit, used, wanted)
        )
        whole, taken, more = (f"{size / 2**20:.1f} MB" for size in (limit, used, wanted))
        super().__init__(
            {
                "bills_per_month": f"You have uploaded {used} of {limit} bills this month."
                + (f" There is room again from {resets_at:%-d %B %Y}." if resets_at else ""),
                "storage_bytes": f"Your bills take {taken} of {whole}, and this file needs {more}. "
                "Remove bills for good, in the trash, to make room.",
                "bills_in_flight": f"{used} of your bills are being read, and {limit} at once are allowed. "
                "Please upload more when one is done.",
                "max_file_bytes": f"The file has {more}, and your plan allows {whole}. "
                "Please make it smaller or split it.",
                "max_pages": f"The file has {wanted} pages, and your plan allows {limit}. Please split it.",
            }[what]
        )
        # What a program does about it is the same as with the limits of the installation.
        self.code = {"max_file_bytes": "too_large", "max_pages": "too_many_pages"}.get(what, "quota_exceeded")
        self.what, self.used, self.limit, self.wanted, self.resets_at = what, used, limit, wanted, resets_at
        self.reason = what


class InvalidOperation(BillError):
    """An edit that makes no sense; nothing that was sent with it was applied. ``seq``: its number, if it has one."""

    code = "invalid_operation"

    def __init__(self, seq: int | None, reason: str) -> None:
        super().__init__(f"Edit {seq}: {reason}" if seq is not None else reason)
        self.seq, self.reason = seq, reason


class NotReadYet(BillError):
    code = "not_read"

    def __init__(self) -> None:
        super().__init__("This bill has not been read yet. Please wait for its text, or read it again.")


class InvalidLimit(BillError):
    """``name``: the limit of a plan that there is not, or whose value cannot be."""

    code = "invalid_limit"

    def __init__(self, name: str) -> None:
        super().__init__(f"“{name[:40]}” is no limit, or its value cannot be. Limits are whole numbers from 0 on.")
        self.name = name


class PersonNotFound(BillError):
    """Nobody to share with: no account has this address, or it is the user's own."""

    code = "person_not_found"

    def __init__(self) -> None:
        super().__init__("Nobody else has an account with this e-mail address here.")


class GroupNotFound(BillError):
    """No such group, or one that the user is not in."""

    code = "group_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such group. It may have been deleted.")


class GrantNotFound(BillError):
    """The bill is not shared that way, or no longer."""

    code = "grant_not_found"

    def __init__(self) -> None:
        super().__init__("The bill is no longer shared that way.")


class FilterNotFound(BillError):
    """No such saved search of the user's."""

    code = "filter_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such saved search. It may have been deleted.")


class BeingReviewed(BillError):
    """Somebody else has claimed the bill for review."""

    code = "being_reviewed"

    def __init__(self, reviewer: str) -> None:
        super().__init__(f"{reviewer} is reviewing this bill right now. Please take another, or try again later.")
        self.reviewer = reviewer
