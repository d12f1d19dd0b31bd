"""What people and their browsers write, as it is kept."""

from __future__ import annotations

import re
import unicodedata

from billocr_assets.store.errors import AccountRefused


def clean(text: str, limit: int) -> str:
    """Text without control characters, which databases refuse and terminals obey."""
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", kept).strip()[:limit]


def clean_email(email: str) -> str:
    """An address as it is kept and compared."""
    return clean(unicodedata.normalize("NFKC", email), 320).lower()


def checked_email(email: str) -> str:
    """An address as it is kept.

    Raises:
        AccountRefused: ``bad_email``.
    """
    email = clean_email(email)
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]+", email):
        raise AccountRefused("bad_email", "This is no e-mail address. It looks like name@example.org.")
    return email
