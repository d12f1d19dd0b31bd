"""Secrets as they are kept: passwords by Argon2id, our own random ones by a fast hash."""

from __future__ import annotations

import hashlib
import secrets
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from billocr_assets.store.errors import AccountRefused

PASSWORD_CHARACTERS = (12, 256)

_hasher = PasswordHasher()  # Argon2id with 64 MiB and 3 passes (RFC 9106)
# So much memory each must not be multiplied by as many requests as come.
_hashing = threading.BoundedSemaphore(2)


def digest(secret: str) -> str:
    """What is kept of a secret of our own making."""
    # Our secrets are 32 random bytes: nobody guesses them, so a fast hash is enough.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def checked_hash(password: str, email: str | None) -> str:
    """What is kept of a new password.

    Raises:
        AccountRefused: ``weak_password``: too short, too long, or easy to guess.
    """
    least, most = PASSWORD_CHARACTERS
    if len(password) < least:
        raise AccountRefused("weak_password", f"A password needs at least {least} characters. A few words do well.")
    if len(password) > most:
        raise AccountRefused("weak_password", f"A password has at most {most} characters.")
    if len(set(password)) < 4 or (email and password.casefold() == email):
        raise AccountRefused("weak_password", "This password is too easy to guess. Please choose another.")
    return hash_password(password)


def hash_password(password: str) -> str:
    with _hashing:
        return _hasher.hash(_password_bytes(password))


def renewed_hash(hashed: str, password: str) -> str | None:
    """The hash to keep from now on, where the kept one cost less work than today's."""
    return hash_password(password) if _hasher.check_needs_rehash(hashed) else None


def password_is(hashed: str | None, password: str) -> bool:
    """Whether this is the password; without a hash it is not, after the same work."""
    with _hashing:
        try:
            _hasher.verify(hashed or _nobodys_hash(), _password_bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


@cache
def _nobodys_hash() -> str:
    # An address without an account costs the same work as one that has one.
    return _hasher.hash(secrets.token_bytes(16))


def _password_bytes(password: str) -> bytes:
    # The same keys give other code points on other systems.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
