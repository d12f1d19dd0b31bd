"""What networks may learn from: bills that people have corrected and whose owner and correctors have all agreed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import exists, or_, select

from billocr_assets.ocr import pages
from billocr_assets.store.bills import upload_key
from billocr_assets.store.editing import Plain
from billocr_assets.store.schema import Bill, Correction, Revision, User
from billocr_assets.store.store import Store


@dataclass(frozen=True, slots=True)
class CorrectedPage:
    """A page that was corrected.

    Attributes:
        name: of the page, made of the bill's id.
        revision: of the bill that ``lines`` are.
        consent_by: id of the owner.
        picture: (H, W) uint8 grey, upright.
        lines: ``polygon`` in pixels of the picture, ``text`` and ``ignore``, as annotated receipts have them. Of a bill
            that was reviewed every line is told; of any other only those that a person wrote or accepted, and the rest
            are not known.
    """

    name: str
    bill_id: str
    revision: int
    consent_by: int
    picture: np.ndarray
    lines: list[dict[str, Any]]


def training_corrections(store: Store, reviewed: bool = False) -> Iterator[CorrectedPage]:
    """Pages with corrected lines, by bill and page. Nothing of demo users is among them, as owners or as authors.

    Args:
        reviewed: only of bills that somebody has reviewed to the end, so that nothing on the page is missing.
    """
    owner_agrees = select(User.id).where(*_agrees())
    # A corrector who has left or has not agreed takes the bill out: one cannot tell their letters from the others'.
    author = exists().where(User.id == Revision.author_id, *_agrees())
    foreign = exists().where(Revision.bill_id == Bill.id, or_(Revision.author_id.is_(None), ~author))
    wanted = select(Bill.id).where(
        Bill.revision > 0, Bill.trashed_at.is_(None), Bill.owner_id.in_(owner_agrees), ~foreign
    )
    if reviewed:
        wanted = wanted.where(Bill.review == "reviewed")
    with store.database.reading() as session:
        bill_ids = session.scalars(wanted.order_by(Bill.number)).all()
    for bill_id in bill_ids:
        # One by one, and asked again: pictures are large, and consent can end while they are read.
        query = select(Bill, Correction).join(Correction, Correction.bill_id == Bill.id)
        with store.database.reading() as session:
            row = session.execute(query.where(Bill.id == bill_id, Bill.id.in_(wanted))).one_or_none()
        if row is not None:
            yield from _pages(store, *row)


def _agrees() -> tuple[Any, ...]:
    return User.training_consent, User.kind != "demo", User.status == "active"


def _pages(store: Store, bill: Bill, correction: Correction) -> Iterator[CorrectedPage]:
    data = None
    for page in correction.document["pages"]:
        lines = [_line(line, bill.review == "reviewed") for line in page["lines"]]
        if all(line["ignore"] for line in lines):
            continue
        data = data or store.objects.read(upload_key(bill.id))
        index = page["number"] - 1
        (picture,) = pages.load_pages(data, only=index, max_pixels=sys.maxsize, max_pages=bill.pages)
        turns = page["quality"]["orientation"] // 90
        for line in lines:
            line["polygon"] = _turned(line["polygon"], turns, page["width"], page["height"])
        picture = np.ascontiguousarray(np.rot90(picture, -turns))
        name = f"{bill.id}-{page['number']}"
        yield CorrectedPage(name, bill.id, correction.revision, bill.owner_id, picture, lines)


def _line(line: Plain, reviewed: bool) -> dict[str, Any]:
    polygon = line["polygon"]
    area = sum(polygon[i - 1][0] * y - x * polygon[i - 1][1] for i, (x, y) in enumerate(polygon))
    # Of a page that was photographed through its back, no line is as it would be printed.
    known = (reviewed or line["checked"]) and bool(line["text"]) and area > 0
    return {"polygon": polygon, "text": line["text"] if known else "", "ignore": not known}


def _turned(polygon: Any, turns: int, width: int, height: int) -> list[list[float]]:
    """A polygon on a page of this size that is turned clockwise by quarters."""
    points = [[float(x), float(y)] for x, y in polygon]
    for _ in range(turns):
        points = [[height - y, x] for x, y in points]
        width, height = height, width
    return points
