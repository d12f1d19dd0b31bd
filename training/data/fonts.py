"""The fonts installed on this machine that look like a receipt's, what each can draw, and which are held out.

No font is shipped. On Debian ``apt-get install fonts-terminus fonts-liberation fonts-dejavu ...`` gives the variety
that training wants; matplotlib's own DejaVu fonts are found as a last resort, so the generator works wherever training
does.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from fontTools.ttLib import TTFont
from PIL import ImageFont

from training.data.alphabet import ALPHABET

Kind = Literal["bitmap", "mono", "typewriter", "sans", "serif"]
Split = Literal["train", "held_out"]

HELD_OUT_SHARE = 0.15

# File name (letters and digits only, lower case) -> design, kind. Clones of one design share its name: a clone in
# training would make the original no held-out font. The first match counts.
_DESIGNS: tuple[tuple[str, str, Kind], ...] = (
    ("terminus", "terminus", "bitmap"),
    ("spleen", "spleen", "bitmap"),
    ("unifont$", "unifont", "bitmap"),
    ("dotgothic", "dotgothic", "bitmap"),
    ("3270", "3270", "bitmap"),
    ("ocrb", "ocr-b", "mono"),
    ("liberationmono|cousine", "liberation mono", "mono"),
    ("dejavusansmono|hack", "dejavu mono", "mono"),
    ("freemono|nimbusmono|texgyrecursor", "courier", "typewriter"),
    ("courierprimesans", "courier prime sans", "mono"),
    ("courierprime", "courier prime", "typewriter"),
    ("cmun(tt|tb|st|tx|it$)", "computer modern typewriter", "typewriter"),
    ("gnutypewriter", "gnu typewriter", "typewriter"),
    ("notomono|notosansmono", "noto mono", "mono"),
    ("inconsolata", "inconsolata", "mono"),
    ("anonymous", "anonymous pro", "mono"),
    ("ptm", "pt mono", "mono"),
    ("gomono", "go mono", "mono"),
    ("firacode", "fira code", "mono"),
    ("jetbrainsmono", "jetbrains mono", "mono"),
    ("fantasquesans", "fantasque", "mono"),
    ("agave", "agave", "mono"),
    ("monof5", "monofur", "mono"),
    ("mononoki", "mononoki", "mono"),
    ("monoid", "monoid", "mono"),
    ("b612mono", "b612 mono", "mono"),
    ("hermit", "hermit", "mono"),
    ("leaguemono", "league mono", "mono"),
    ("mplus1code|mpluscode", "mplus code", "mono"),
    ("liberationsansnarrow|nimbussansnarrow|texgyreheroscn", "helvetica narrow", "sans"),
    ("liberationsans|arimo", "liberation sans", "sans"),
    ("freesans|nimbussans|texgyreheros", "helvetica", "sans"),
    ("dejavusans", "dejavu sans", "sans"),
    ("opensans", "open sans", "sans"),
    ("lato", "lato", "sans"),
    ("robotocondensed", "roboto condensed", "sans"),
    ("robotoslab", "roboto slab", "serif"),
    ("roboto", "roboto", "sans"),
    ("cantarell", "cantarell", "sans"),
    ("jura", "jura", "sans"),
    ("pt(s|c|n)\\d", "pt sans", "sans"),
    ("b612", "b612", "sans"),
    ("bebasneue", "bebas neue", "sans"),
    ("mplus", "mplus", "sans"),
    ("go", "go", "sans"),
    ("urwgothic|texgyreadventor", "avant garde", "sans"),
    ("tlwgmono", "tlwg mono", "mono"),
    ("tlwgtypewriter", "tlwg typewriter", "typewriter"),
    ("rictydiminished(bold|oblique|regular|$)", "ricty", "mono"),
    ("oxygenmono", "oxygen mono", "mono"),
    ("proggy", "proggy", "bitmap"),
    ("linlibertinem", "libertine mono", "mono"),
    ("carlito", "carlito", "sans"),
    ("cabin", "cabin", "sans"),
    ("dosis", "dosis", "sans"),
    ("inter", "inter", "sans"),
    ("junction", "junction", "sans"),
    ("karla", "karla", "sans"),
    ("linbiolinum(r|rb|ri|rbo|k)$", "biolinum", "sans"),
    ("oxygensans", "oxygen", "sans"),
    ("play", "play", "sans"),
    ("quicksand", "quicksand", "sans"),
    ("andika", "andika", "sans"),
    ("tuffy", "tuffy", "sans"),
    ("yanonekaffeesatz", "kaffeesatz", "sans"),
    ("sora", "sora", "sans"),
    ("universalisadf", "univers", "sans"),
    ("gilliusadf", "gill sans", "sans"),
    ("veranasans", "verana sans", "sans"),
    ("notosansui", "noto sans", "sans"),
    ("tiresiasinfofont", "tiresias", "sans"),
    ("caladea", "caladea", "serif"),
    ("charissil", "charis", "serif"),
    ("linlibertine(r|rb|ri|rz|i)", "libertine", "serif"),
    ("vollkorn", "vollkorn", "serif"),
    ("cmun(ss|sx|si|so)", "computer modern sans", "sans"),
    ("liberationserif|tinos|freeserif|nimbusroman|texgyretermes", "times", "serif"),
    ("dejavuserif", "dejavu serif", "serif"),
    ("pt(f|z)\\d", "pt serif", "serif"),
    ("c059|texgyreschola", "century schoolbook", "serif"),
    ("p052|texgyrepagella", "palatino", "serif"),
    ("urwbookman|texgyrebonum", "bookman", "serif"),
    ("cmunrm|cmunbx|cmunsl|cmunti", "computer modern", "serif"),
)
# Hairlines vanish on a receipt; small capitals would be read as capitals; math and display cuts lack plain letters;
# three cuts of OCR-B are outlined or reversed.
_UNWANTED = re.compile(
    r"thin|hairline|extralight|ultralight|smallcaps|math|monoisome|adventor.*narrow|display|csur|upper|sample|tamil|ocrb[efx]$"
)
_SLANTED = re.compile(r"ital|obl|slant|bi$|proi$|minusi$|cmun(st|sl|ti|it|tx|si|so)|monof56|pt[a-z](56|76)")
_BOLD = re.compile(r"bold|black|heavy|demi|-b|prob$|minusb$|cmun(tb|bx|sx)|pt[a-z]7|bdita")


@dataclass(frozen=True)
class FontFace:
    """One font file.

    Attributes:
        design: clones and cuts of one typeface share it; a design is in training or held out as a whole.
        kind: what it looks like; all but ``sans`` and ``serif`` have one advance for all characters.
    """

    path: Path
    design: str
    kind: Kind
    slanted: bool
    bold: bool

    @property
    def monospaced(self) -> bool:
        return self.kind not in ("sans", "serif")

    @cached_property
    def characters(self) -> frozenset[str]:
        """The characters of the alphabet that it draws as themselves: mapped, with an outline, not as capitals."""
        with TTFont(self.path, lazy=True) as font:
            mapped = font.getBestCmap() or {}
        pen = ImageFont.truetype(str(self.path), 24)
        image = {c: bytes(pen.getmask(c)) for c in ALPHABET if ord(c) in mapped}
        drawn = {c for c, pixels in image.items() if c == " " or any(pixels)}
        if {"a", "A", "r", "R"} <= drawn and image["a"] == image["A"] and image["r"] == image["R"]:
            drawn = {c for c in drawn if c == c.upper() or c.upper() not in drawn}
        return frozenset(drawn)

    def covers(self, text: str) -> bool:
        return self.characters.issuperset(text)


class NoFontsError(RuntimeError):
    """The machine has none of the fonts that the generator can use."""


@cache
def find_fonts(split: Split = "train") -> tuple[FontFace, ...]:
    """The usable faces of ``split``, sorted by path; the same on every machine with the same fonts.

    A design is held out by a hash of its name, so installing another font moves none.

    Raises:
        NoFontsError: none was found.
    """
    faces = [face for root in _roots() for path in sorted(root.rglob("*.[to]tf")) if (face := _face(path))]
    if not faces:
        raise NoFontsError(
            f"no usable fonts under {', '.join(map(str, _roots())) or 'the usual font folders'}; on Debian: "
            "apt-get install fonts-terminus fonts-liberation fonts-dejavu fonts-courier-prime fonts-roboto"
        )
    ranks = {face.design: _rank(face.design) for face in faces}
    held_out = {design for design, rank in ranks.items() if rank < HELD_OUT_SHARE}
    if not held_out and len(ranks) > 1:
        held_out = {min(ranks, key=ranks.__getitem__)}
    # The same cut is often installed twice, as .otf and .ttf.
    usable = tuple({f.path.stem: f for f in faces if (f.design in held_out) == (split == "held_out")}.values())
    if not usable:
        raise NoFontsError(f"only one typeface is installed, so there is none for {split!r}; install another")
    return usable


def _rank(design: str) -> float:
    return int.from_bytes(hashlib.sha256(f"bills-3390:{design}".encode()).digest()[:4], "big") / 2**32


def _roots() -> list[Path]:
    import matplotlib

    home = Path.home()
    roots = [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path("/usr/share/texmf/fonts"),
        home / ".local/share/fonts",
        home / ".fonts",
        home / "Library/Fonts",
        Path(matplotlib.get_data_path()) / "fonts/ttf",
    ]
    return [root for root in roots if root.is_dir() and os.access(root, os.R_OK)]


def _face(path: Path) -> FontFace | None:
    stem = path.stem.lower()
    name = re.sub(r"[^a-z0-9]", "", stem)
    if _UNWANTED.search(name):
        return None
    for pattern, design, kind in _DESIGNS:
        if re.match(pattern, name):
            return FontFace(path, design, kind, bool(_SLANTED.search(name)), bool(_BOLD.search(stem)))
    return None
