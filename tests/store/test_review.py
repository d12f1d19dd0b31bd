from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from billocr_assets.fields.extract import extract_fields
from billocr_assets.store import Store
from billocr_assets.store.bills import bill_for, register_upload
from billocr_assets.store.corrections import apply_operations
from billocr_assets.store.errors import BeingReviewed, BillNotFound, NotAllowed, NotReadYet
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.review import WEIGHTS, claim, claim_next, mark, queue, release, review_value
from billocr_assets.store.schema import Bill, Grant, GrantLevel, User, now
from tests.files import encode, page
from tests.store.documents import printed
from tests.store.people import add_user

BILL = "ACME MARKET\n12/13/2023 10:15\nBread 2.50\nMilk 1.20\nTOTAL EUR 3.70"


def add_bill(store: Store, user: User, confidence: float, seed: int) -> Bill:
    bill = register_upload(store, user, f"{seed}.png", encode(page(seed=seed), "PNG"))
    document = printed(BILL, confidence)
    attempt = begin_reading(store, [bill.id], f"run-{bill.id}", "upload")[bill.id]
    publish_result(store, attempt, document, extract_fields(document).to_dict())
    return bill_for(store, user, bill.id)


def share(store: Store, bill: Bill, user: User, level: GrantLevel) -> None:
    with store.database.session() as session:
        session.add(Grant(bill_id=bill.id, user_id=user.id, level=level))


@pytest.fixture
def bills(store: Store, user: User) -> list[Bill]:
    return [add_bill(store, user, confidence, seed) for seed, confidence in enumerate((0.9, 0.5, 0.7))]


@pytest.fixture
def colleague(store: Store, bills: list[Bill]) -> User:
    colleague = add_user(store, "colleague")
    for bill in bills:
        share(store, bill, colleague, "edit")
    return colleague


def test_an_uncertain_total_is_worth_more_than_an_uncertain_word_and_a_set_one_no_more() -> None:
    document = printed(BILL, 1.0)
    fields = extract_fields(document).to_dict()
    plain = document.to_dict()
    assert review_value(plain, fields) == 0
    lines = plain["pages"][0]["lines"]
    lines[4]["segments"][0]["words"][2]["confidence"] = 0.75
    assert review_value(plain, fields) == WEIGHTS["total"] / 4
    assert review_value(plain, {**fields, "corrected": ["total", "currency"]}) == 0.25
    lines[4]["segments"][0]["words"][2]["confidence"] = 1.0
    lines[4]["segments"][0]["words"][0]["confidence"] = 0.75
    assert review_value(plain, fields) == 0.25
    lines[4]["segments"][0]["words"][0]["confidence"] = 1.0
    assert review_value(plain, {**fields, "date": None}) == WEIGHTS["date"]


def test_the_queue_begins_with_the_bill_that_is_worth_most(store: Store, user: User, bills: list[Bill]) -> None:
    found = queue(store, user)
    assert [entry.bill.id for entry in found.entries] == [bills[1].id, bills[2].id, bills[0].id]
    assert found.counts == {"unreviewed": 3, "in_review": 0, "reviewed": 0}
    assert [entry.bill.id for entry in queue(store, user, limit=1, offset=1).entries] == [bills[2].id]


def test_correcting_a_bill_moves_it_down_the_queue(store: Store, user: User, bills: list[Bill]) -> None:
    operations = [{"seq": i, "op": {"kind": "accept", "line": f"p1l{i}"}} for i in range(5)]
    apply_operations(store, user, bills[1].id, "tab", 0, operations)
    assert [entry.bill.id for entry in queue(store, user).entries][-1] == bills[1].id
    assert bill_for(store, user, bills[1].id).review_value == 0


