"""How ``billocr_assets/exports/invisible.ttf`` was made.

Its one glyph is a diagonal there and back: nothing to see even where it would be drawn, but readers drop characters
without any extent. It is lower than the font, since readers also take lines that touch for one line.
"""

from __future__ import annotations

from io import BytesIO

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph


def font() -> bytes:
    """The file, the same every time."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((600, 450))
    pen.closePath()
    glyphs = {".notdef": Glyph(), "blank": pen.glyph()}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (600, 0)))
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupOS2(sTypoAscender=1000, sTypoDescender=0, usWinAscent=1000, usWinDescent=0, fsType=0)
    builder.setupNameTable({"familyName": "Invisible", "styleName": "Regular", "psName": "Invisible"})
    builder.setupPost(keepGlyphNames=False)
    builder.updateHead(created=0, modified=0)
    builder.font.recalcTimestamp = False
    file = BytesIO()
    builder.save(file)
    return file.getvalue()
