"""A bill drawn with the font that Pillow carries, with the boxes of its lines."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROWS = (
    ("", "CORNER CAFE LTD", ""),
    ("", "12 Station Road, Newtown", ""),
    ("", "VAT No. GB 123 4567 89", ""),
    ("Receipt 004511", "", "21/11/2026"),
    ("2 x Flat white", "", "6.40"),
    ("1 x Croissant with ham", "", "4.25"),
    ("1 x Orange juice 0.3 l", "", "3.10"),
    ("3 x Sparkling water", "", "5.70"),
    ("Carrot cake", "", "3.95"),
    ("Subtotal", "", "23.40"),
    ("VAT 20 %", "", "3.90"),
    ("TOTAL", "", "23.40"),
    ("Paid by card", "", "23.40"),
    ("Card ending 4312", "", "approved"),
    ("", "Thank you for your visit", ""),
    ("", "Please keep this receipt", ""),
)


def bill(width: int = 600, size: int = 26) -> tuple[np.ndarray, np.ndarray]:
    """(H, width) uint8 grey picture of a bill that fills it, and its (n, 4, 2) float32 line polygons."""
    font = ImageFont.load_default(size)
    step, margin = round(size * 1.7), round(width * 0.08)
    page = Image.new("L", (width, step * len(ROWS) + 4 * size), 250)
    draw = ImageDraw.Draw(page)
    boxes = []
    for row, texts in enumerate(ROWS):
        y = 2 * size + row * step
        for text, place in zip(texts, (0.0, 0.5, 1.0), strict=True):
            if text:
                length = draw.textlength(text, font)
                x = margin + (width - 2 * margin - length) * place
                draw.text((x, y), text, 30, font)
                boxes.append(draw.textbbox((x, y), text, font))
    lines = np.array([[[a, b], [c, b], [c, d], [a, d]] for a, b, c, d in boxes], np.float32)
    return np.array(page), lines


def photo(degrees: float = 0.0, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The bill on a dark table, turned counter-clockwise: (H, W) uint8 and its line polygons."""
    paper, lines = bill()
    height, width = paper.shape
    side = int(1.45 * max(height, width))
    move = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale), [0, 0, 1]])
    move[:2, 2] += side / 2 - np.array([width, height]) / 2
    table = np.random.default_rng(1).normal(70, 6, (side, side)).clip(0, 255).astype(np.uint8)
    laid = cv2.warpPerspective(paper, move, (side, side), flags=cv2.INTER_AREA)
    covered = cv2.warpPerspective(np.full_like(paper, 255), move, (side, side))
    picture = np.where(covered > 127, laid, table)
    return picture, cv2.perspectiveTransform(lines.reshape(1, -1, 2), move)[0].reshape(-1, 4, 2)