def test_next_gives_the_best_free_bill_and_the_claimed_one_again_until_it_is_done(
    store: Store, user: User, bills: list[Bill]
) -> None:
    first = claim_next(store, user)
    assert first
    assert (first.id, first.review, first.reviewer_id) == (bills[1].id, "in_review", user.id)
    again = claim_next(store, user)
    assert again
    assert again.id == first.id
    second = claim_next(store, user, skip=[first.id])
    assert second
    assert second.id == bills[2].id
    release(store, user, second.id)
    mark(store, user, first.id, reviewed=True)
    found = queue(store, user)
    assert found.counts == {"unreviewed": 2, "in_review": 0, "reviewed": 1}
    assert [entry.reviewer for entry in found.entries] == [None, None]
    mark(store, user, first.id, reviewed=False)
    best = claim_next(store, user)
    assert best
    assert best.id == first.id
    assert claim_next(store, user, skip=[bill.id for bill in bills]) is None


def test_a_bill_that_somebody_reviews_is_nobody_elses(
    store: Store, user: User, colleague: User, bills: list[Bill]
) -> None:
    claim(store, user, bills[1].id)
    other = claim_next(store, colleague)
    assert other
    assert other.id == bills[2].id
    for take in (claim, lambda *who: mark(*who, reviewed=True)):
        with pytest.raises(BeingReviewed, match=user.name):
            take(store, colleague, bills[1].id)
    release(store, colleague, bills[1].id)  # not theirs to give back
    entries = {entry.bill.id: entry for entry in queue(store, colleague).entries}
    assert (entries[bills[1].id].reviewer, entries[bills[1].id].mine) == (user.name, False)
    assert (entries[bills[2].id].reviewer, entries[bills[2].id].mine) == ("colleague", True)
    assert entries[bills[0].id].reviewer is None


def test_a_claim_runs_out_and_edits_renew_it(store: Store, user: User, colleague: User, bills: list[Bill]) -> None:
    def run_out() -> None:
        with store.database.session() as session:
            session.execute(update(Bill).values(claimed_until=now() - timedelta(seconds=1)))

    claim(store, user, bills[1].id)
    run_out()
    assert queue(store, colleague).counts["in_review"] == 0
    apply_operations(store, user, bills[1].id, "tab", 0, [{"seq": 1, "op": {"kind": "accept", "line": "p1l1"}}])
    with pytest.raises(BeingReviewed):
        claim(store, colleague, bills[1].id)
    run_out()
    assert claim(store, colleague, bills[1].id).reviewer_id == colleague.id
    apply_operations(store, user, bills[1].id, "tab", 1, [{"seq": 2, "op": {"kind": "accept", "line": "p1l2"}}])
    assert bill_for(store, user, bills[1].id).reviewer_id == colleague.id


def test_only_bills_that_one_may_edit_and_that_were_read_are_in_the_queue(
    store: Store, user: User, bills: list[Bill]
) -> None:
    viewer = add_user(store, "viewer")
    share(store, bills[0], viewer, "view")
    waiting = register_upload(store, user, "waiting.png", encode(page(seed=77), "PNG"))
    assert claim_next(store, viewer) is None
    assert queue(store, viewer).entries == []
    assert waiting.id not in {entry.bill.id for entry in queue(store, user).entries}
    with pytest.raises(NotReadYet):
        claim(store, user, waiting.id)
    for act in (claim, release, lambda *who: mark(*who, reviewed=True)):
        with pytest.raises(NotAllowed):
            act(store, viewer, bills[0].id)
        with pytest.raises(BillNotFound):
            act(store, viewer, bills[1].id)


def test_eight_reviewers_who_ask_at_once_never_get_the_same_bill(store: Store, user: User) -> None:
    bills = [add_bill(store, user, 0.5 + 0.02 * seed, seed) for seed in range(16)]
    people = [add_user(store, f"reviewer-{number}") for number in range(8)]
    for person in people:
        for bill in bills:
            share(store, bill, person, "edit")

    def take_all(person: User) -> list[str]:
        taken: list[str] = []
        while (bill := claim_next(store, person, skip=taken)) is not None:
            taken.append(bill.id)
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [bill for several in pool.map(take_all, people) for bill in several]
    assert sorted(taken) == sorted(bill.id for bill in bills)
