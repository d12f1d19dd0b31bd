"""The characters that the line recogniser knows, and how other characters are mapped onto them."""

from __future__ import annotations

import unicodedata

_ASCII = "".join(map(chr, range(32, 127)))
_LETTERS = {
    "de": "äöüß",
    "cs": "áčďéěíňóřšťúůýž",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "pl": "ąćęłńóśźż",
    "hu": "áéíóöőúüű",
    "fr": "àâæçéèêëîïôœùûüÿ",
}
_SIGNS = "€£§°×–—„“”‘’«»•·½²³…±µ¥"
# The capital of ß is SS, two characters; ß itself stands for it.
_NATIONAL = sorted(
    {case for letters in _LETTERS.values() for c in letters for case in (c, c.upper()) if len(case) == 1}
)

ALPHABET: str = _ASCII + "".join(_NATIONAL) + _SIGNS
"""Index i of this string is class i + 1 of the recogniser; class 0 is the blank."""

_KNOWN = frozenset(ALPHABET)
_LOOK_ALIKE = str.maketrans(
    {
        **dict.fromkeys("‐‑‒−﹣⁃", "-"),
        **dict.fromkeys("―⸺", "—"),
        **dict.fromkeys("‚", ","),
        **dict.fromkeys("‛′´ʼ", "'"),
        **dict.fromkeys("″‟", '"'),
        **dict.fromkeys("∙⋅‧", "·"),
        **dict.fromkeys("●∙▪■", "•"),
        **dict.fromkeys("⁄∕", "/"),
        "μ": "µ",
        "✕": "×",
        "✗": "×",
        "⨯": "×",
        "ẞ": "ß",
        "º": "°",
        "∗": "*",
        "∼": "~",
        "¦": "|",
        "‹": "<",
        "›": ">",
        "\u00ad": "",
        "\u200b": "",
        "\ufeff": "",
    }
)


def normalise(text: str) -> str | None:
    """``text`` in :data:`ALPHABET`, runs of white space as one blank, or None where a character has no counterpart.

    >>> normalise("Total − 5 EUR"), normalise("谢谢")
    ('Total - 5 EUR', None)
    """
    characters = []
    for c in unicodedata.normalize("NFC", " ".join(text.split())).translate(_LOOK_ALIKE):
        if c in _KNOWN:
            characters.append(c)
            continue
        # Ligatures, full-width forms, fractions: their compatibility form may be spelt in the alphabet.
        plain = unicodedata.normalize("NFKC", c).translate(_LOOK_ALIKE)
        if not _KNOWN.issuperset(plain):
            return None
        characters.append(plain)
    return "".join(characters)
