from datetime import UTC, datetime

from billocr_assets.store.bills import BillFilter
from billocr_assets.store.reading import begin_reading, record_failure, record_stage
from billocr_assets.store.schema import User
from billocr_assets.store.sharing import share_with_person
from billocr_ui.services.cards import PAGE_SIZE, all_final, card_page, cards


def show(store, user, page=1, **wanted):
    return card_page(store, user, BillFilter(**wanted), page, datetime.now(UTC), UTC)


def test_a_read_bill_shows_merchant_date_and_total(store, user, read):
    read("scan.png")
    (card,) = show(store, user).cards
    assert (card["title"], card["total"], card["facts"]) == ("Bäckerei Huber", "2.40 EUR", "24 Dec 2025")
    assert (card["label"], card["progress"]) == ("Read", 1.0)


def test_a_bill_without_a_merchant_goes_by_its_name(store, user, uploaded):
    uploaded("IMG_0001.png")
    (card,) = show(store, user).cards
    assert (card["title"], card["detail"]) == ("IMG_0001.png", "waiting for its turn")


def test_a_bill_under_way_says_which_stage_it_is_in(store, user, uploaded):
    bill = uploaded()
    attempts = begin_reading(store, [bill.id], "run", "upload")
    (before,) = cards(store, user, [bill.id], datetime.now(UTC), UTC)
    record_stage(store, attempts.values(), "text_lines")
    (after,) = cards(store, user, [bill.id], datetime.now(UTC), UTC)
    assert (before["detail"], after["detail"]) == ("opening the file", "finding the words")
    assert before["progress"] < after["progress"] < 1
    assert not all_final([after])


def test_a_failed_bill_says_why_and_is_final(store, user, uploaded):
    bill = uploaded()
    (attempt,) = begin_reading(store, [bill.id], "run", "upload").values()
    record_failure(store, attempt, "text_lines", "The page is empty.")
    found = show(store, user)
    assert (found.cards[0]["label"], found.cards[0]["detail"]) == ("Not read", "The page is empty.")
    assert not found.unfinished


def test_search_finds_what_is_printed_and_the_filter_keeps_a_status(store, user, read, uploaded):
    read("a.png")
    uploaded("b.png")
    assert [card["name"] for card in show(store, user, search="HAUPTSTRASSE münchen").cards] == ["a.png"]
    assert [card["name"] for card in show(store, user, status="received").cards] == ["b.png"]
    assert show(store, user).counts == {"all": 2, "received": 1, "reading": 0, "read": 1, "failed": 0}


def test_a_page_past_the_end_is_the_last_one(store, user, uploaded):
    for _ in range(PAGE_SIZE + 1):
        uploaded()
    assert (len(show(store, user).cards), show(store, user).pages) == (PAGE_SIZE, 2)
    last = show(store, user, page=9)
    assert (last.page, len(last.cards)) == (2, 1)


def test_nobody_sees_the_cards_of_somebody_else(store, user, uploaded):
    bill = uploaded()
    with store.database.session() as session:
        session.add(other := User(name="other"))
    assert cards(store, other, [bill.id], datetime.now(UTC), UTC) == []
    assert show(store, other).total == 0


def test_bills_that_seem_to_be_the_same_say_so(store, user, read):
    read("first.png")
    assert show(store, user).cards[0]["detail"] == ""
    read("second.png")
    assert {card["detail"][:13] for card in show(store, user).cards} == {"Perhaps twice"}


def test_a_bill_of_somebody_else_says_whose_it_is(store, user, read):
    bill = read("shared.png")
    with store.database.session() as session:
        session.add(other := User(name="other", email="other@example.org"))
    share_with_person(store, user, bill.id, "other@example.org", "view")
    assert show(store, other).cards[0]["facts"] == "24 Dec 2025 · From local"
    assert "From" not in show(store, user).cards[0]["facts"]
