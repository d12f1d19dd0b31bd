"""A bill drawn on the spot, so that what must be read is known."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

LINES = (
    "GREEN LEAF MARKET",
    "12 Station Road, Bristol",
    "Date: 14/03/2026  10:42",
    "Apples 1 kg          2.40",
    "Brown bread          3.15",
    "Coffee beans         8.90",
    "TOTAL GBP           14.45",
    "Thank you for shopping",
)


def bill_picture(title: str = LINES[0]) -> bytes:
    """A JPEG of a bill on a dark table."""
    paper = Image.new("L", (620, 700), 244)
    draw = ImageDraw.Draw(paper)
    font, large = ImageFont.load_default(30), ImageFont.load_default(40)
    for index, line in enumerate((title, *LINES[1:])):
        top = 50 + 75 * index
        left, _, amount = line.rpartition("  ")
        draw.text((50, top), (left or line).rstrip(), fill=35, font=large if index == 0 else font)
        if left:
            draw.text((570, top), amount.strip(), fill=35, font=font, anchor="ra")
    table = Image.new("L", (800, 900), 70)
    table.paste(paper.rotate(1.5, expand=True, fillcolor=70, resample=Image.Resampling.BICUBIC), (80, 90))
    file = BytesIO()
    table.save(file, "JPEG", quality=90)
    return file.getvalue()
