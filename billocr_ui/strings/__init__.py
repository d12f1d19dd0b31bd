"""What the pages say: one file a language. ``en.toml`` is whole; what another lacks is said in English."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

LANGUAGES = {"en": "English", "de": "Deutsch"}
# British English, for its order of day, month and year.
_LOCALES = {"en": Locale("en", "GB"), "de": Locale("de", "DE")}


class Words:
    """The sentences of one language.

    Attributes:
        language: ``en``, ``de``.
        locale: how it writes numbers and dates.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = _LOCALES[language]
        self._own, self._english = _catalogue(language), _catalogue("en")

    def __call__(self, key: str, **values: Any) -> str:
        """The sentence ``key`` with ``values`` in its places; ``count`` chooses between ``.one`` and ``.other``.

        Raises:
            KeyError: there is no such sentence.
        """
        if "count" in values and key not in self._english:
            key = f"{key}.{self.locale.plural_form(values['count'])}"
        sentence = self._own.get(key) or self._english[key]
        return sentence.format(**values) if values else sentence

    def section(self, name: str) -> dict[str, str]:
        """Every sentence whose key begins with ``name``, by the rest of its key: for a component."""
        keys = [key for key in self._english if key.startswith(f"{name}.")]
        return {key.removeprefix(f"{name}."): self(key) for key in keys}

    def error(self, error: Exception) -> str:
        """What went wrong, for a person: translated by the error's ``code`` and ``reason``, else in its own words."""
        key = f"errors.{getattr(error, 'code', '')}"
        sentence = self._own.get(f"{key}.{getattr(error, 'reason', '')}") or self._own.get(key)
        if sentence is None:
            return str(error)
        return sentence.format(**{name: self._shown(value) for name, value in vars(error).items()})

    def _shown(self, value: object) -> str:
        if isinstance(value, datetime):
            return format_date(value, "long", locale=self.locale)
        return format_decimal(value, locale=self.locale) if isinstance(value, int | float) else str(value)


@cache
def words(language: str) -> Words:
    """The sentences of a language of :data:`LANGUAGES`; of any other, the English ones."""
    return Words(language if language in LANGUAGES else "en")


def language_of(chosen: str | None, locale: str | None) -> str:
    """The language for a person who has chosen one or none, with a browser of ``locale`` (``de-AT``)."""
    wanted = chosen or (locale or "").split("-")[0].split("_")[0].lower()
    return wanted if wanted in LANGUAGES else "en"


def language_accepted(header: str) -> str:
    """The first of our languages that an ``Accept-Language`` header names (``fr-CH, de;q=0.9``), else English."""
    named = (part.partition(";")[0].partition("-")[0].strip().lower() for part in header.split(","))
    return next((language for language in named if language in LANGUAGES), "en")


@cache
def _catalogue(language: str) -> Mapping[str, str]:
    with (Path(__file__).parent / f"{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file)))


def _flat(tables: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tables.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return found
