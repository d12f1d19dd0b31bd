"""The review queue as a page: the bill that is most worth a look, and how many wait."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, tzinfo

from billocr_assets.store import Store
from billocr_assets.store.review import claim_next, queue
from billocr_assets.store.schema import User
from billocr_ui.services import wording
from billocr_ui.services.bill_page import BillPage, bill_page
from billocr_ui.strings import Words


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """What a reviewer sees.

    Attributes:
        page: the bill, now kept for this reviewer; None when nothing is left.
        left: how many bills wait, this one included, those that others review as well.
    """

    page: BillPage | None
    left: int


def review_page(
    store: Store,
    user: User,
    skip: Collection[str],
    now: datetime,
    zone: tzinfo | None,
    say: Words = wording.ENGLISH,
) -> ReviewPage:
    """Claim the next bill of the queue, or go on with the one that the user has claimed.

    Args:
        skip: bills that the user does not want now.
    """
    bill = claim_next(store, user, skip)
    counts = queue(store, user, limit=0).counts
    page = bill_page(store, user, bill.id, now, zone, say) if bill else None
    if page:
        page.editor["review"] = True
    return ReviewPage(page, counts["unreviewed"] + counts["in_review"])
