"""Errors that a person can cause and mend. Each has a ``code`` for programs and a sentence for the person."""

from __future__ import annotations


class BillError(Exception):
    """``str(error)`` is a sentence that says what is wrong and what to do; nothing has been changed.

    Attributes:
        code: for programs.
        reason: which of several sentences it is, where one code has them. With the other attributes, which are what the
            sentence names, it can be said in another language.
    """

    code = "bill_error"
    reason: str | None = None


class PageError(BillError):
    """A file that cannot be read as a bill."""

    code = "unreadable"


class Empty(PageError):
    code = "empty"

    def __init__(self) -> None:
        super().__init__("The file is empty. Please choose it again.")


class TooLarge(PageError):
    code = "too_large"

    def __init__(self, size: int, limit_mb: int) -> None:
        super().__init__(
            f"The file has {size / 2**20:.1f} MB, and at most {limit_mb} MB are accepted. "
            "Please make it smaller or split it."
        )
        self.megabytes, self.most = round(size / 2**20, 1), limit_mb


class UnknownKind(PageError):
    code = "unknown_kind"

    def __init__(self) -> None:
        super().__init__(
            "This is no picture or PDF that can be read. Accepted are JPEG, PNG, WebP, TIFF, HEIC and PDF."
        )


class Damaged(PageError):
    code = "damaged"

    def __init__(self, kind: str) -> None:
        super().__init__(f"This {kind} file is damaged or cut off. Please save or transfer it again.")
        self.kind = kind


class TooManyPixels(PageError):
    code = "too_many_pixels"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file has more than {limit / 1e6:,.0f} megapixels. Please scale it down or split it.")
        self.megapixels = round(limit / 1e6)


class TooManyPages(PageError):
    code = "too_many_pages"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file has more than {limit} pages. Please split it.")
        self.most = limit


class PasswordProtected(PageError):
    code = "password_protected"

    def __init__(self) -> None:
        super().__init__("The PDF is protected by a password. Please save it without one and try again.")


class TooComplex(PageError):
    code = "too_complex"

    def __init__(self) -> None:
        super().__init__("The PDF takes too long to draw. Please print it into a new PDF, or take a photo of it.")
