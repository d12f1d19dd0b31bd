"""A long bill with known text, and what a machine that errs now and then makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from billocr_assets.fields.extract import extract_fields
from billocr_assets.ocr.document import Document, Line, Page, PageQuality, Segment, Word, as_polygon
from billocr_assets.store import Store
from billocr_assets.store.bills import register_upload
from billocr_assets.store.reading import NETWORKS, begin_reading, publish_result
from billocr_assets.store.schema import Bill, User, new_id

GOODS = ("Apples", "Brown bread", "Coffee beans", "Oat milk", "Green tea", "Olive oil", "Tomatoes", "Sea salt", "Honey")
# What the machine takes for one another.
MISREAD = {"a": "o", "e": "c", "o": "0", "n": "m", "t": "f"}
WIDTH, TOP, PITCH = 820, 60, 44


@dataclass(frozen=True)
class LongBill:
    """A picture, its true lines, and the document that the machine made of it; wrong words have low confidence."""

    picture: bytes
    truth: tuple[str, ...]
    document: Document

    @property
    def wrong(self) -> list[int]:
        read = [line.text for line in self.document.lines]
        return [index for index, text in enumerate(self.truth) if read[index] != text]


def true_lines(count: int) -> tuple[str, ...]:
    """The lines of a bill whose items add up to its total."""
    items, total = [], Decimal(0)
    for index in range(count - 6):
        price = (Decimal(120 + 37 * index % 900) / 100).quantize(Decimal("0.01"))
        total += price
        items.append(f"{GOODS[index % len(GOODS)]} {index + 1:02d}  {price}")
    head = ("GREEN LEAF MARKET", "12 Station Road, Bristol", "Date: 14/03/2026  10:42")
    return (*head, *items, f"TOTAL GBP  {total}", f"Cash  {total}", "Thank you for shopping")


def long_bill(count: int = 60, every: int = 6, seed: int = 0) -> LongBill:
    """A bill of ``count`` lines, of which each ``every``-th is misread."""
    truth = true_lines(count)
    image = Image.new("L", (WIDTH, 2 * TOP + PITCH * count), 246 - seed)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(26)
    lines = []
    for index, text in enumerate(truth):
        top = TOP + PITCH * index
        left, _, amount = text.rpartition("  ")
        parts = [(50, left), (WIDTH - 50 - draw.textlength(amount, font), amount)] if left else [(50, text)]
        segments = []
        for x, part in parts:
            words = []
            for word in part.split():
                draw.text((x, top), word, fill=30, font=font)
                width = draw.textlength(word, font)
                misread = index % every == every - 1 and not words and x == 50
                words.append(Word(_misread(word) if misread else word, _box(x, top, width), 0.42 if misread else 0.98))
                x += width + 9
            text_ = " ".join(word.text for word in words)
            box = _box(words[0].polygon[0][0], top, words[-1].polygon[1][0] - words[0].polygon[0][0])
            segments.append(Segment(text_, box, min(word.confidence for word in words), tuple(words)))
        start, end = segments[0].polygon[0][0], segments[-1].polygon[1][0]
        confidence = min(segment.confidence for segment in segments)
        said = " ".join(segment.text for segment in segments)
        lines.append(Line(said, _box(start, top, end - start), confidence, index, tuple(segments)))
    file = BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=88)
    quality = PageQuality(150.0, 200.0, 240.0, 0.0, 0, True)
    page = Page(1, image.width, image.height, quality, tuple(lines))
    document = Document((page,), dict.fromkeys(NETWORKS, "1.0.0"), {"text_lines": 0.2})
    return LongBill(file.getvalue(), tuple(" ".join(text.split()) for text in truth), document)


def read_long_bill(store: Store, user: User, bill: LongBill, name: str = "long.jpg") -> Bill:
    """Uploads the bill and ends its reading."""
    row = register_upload(store, user, name, bill.picture, keep_duplicate=True)
    publish_reading(store, row.id, bill.document)
    return row


def publish_reading(store: Store, bill_id: str, document: Document) -> None:
    (attempt,) = begin_reading(store, [bill_id], f"run {new_id()}", "backfill").values()
    publish_result(store, attempt, document, extract_fields(document).to_dict())


def _misread(word: str) -> str:
    for letter, other in MISREAD.items():
        if letter in word.lower():
            return word.lower().replace(letter, other, 1).capitalize()
    return f"{word}1"


def _box(x: float, top: float, width: float):
    return as_polygon([(x - 2, top), (x + width + 2, top), (x + width + 2, top + 30), (x - 2, top + 30)])
