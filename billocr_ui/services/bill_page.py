"""Everything that the page of one bill shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from billocr_assets.fields.model import Fields, Item, Tax
from billocr_assets.ocr.document import Document, Page
from billocr_assets.store import Store
from billocr_assets.store.bills import bill_for, latest_result
from billocr_assets.store.overview import overview
from billocr_assets.store.reading import promoted_models
from billocr_assets.store.schema import Bill, MachineResult, User
from billocr_ui.services import wording

# Words below the first are marked: on scans one in eighteen, and nearly half of them are wrong. Below the second two
# of three are wrong.
UNSURE, DOUBTFUL = 0.9, 0.6
BLURRED = 50.0
DARK, FLAT = 60.0, 60.0


@dataclass(frozen=True, slots=True)
class BillPage:
    """One bill as shown.

    Attributes:
        title: the merchant where known, else the file's name.
        facts: a line about the upload.
        status: ``received``, ``reading``, ``read`` or ``failed``.
        progress: 0..1, and ``doing`` says what is being done.
        failure: why the last reading failed.
        viewer: what the component ``bill_viewer`` takes.
        quality: label and value with a remark where something is wrong.
        read_by: label and value: the networks' versions, when, and how long it took.
        outdated: a newer version of a network reads bills now.
    """

    bill: Bill
    title: str
    facts: str
    status: str
    progress: float
    doing: str
    failure: str
    viewer: dict[str, Any]
    quality: list[tuple[str, str]]
    read_by: list[tuple[str, str]]
    outdated: bool

    @property
    def final(self) -> bool:
        return self.status in ("read", "failed")


def bill_page(store: Store, user: User, bill_id: str, now: datetime, zone: tzinfo | None) -> BillPage:
    """The user's bill.

    Raises:
        BillNotFound: there is none with this id that the user may see.
    """
    bill = bill_for(store, user, bill_id)
    (entry,) = overview(store, user, [bill.id])
    result = latest_result(store, user, bill.id)
    document = Document.from_dict(result.document) if result else None
    fields = Fields.from_dict(result.fields) if result and result.fields else Fields()
    progress, doing = wording.progress(bill.status, entry.stage)
    return BillPage(
        bill=bill,
        title=fields.company.value if fields.company else bill.name,
        facts=" · ".join(_facts(bill, fields, now, zone)),
        status=bill.status,
        progress=progress,
        doing=doing,
        failure=_failure(bill),
        viewer=viewer_data(bill, result, document, fields),
        quality=quality(document) if document else [],
        read_by=_read_by(result, now, zone) if result else [],
        outdated=_outdated(store, result) if result else False,
    )


def viewer_data(bill: Bill, result: MachineResult | None, document: Document | None, fields: Fields) -> dict[str, Any]:
    """The picture, its lines and its fields as the component takes them; without a result, the pictures alone."""
    base = f"/pictures/{bill.id}"
    pages = [{"number": n, "picture": f"{base}/{n}?size=2560", "lines": []} for n in range(1, bill.pages + 1)]
    if document:
        pages = [{**_page(page), "picture": f"{base}/{page.number}?size=2560"} for page in document.pages]
    return {
        "bill": bill.id,
        "version": result.id if result else 0,
        "name": bill.name,
        "state": bill.status,
        "pages": pages,
        "fields": field_rows(fields),
        "unsure": UNSURE,
        "doubtful": DOUBTFUL,
    }


def _page(page: Page) -> dict[str, Any]:
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "lines": [
            {
                "polygon": line.polygon,
                "row": line.row,
                "confidence": line.confidence,
                "words": [
                    {"text": word.text, "polygon": word.polygon, "confidence": word.confidence} for word in line.words
                ]
                or [{"text": line.text, "polygon": line.polygon, "confidence": line.confidence}],
            }
            for line in page.lines
        ],
    }


def field_rows(fields: Fields) -> list[dict[str, Any]]:
    """What was found, one row a field in the order a person asks for it; empty where nothing was."""
    currency = fields.currency.value if fields.currency else None
    rows = [_row("Merchant", fields.company, fields.company.value if fields.company else "")]
    if fields.date:
        row = _row("Date", fields.date, wording.day(fields.date.value))
        if fields.date.ambiguous:
            row["note"] = "or " + " or ".join(_other_days(fields.date.candidates, fields.date.value))
        rows.append(row)
    rows.append(_row("Time", fields.time, f"{fields.time.value:%H:%M}" if fields.time else ""))
    rows.append(_row("Address", fields.address, fields.address.value if fields.address else ""))
    rows.append(_row("Tax number", fields.vat_id, fields.vat_id.value if fields.vat_id else ""))
    rows += [_item(item, currency) for item in fields.items]
    rows.append(_row("Subtotal", fields.subtotal, _money(fields.subtotal, currency)))
    rows.append(_row("Discount", fields.discount, _money(fields.discount, currency)))
    rows.append(_row("Service", fields.service, _money(fields.service, currency)))
    rows += [_row(_tax_label(tax), tax.amount, _money(tax.amount, currency)) for tax in fields.taxes]
    rows.append(_row("Rounding", fields.rounding, _money(fields.rounding, currency)))
    total = _row("Total", fields.total, _money(fields.total, currency))
    if total and fields.consistency != "unknown":
        notes = {"consistent": "adds up", "corrected": "corrected by the other sums"}
        total["note"] = notes.get(fields.consistency, "does not add up")
        total["warn"] = fields.consistency == "contradicted"
    rows.append(total)
    rows += [_row(f"Paid ({pay.method})", pay.amount, _money(pay.amount, currency)) for pay in fields.payments]
    rows.append(_row("Change", fields.change, _money(fields.change, currency)))
    return [row for row in rows if row]


def _row(label: str, found: Any, value: str) -> dict[str, Any]:
    if not found:
        return {}
    return {
        "label": label,
        "value": value,
        "printed": found.text,
        "confidence": found.confidence,
        "places": [{"page": source.page, "polygon": source.polygon} for source in found.sources],
    }


def _item(item: Item, currency: str | None) -> dict[str, Any]:
    row = _row(item.name, item, wording.money(item.amount, currency))
    if item.quantity is not None and item.quantity != 1:
        each = f" × {wording.money(item.unit_price, None)}" if item.unit_price is not None else ""
        row["note"] = f"{item.quantity.normalize():f}{each}"
    return {**row, "item": True}


def _tax_label(tax: Tax) -> str:
    return f"Tax {tax.rate.normalize():f} %" if tax.rate is not None else "Tax"


def _money(found: Any, currency: str | None) -> str:
    return wording.money(found.value, currency) if found else ""


def _other_days(candidates: tuple[date, ...], chosen: date) -> list[str]:
    return [wording.day(candidate) for candidate in candidates if candidate != chosen]


def _facts(bill: Bill, fields: Fields, now: datetime, zone: tzinfo | None) -> list[str]:
    facts = [bill.name] if fields.company else []
    return [*facts, wording.pages(bill.pages), wording.size(bill.bytes), wording.when(bill.created_at, now, zone)]


def _failure(bill: Bill) -> str:
    if bill.status != "failed":
        return ""
    stage = wording.STAGES.get(bill.failed_stage or "", "reading")
    return f"It went wrong while {stage}: {bill.failed_why or 'no reason was recorded.'}"


def quality(document: Document) -> list[tuple[str, str]]:
    """Label and value of each figure, with a remark where something is wrong; pages are judged by the worst."""
    qualities = [page.quality for page in document.pages]
    words = document.words
    sharpness, contrast = min(q.sharpness for q in qualities), min(q.contrast for q in qualities)
    brightness = min(q.brightness for q in qualities)
    unsure = sum(word.confidence < UNSURE for word in words)
    turned = next((q.orientation for q in qualities if q.orientation), 0)
    skew = max((q.skew_degrees for q in qualities), key=abs)
    figures = [
        ("Words", f"{len(words)} in {len(document.lines)} lines", "" if words else "no text was found"),
        ("Unsure words", str(unsure), "they are marked, please check" if unsure else ""),
        ("Sharpness", f"{sharpness:.0f}", "blurred, a steadier photo helps" if sharpness < BLURRED else ""),
        ("Contrast", f"{contrast:.0f} of 255", "faint print" if contrast < FLAT else ""),
        ("Brightness", f"{brightness:.0f} of 255", "dark, more light helps" if brightness < DARK else ""),
        ("Tilt taken out", f"{skew:.1f}°" + (f", turned by {turned}°" if turned else ""), ""),
        ("Paper", "outline found" if all(q.paper_found for q in qualities) else "whole picture used", ""),
    ]
    return [(label, f"{value} – {remark}" if remark else value) for label, value, remark in figures]


def _read_by(result: MachineResult, now: datetime, zone: tzinfo | None) -> list[tuple[str, str]]:
    versions = [(label, result.models[network]) for network, label in wording.NETWORKS.items()]
    took = f"{sum(result.seconds.values()):.1f} s"
    return [*versions, ("When", wording.when(result.created_at, now, zone)), ("Took", took)]


def _outdated(store: Store, result: MachineResult) -> bool:
    promoted = promoted_models(store)
    return any(
        network in promoted and promoted[network].version != version for network, version in result.models.items()
    )
