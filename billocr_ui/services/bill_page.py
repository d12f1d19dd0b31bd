"""Everything that the page of one bill shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from billocr_assets.ocr.document import Document
from billocr_assets.store import Store
from billocr_assets.store.bills import bill_and_level, latest_result
from billocr_assets.store.overview import likely_duplicates, overview
from billocr_assets.store.reading import promoted_models
from billocr_assets.store.schema import Bill, MachineResult, User
from billocr_ui.services import wording
from billocr_ui.strings import Words

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
        editable: the user may change the bill.
        owned: it is the user's own, to share and delete.
        progress: 0..1, and ``doing`` says what is being done.
        failure: why the last reading failed.
        editor: what the component ``bill_editor`` takes.
        quality: label and value with a remark where something is wrong.
        read_by: label and value: the networks' versions, when, and how long it took.
        outdated: a newer version of a network reads bills now.
        claimed: until when somebody else reviews the bill; empty where nobody does.
        twins: other bills with the same merchant, day and total.
    """

    bill: Bill
    title: str
    facts: str
    status: str
    editable: bool
    owned: bool
    progress: float
    doing: str
    failure: str
    editor: dict[str, Any]
    quality: list[tuple[str, str]]
    read_by: list[tuple[str, str]]
    outdated: bool
    claimed: str
    twins: list[Bill]

    @property
    def done(self) -> bool:
        return self.bill.review == "reviewed"

    @property
    def final(self) -> bool:
        return self.status in ("read", "failed")


def bill_page(
    store: Store, user: User, bill_id: str, now: datetime, zone: tzinfo | None, say: Words = wording.ENGLISH
) -> BillPage:
    """A bill that the user may see.

    Raises:
        BillNotFound: there is none with this id that the user may see.
    """
    bill, level = bill_and_level(store, user, bill_id)
    (entry,) = overview(store, user, [bill.id])
    result = latest_result(store, user, bill.id)
    document = Document.from_dict(result.document) if result else None
    progress, doing = wording.progress(bill.status, entry.stage, say)
    editable = level != "view"
    return BillPage(
        bill=bill,
        title=bill.merchant or bill.name,
        facts=" · ".join(_facts(bill, now, zone, say)),
        status=bill.status,
        editable=editable,
        owned=level == "own",
        progress=progress,
        doing=doing,
        failure=_failure(bill, say),
        editor=editor_data(bill, user, result, editable, say),
        quality=quality(document, say) if document else [],
        read_by=_read_by(result, now, zone, say) if result else [],
        outdated=_outdated(store, result) if result else False,
        claimed=_claimed(bill, user, now, zone, say),
        twins=likely_duplicates(store, user, bill.id),
    )


def editor_data(
    bill: Bill, user: User, result: MachineResult | None, editable: bool, say: Words = wording.ENGLISH
) -> dict[str, Any]:
    """What the component needs to fetch and show a bill; its text comes from the API, and so do all changes of it."""
    return {
        "bill": bill.id,
        "user": user.id,
        "name": user.name,
        "api": f"/api/v1/bills/{bill.id}",
        "result": result.id if result else 0,
        "state": bill.status,
        "editable": editable,
        "pages": [
            {"number": number, "picture": f"/pictures/{bill.id}/{number}?size=2560", "lines": []}
            for number in range(1, bill.pages + 1)
        ],
        "unsure": UNSURE,
        "doubtful": DOUBTFUL,
        "strings": say.section("editor"),
    }


def _facts(bill: Bill, now: datetime, zone: tzinfo | None, say: Words) -> list[str]:
    facts = [bill.name] if bill.merchant else []
    size = wording.size(bill.bytes, say)
    return [*facts, wording.pages(bill.pages, say), size, wording.when(bill.created_at, now, zone, say)]


def _claimed(bill: Bill, user: User, now: datetime, zone: tzinfo | None, say: Words) -> str:
    if bill.review != "in_review" or bill.reviewer_id in (None, user.id) or not bill.claimed_until:
        return ""
    return wording.when(bill.claimed_until, now, zone, say) if bill.claimed_until > now else ""


def _failure(bill: Bill, say: Words) -> str:
    if bill.status != "failed":
        return ""
    known = bill.failed_stage in wording.STAGES
    stage = say(f"stage.{bill.failed_stage}") if known else say("bill.stage_unknown")
    return say("bill.went_wrong", stage=stage, why=bill.failed_why or say("bill.no_reason"))


def quality(document: Document, say: Words = wording.ENGLISH) -> list[tuple[str, str]]:
    """Label and value of each figure, with a remark where something is wrong; pages are judged by the worst."""
    qualities = [page.quality for page in document.pages]
    words = document.words
    sharpness, contrast = min(q.sharpness for q in qualities), min(q.contrast for q in qualities)
    brightness = min(q.brightness for q in qualities)
    unsure = sum(word.confidence < UNSURE for word in words)
    turned = next((q.orientation for q in qualities if q.orientation), 0)
    skew = max((q.skew_degrees for q in qualities), key=abs)
    paper = all(q.paper_found for q in qualities)
    figures = [
        ("words", say("bill.words_in", words=len(words), lines=len(document.lines)), "" if words else "words_none"),
        ("unsure", str(unsure), "unsure_hint" if unsure else ""),
        ("sharpness", f"{sharpness:.0f}", "sharpness_hint" if sharpness < BLURRED else ""),
        ("contrast", say("bill.of_255", value=f"{contrast:.0f}"), "contrast_hint" if contrast < FLAT else ""),
        ("brightness", say("bill.of_255", value=f"{brightness:.0f}"), "brightness_hint" if brightness < DARK else ""),
        ("tilt", f"{skew:.1f}°" + (f", {say('bill.turned', degrees=turned)}" if turned else ""), ""),
        ("paper", say("bill.paper_found" if paper else "bill.paper_whole"), ""),
    ]
    return [
        (say(f"bill.{name}"), f"{value} – {say(f'bill.{remark}')}" if remark else value)
        for name, value, remark in figures
    ]


def _read_by(result: MachineResult, now: datetime, zone: tzinfo | None, say: Words) -> list[tuple[str, str]]:
    versions = [(label, result.models[network]) for network, label in say.section("network").items()]
    took = f"{sum(result.seconds.values()):.1f} s"
    when = wording.when(result.created_at, now, zone, say)
    return [*versions, (say("bill.read_when"), when), (say("bill.read_took"), took)]


def _outdated(store: Store, result: MachineResult) -> bool:
    promoted = promoted_models(store)
    return any(
        network in promoted and promoted[network].version != version for network, version in result.models.items()
    )
