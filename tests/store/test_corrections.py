from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from billocr_assets.fields.extract import extract_fields
from billocr_assets.ocr.document import Document
from billocr_assets.store import Store, editing
from billocr_assets.store.bills import bill_for, read_again, register_upload
from billocr_assets.store.corrections import (
    Outcome,
    adopt_machine,
    apply_operations,
    current,
    difference,
    keep_corrections,
    revisions,
)
from billocr_assets.store.errors import BillNotFound, InvalidOperation, NotReadYet
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import Bill, User
from tests.files import encode, page
from tests.store.documents import box, printed

BILL = """ACME MARKET
Main Street 5
12/13/2023 10:15
Bread 2.50
Milk 1.20
TOTAL EUR 3.70"""


def read(store: Store, bill_id: str, document: Document, run: str) -> None:
    attempt = begin_reading(store, [bill_id], run, "upload")[bill_id]
    assert publish_result(store, attempt, document, extract_fields(document).to_dict())


def new_bill(store: Store, user: User, text: str = BILL, seed: int = 0) -> Bill:
    bill = register_upload(store, user, "bill.png", encode(page(seed=seed), "PNG"))
    read(store, bill.id, printed(text), f"first-{bill.id}")
    return bill_for(store, user, bill.id)


@pytest.fixture
def bill(store: Store, user: User) -> Bill:
    return new_bill(store, user)


class Editor:
    """An editor's tab: it numbers its operations and knows what it has seen."""

    def __init__(self, store: Store, user: User, bill: Bill, client: str = "tab-1") -> None:
        self.store, self.user, self.bill, self.client = store, user, bill, client
        self.seq, self.base = 0, 0

    def send(self, *operations: dict[str, Any]) -> Outcome:
        numbered = []
        for op in operations:
            self.seq += 1
            numbered.append({"seq": self.seq, "op": op})
        outcome = apply_operations(self.store, self.user, self.bill.id, self.client, self.base, numbered)
        self.base = outcome.revision
        return outcome

    def __call__(self, kind: str, **what: Any) -> Outcome:
        return self.send({"kind": kind, **what})

    def lines(self) -> list[dict[str, Any]]:
        return [line for page in current(self.store, self.user, self.bill.id).data["pages"] for line in page["lines"]]

    def line(self, line: str) -> dict[str, Any]:
        return next(each for each in self.lines() if each["id"] == line)

    def texts(self) -> list[str]:
        return [line["text"] for line in self.lines()]

    def fields(self) -> dict[str, Any]:
        return current(self.store, self.user, self.bill.id).fields


@pytest.fixture
def edit(store: Store, user: User, bill: Bill) -> Editor:
    return Editor(store, user, bill)


def words(line: dict[str, Any]) -> list[dict[str, Any]]:
    return [word for segment in line["segments"] for word in segment["words"]]


def test_an_uncorrected_bill_shows_its_newest_reading_with_line_ids(store: Store, user: User, bill: Bill) -> None:
    state = current(store, user, bill.id)
    assert (state.revision, state.machine_newer) == (0, None)
    assert [line["id"] for line in state.data["pages"][0]["lines"]] == [f"p1l{i}" for i in range(6)]
    assert state.document == printed(BILL)
    assert state.fields["total"]["value"] == "3.70"


def test_a_bill_that_was_never_read_says_so(store: Store, user: User) -> None:
    bill = register_upload(store, user, "bill.png", encode(page(seed=9), "PNG"))
    with pytest.raises(NotReadYet):
        current(store, user, bill.id)
    with pytest.raises(NotReadYet):
        apply_operations(store, user, bill.id, "tab", 0, [])


def test_a_corrected_line_keeps_the_boxes_of_unchanged_words_and_is_certain(edit: Editor) -> None:
    before = words(edit.line("p1l0"))
    outcome = edit("set_text", line="p1l0", text="ACME  SUPER MARKET\n")
    after = words(edit.line("p1l0"))
    assert [word["text"] for word in after] == ["ACME", "SUPER", "MARKET"]
    assert {word["confidence"] for word in after} == {1.0}
    assert edit.line("p1l0")["checked"]
    assert outcome.revision == outcome.acknowledged == 1
    assert [line["id"] for line in outcome.lines] == ["p1l0"]
    # There is no room between the two words for a third: the three share it, in order and without overlap.
    assert after[0]["polygon"][0] == before[0]["polygon"][0]
    assert after[2]["polygon"][1] == before[1]["polygon"][1]
    ends = [word["polygon"][k][0] for word in after for k in (0, 1)]
    assert ends == sorted(ends)
    edit("set_text", line="p1l1", text="Main Strasse 5")
    assert words(edit.line("p1l1"))[0]["polygon"] == [list(p) for p in box(10, 40, 50, 60)]
    assert words(edit.line("p1l1"))[1]["polygon"] == [list(p) for p in box(60, 40, 120, 60)]


def test_fields_follow_the_corrected_text_until_a_person_sets_them(edit: Editor) -> None:
    edit("set_text", line="p1l5", text="TOTAL EUR 4.70")
    assert edit.fields()["total"]["value"] == "4.70"
    outcome = edit("set_field", name="total", value="5,00 €", sources=None)
    assert outcome.fields
    assert outcome.fields["total"]["value"] == "5.00"
    edit("set_text", line="p1l5", text="TOTAL EUR 6.70")
    edit("set_text", line="p1l0", text="OTHER MARKET")
    assert edit.fields()["total"]["value"] == "5.00"
    assert edit.fields()["company"]["value"] == "OTHER MARKET"
    assert edit.fields()["corrected"] == ["total"]


def test_lists_search_and_sort_by_what_people_have_corrected(edit: Editor, store: Store, user: User) -> None:
    edit("set_text", line="p1l0", text="Zebra Café")
    edit("set_field", name="total", value=99.5, sources=None)
    bill = bill_for(store, user, edit.bill.id)
    assert (bill.merchant, bill.total_cents, bill.revision) == ("Zebra Café", 9950, 2)
    assert "zebra café" in bill.search


def test_the_same_request_twice_is_acknowledged_twice_and_applied_once(edit: Editor, store: Store, user: User) -> None:
    request = [{"seq": 3, "op": {"kind": "set_text", "line": "p1l3", "text": "Bread 2.51"}}]
    request.append({"seq": 9, "op": {"kind": "delete", "line": "p1l4"}})
    first = apply_operations(store, user, edit.bill.id, "tab", 0, request)
    state = current(store, user, edit.bill.id)
    again = apply_operations(store, user, edit.bill.id, "tab", 0, request)
    assert (first.acknowledged, first.revision) == (again.acknowledged, again.revision) == (9, 2)
    assert again.conflicts == ()
    assert current(store, user, edit.bill.id) == state


def test_an_edit_of_a_line_that_another_tab_changed_is_a_conflict_and_all_others_are_applied(
    edit: Editor, store: Store, user: User
) -> None:
    other = Editor(store, user, edit.bill, "tab-2")
    edit("set_text", line="p1l3", text="Brot 2.50")
    outcome = other.send(
        {"kind": "set_text", "line": "p1l3", "text": "Pain 2.50"},
        {"kind": "set_text", "line": "p1l4", "text": "Lait 1.20"},
    )
    (conflict,) = outcome.conflicts
    assert (conflict.seq, conflict.line, conflict.revision, conflict.author) == (1, "p1l3", 1, user.name)
    assert conflict.theirs
    assert conflict.theirs["text"] == "Brot 2.50"
    assert outcome.acknowledged == 2
    assert edit.texts()[3:5] == ["Brot 2.50", "Lait 1.20"]


def test_an_edit_of_a_line_that_is_gone_is_a_conflict(edit: Editor, store: Store, user: User) -> None:
    other = Editor(store, user, edit.bill, "tab-2")
    edit("delete", line="p1l3")
    (conflict,) = other("set_text", line="p1l3", text="x").conflicts
    assert (conflict.line, conflict.theirs, conflict.revision) == ("p1l3", None, 1)


SENSELESS: list[tuple[Any, str]] = [
    ({"kind": "explode", "line": "p1l0"}, "no operation"),
    ({"kind": "set_text", "line": "p1l0", "text": "x" * 501}, "500 characters"),
    ({"kind": "set_text", "line": "p1l0"}, "is a text"),
    ({"kind": "set_text", "line": None, "text": ""}, "names a line"),
    ({"kind": "shape", "line": "p1l0", "polygon": [[0, 0], [float("nan"), 0], [9, 9], [0, 9]]}, "four corners"),
    ({"kind": "shape", "line": "p1l0", "polygon": [[0, 0], [10**400, 0], [9, 9], [0, 9]]}, "four corners"),
    ({"kind": "shape", "line": "p1l0", "polygon": [[900, 0], [990, 0], [990, 9], [900, 9]]}, "outside the page"),
    ({"kind": "shape", "line": "p1l0", "polygon": [[0, 0], [0, 9], [9, 9], [9, 0]]}, "clockwise"),
    ({"kind": "split", "line": "p1l0", "at": 0, "new": "n-1"}, "inside its text"),
    ({"kind": "split", "line": "p1l0", "at": 4, "new": "p1l77"}, "n-"),
    ({"kind": "join", "line": "p1l0", "with": "p1l0"}, "Only two lines"),
    ({"kind": "add", "line": "n-1", "page": 2, "polygon": box(0, 0, 9, 9), "text": ""}, "no page 2"),
    ({"kind": "set_field", "name": "checks", "value": "1"}, "no field"),
    ({"kind": "set_field", "name": ["total"], "value": "1"}, "no field"),
    ({"kind": "set_field", "name": "total", "value": "1.2.3"}, "no amount"),
    ({"kind": "set_field", "name": "total", "value": float("nan")}, "An amount"),
    ({"kind": "set_field", "name": "total", "value": True}, "An amount"),
    ({"kind": "set_field", "name": "date", "value": "yesterday"}, "no date"),
    ({"kind": "set_field", "name": "total", "value": "1", "sources": [{"page": 9, "polygon": []}]}, "page of the bill"),
    ({"kind": "set_field", "name": "taxes", "value": [{"rate": "190", "amount": "1"}]}, "per cent"),
    ({"kind": "set_items", "items": [{"name": "a", "amount": None}]}, "Item 1"),
    ({"kind": "undo", "revision": 7}, "no revision 7"),
    ({"kind": "revert", "to": 7}, "no revision 7"),
    (None, "has a kind"),
]


def test_an_operation_that_makes_no_sense_is_named_and_nothing_of_its_request_is_applied(
    edit: Editor, store: Store, user: User
) -> None:
    good = {"seq": 1, "op": {"kind": "set_text", "line": "p1l3", "text": "Bread 2.51"}}
    for op, why in SENSELESS:
        with pytest.raises(InvalidOperation, match=why) as refused:
            apply_operations(store, user, edit.bill.id, "tab", 0, [good, {"seq": 2, "op": op}])
        assert refused.value.seq == 2
    assert edit.texts() == BILL.splitlines()
    assert revisions(store, user, edit.bill.id) == []


def test_requests_out_of_order_or_from_the_future_are_refused(edit: Editor, store: Store, user: User) -> None:
    op = {"kind": "accept", "line": "p1l0"}
    for client, base, numbers, why in (
        ("", 0, [1], "client_id"),
        ("../x", 0, [1], "client_id"),
        ("tab", 1, [1], "no revision 1"),
        ("tab", -1, [1], "base"),
        ("tab", 0, [2, 1], "rise"),
        ("tab", 0, [1, 1], "rise"),
        ("tab", 0, [2**31], "number"),
        ("tab", 0, [True], "number"),
        ("tab", 0, range(2000), "1000"),
    ):
        with pytest.raises(InvalidOperation, match=why):
            apply_operations(store, user, edit.bill.id, client, base, [{"seq": seq, "op": op} for seq in numbers])
    edit("accept", line="p1l0")
    with pytest.raises(InvalidOperation, match="another edit"):
        apply_operations(store, user, edit.bill.id, "tab-1", 0, [{"seq": 1, "op": {"kind": "delete", "line": "p1l0"}}])


def test_a_bill_has_an_end_of_lines(edit: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "MAX_LINES", 7)
    edit("add", line="n-1", page=1, polygon=box(10, 170, 90, 185), text="one more", after=None)
    with pytest.raises(InvalidOperation, match="7 lines"):
        edit("add", line="n-2", page=1, polygon=box(10, 170, 90, 185), text="too many", after=None)
    with pytest.raises(InvalidOperation, match="7 lines"):
        edit("split", line="p1l0", at=4, new="n-2")


HOSTILE = ["<script>alert(1)</script>", "'; drop table bills; --", "a\0b", "\ud800", "\u202eabc", "{{7*7}}", "\x1b[2J"]


def test_hostile_text_is_only_text(edit: Editor) -> None:
    for text in [*HOSTILE, "\U0001d518\U0001d52b\U0001d526 \U0001f469\u200d\U0001f467"]:
        edit("set_text", line="p1l0", text=text)
        kept = edit.line("p1l0")["text"]
        assert kept == "".join(c for c in text if c not in "\0\ud800\x1b")
        edit("set_field", name="company", value=text, sources=None)
        assert (edit.fields()["company"] or {"value": ""})["value"] == kept


def test_a_line_is_split_at_a_character_and_joined_again(edit: Editor) -> None:
    outcome = edit("split", line="p1l3", at=6, new="n-a")
    left, right = edit.line("p1l3"), edit.line("n-a")
    assert (left["text"], right["text"]) == ("Bread", "2.50")
    assert left["row"] == right["row"]
    assert edit.texts()[3:5] == ["Bread", "2.50"]
    # Between the words: 10 + 5 characters end at 60, the next word begins at 70.
    assert (left["polygon"][1][0], right["polygon"][0][0]) == (65, 65)
    assert [(line["id"], line["after"]) for line in outcome.lines] == [("p1l3", "p1l2"), ("n-a", "p1l3")]
    edit("split", line="n-a", at=2, new="n-b")
    assert edit.texts()[3:6] == ["Bread", "2.", "50"]
    assert words(edit.line("n-b"))[0]["polygon"][0][0] == 90  # two of four characters of a word from 70 to 110
    edit("join", **{"line": "n-a", "with": "n-b"})
    outcome = edit("join", **{"line": "p1l3", "with": "n-a"})
    assert outcome.removed == ("n-a",)
    assert edit.texts()[3:5] == ["Bread 2. 50", "Milk 1.20"]
    assert edit.line("p1l3")["polygon"] == [list(corner) for corner in printed(BILL).lines[3].polygon]


def test_lines_are_joined_in_their_reading_order_whichever_is_named_first(edit: Editor) -> None:
    edit("join", **{"line": "p1l4", "with": "p1l3"})
    assert edit.texts()[3:] == ["Bread 2.50 Milk 1.20", "TOTAL EUR 3.70"]
    assert edit.line("p1l4")["polygon"] == [list(corner) for corner in box(10, 100, 110, 150)]
    assert [line["row"] for line in edit.lines()] == [0, 1, 2, 3, 4]


def test_an_added_line_stands_where_it_was_drawn(edit: Editor) -> None:
    outcome = edit("add", line="n-1", page=1, polygon=box(10, 93, 60, 99), text="Items", after=None)
    edit("add", line="n-2", page=1, polygon=box(300, 101, 380, 121), text="B", after=None)
    edit("add", line="n-3", page=1, polygon=box(10, 1, 60, 6), text="", after=None)
    edit("add", line="n-4", page=1, polygon=box(10, 192, 60, 199), text="Bye", after="p1l0")
    texts = ["", "ACME MARKET", "Bye", "Main Street 5", "12/13/2023 10:15", "Items", "Bread 2.50", "B", "Milk 1.20"]
    assert edit.texts() == [*texts, "TOTAL EUR 3.70"]
    assert [line["row"] for line in edit.lines()] == [0, 1, 8, 2, 3, 4, 5, 5, 6, 7]
    assert {line["id"] for line in outcome.lines} == {"n-1", "p1l3", "p1l4", "p1l5"}  # those below are a row lower
    assert words(edit.line("n-1"))[0]["confidence"] == 1.0
    assert current(edit.store, edit.user, edit.bill.id).document.text.splitlines()[5] == "Bread 2.50  B"


def test_a_line_that_is_resized_takes_its_words_along_and_one_that_is_moved_finds_its_row(edit: Editor) -> None:
    edit("shape", line="p1l0", polygon=box(20, 10, 240, 30))
    assert words(edit.line("p1l0"))[1]["polygon"] == [list(corner) for corner in box(120, 10, 240, 30)]
    assert edit.texts() == BILL.splitlines()
    edit("shape", line="p1l0", polygon=box(300, 131, 410, 151))
    assert edit.texts()[3:5] == ["Milk 1.20", "ACME MARKET"]
    assert [line["row"] for line in edit.lines()] == [0, 1, 2, 3, 3, 4]


def test_undo_redo_and_going_back_give_exactly_what_was(edit: Editor, store: Store, user: User) -> None:
    def state() -> tuple[Any, Any]:
        now = current(store, user, edit.bill.id)
        return now.data, now.fields

    states = [state()]
    for op in (
        {"kind": "set_text", "line": "p1l5", "text": "TOTAL EUR 4.00"},
        {"kind": "set_field", "name": "total", "value": "5.00", "sources": None},
        {"kind": "split", "line": "p1l3", "at": 6, "new": "n-1"},
        {"kind": "delete", "line": "p1l4"},
    ):
        edit.send(op)
        states.append(state())
    edit("undo", revision=4)
    assert state() == states[3]
    edit("undo", revision=5)  # redo
    assert state() == states[4]
    edit("revert", to=1)
    assert state() == states[1]
    edit("undo", revision=7)
    assert state() == states[4]
    edit("revert", to=0)
    assert state() == states[0]
    entries = revisions(store, user, edit.bill.id)
    assert [entry.number for entry in entries] == list(range(9, 0, -1))
    assert {entry.author for entry in entries} == {user.name}
    assert (entries[5].lines, entries[7].fields) == (("p1l4",), ("total",))
    assert [entry.number for entry in revisions(store, user, edit.bill.id, before=4, limit=2)] == [3, 2]


def test_undoing_what_somebody_else_has_changed_since_is_a_conflict(edit: Editor, store: Store, user: User) -> None:
    other = Editor(store, user, edit.bill, "tab-2")
    edit("set_text", line="p1l3", text="Brot 2.50")
    other.base = 1
    other("set_text", line="p1l3", text="Pain 2.50")
    edit.base = 2
    (conflict,) = edit("undo", revision=1).conflicts
    assert (conflict.line, conflict.revision) == ("p1l3", 2)
    assert edit.texts()[3] == "Pain 2.50"


def test_a_refused_edit_whose_answer_was_lost_is_refused_again(edit: Editor, store: Store, user: User) -> None:
    edit("delete", line="p1l3")
    request = [{"seq": n, "op": {"kind": "accept", "line": line}} for n, line in ((1, "p1l3"), (2, "p1l4"))]
    first, again = (apply_operations(store, user, edit.bill.id, "tab-2", 0, request) for _ in range(2))
    assert [conflict.seq for conflict in first.conflicts] == [conflict.seq for conflict in again.conflicts] == [1]
    assert again.revision == first.revision == 2


def test_what_changed_between_two_revisions_is_told_line_by_line_with_author(
    edit: Editor, store: Store, user: User
) -> None:
    edit("set_text", line="p1l3", text="Brot 2.50")
    edit("set_field", name="total", value="9.99", sources=None)
    edit("set_text", line="p1l3", text="Brot 2.60")
    edit("delete", line="p1l4")
    edit("add", line="n-1", page=1, polygon=box(10, 170, 90, 185), text="Bye", after=None)
    changes = difference(store, user, edit.bill.id, 0, 5)
    assert {(each.line or each.field, each.before, each.after, each.revision, each.author) for each in changes} == {
        ("p1l3", "Bread 2.50", "Brot 2.60", 3, user.name),
        ("p1l4", "Milk 1.20", None, 4, user.name),
        ("n-1", None, "Bye", 5, user.name),
        ("total", None, "9.99", 2, user.name),
    }
    (only,) = difference(store, user, edit.bill.id, 2, 3)
    assert (only.line, only.before, only.after) == ("p1l3", "Brot 2.50", "Brot 2.60")
    assert difference(store, user, edit.bill.id, 2, 2) == []
    with pytest.raises(InvalidOperation):
        difference(store, user, edit.bill.id, 0, 6)


def reread(store: Store, user: User, bill: Bill, text: str) -> None:
    attempt = read_again(store, user, bill.id)
    read(store, bill.id, printed(text), f"again-{attempt.id}")


def test_a_later_reading_changes_no_correction_and_offers_where_it_differs(
    edit: Editor, store: Store, user: User
) -> None:
    edit("set_text", line="p1l3", text="Brot 2.50")
    edit("delete", line="p1l0")
    before = current(store, user, edit.bill.id)
    reread(store, user, edit.bill, BILL.replace("Milk 1.20", "Milk 1.25"))
    after = current(store, user, edit.bill.id)
    assert (after.data, after.fields, after.revision) == (before.data, before.fields, 2)
    assert "brot" in bill_for(store, user, edit.bill.id).search
    assert after.machine_newer
    assert [
        (each["line"], each["ours"], each["machine"], each["checked"]) for each in after.machine_newer["lines"]
    ] == [
        ("p1l3", "Brot 2.50", "Bread 2.50", True),
        ("p1l4", "Milk 1.20", "Milk 1.25", False),
        (f"r{after.machine_newer['result']}p1l0", None, "ACME MARKET", False),
    ]
    outcome = adopt_machine(store, user, edit.bill.id, ["p1l4", after.machine_newer["lines"][2]["line"]])
    assert outcome.revision == 3
    texts = ["ACME MARKET", "Main Street 5", "12/13/2023 10:15", "Brot 2.50", "Milk 1.25", "TOTAL EUR 3.70"]
    assert edit.texts() == texts
    left = current(store, user, edit.bill.id).machine_newer
    assert left
    assert [each["line"] for each in left["lines"]] == ["p1l3"]
    keep_corrections(store, user, edit.bill.id)
    assert current(store, user, edit.bill.id).machine_newer is None
    reread(store, user, edit.bill, BILL)
    adopt_machine(store, user, edit.bill.id, "all")
    assert edit.texts() == BILL.splitlines()
    assert current(store, user, edit.bill.id).machine_newer is None
    edit.base = 4
    edit("revert", to=2)
    assert current(store, user, edit.bill.id).data == before.data


def test_lines_of_two_readings_are_matched_by_where_they_stand(store: Store, user: User, edit: Editor) -> None:
    edit("accept", line="p1l5")
    # The first line is found no more, so every index is another one.
    (only,) = printed(BILL).pages
    read_again(store, user, edit.bill.id)
    read(store, edit.bill.id, replace(printed(BILL), pages=(replace(only, lines=only.lines[1:]),)), "again")
    newer = current(store, user, edit.bill.id).machine_newer
    assert newer
    assert [(each["line"], each["machine"]) for each in newer["lines"]] == [("p1l0", None)]


def test_corrections_begin_on_the_reading_that_the_person_saw(store: Store, user: User, bill: Bill) -> None:
    seen = current(store, user, bill.id).result
    reread(store, user, bill, "Another\n" + BILL)
    request = [{"seq": 1, "op": {"kind": "set_text", "line": "p1l3", "text": "Bread 2.51"}}]
    outcome = apply_operations(store, user, bill.id, "tab", 0, request, result=seen)
    assert not outcome.conflicts
    state = current(store, user, bill.id)
    assert state.document.text == BILL.replace("2.50", "2.51")
    assert state.machine_newer
    # Somebody who sees the other reading means another line by the same name.
    newest = state.machine_newer["result"]
    late = apply_operations(store, user, bill.id, "tab-2", 0, request, result=newest)
    assert [conflict.line for conflict in late.conflicts] == ["p1l3"]
    with pytest.raises(InvalidOperation, match="no such reading"):
        apply_operations(store, user, new_bill(store, user, seed=3).id, "tab", 0, request, result=seen)


def test_warnings_tell_what_does_not_add_up_and_block_nothing(edit: Editor) -> None:
    assert edit("accept", line="p1l0").warnings == ()
    outcome = edit.send(
        {"kind": "set_items", "items": [{"name": "Bread", "quantity": "2", "unit_price": "1,25", "amount": "2.50"}]},
        {"kind": "set_field", "name": "taxes", "value": [{"rate": "19 %", "amount": "0.10"}]},
        {"kind": "set_field", "name": "date", "value": "2049-12-31"},
        {"kind": "set_field", "name": "currency", "value": None},
    )
    assert {warning["code"] for warning in outcome.warnings} == {"items", "tax", "future", "currency"}
    assert edit.fields()["items"][0]["unit_price"] == "1.25"


def test_sums_are_checked_again_when_a_person_sets_one(store: Store, user: User) -> None:
    text = "SHOP\n12/13/2023\nBread 2.50\nMilk 1.20\nSUBTOTAL 3.70\nTOTAL EUR 3.70\nCASH 5.00\nCHANGE 1.30"
    edit = Editor(store, user, new_bill(store, user, text, seed=5))
    assert edit.fields()["consistency"] == "consistent"
    outcome = edit("set_field", name="total", value="4.70", sources=None)
    assert edit.fields()["consistency"] == "contradicted"
    assert "sums" in {warning["code"] for warning in outcome.warnings}
    edit("undo", revision=1)
    assert edit.fields()["consistency"] == "consistent"


def test_a_field_is_where_its_words_were_clicked(edit: Editor) -> None:
    place = {"page": 1, "polygon": [list(corner) for corner in box(10, 10, 50, 30)]}
    edit("set_field", name="company", value="ACME", sources=[place])
    assert edit.fields()["company"] == {"text": "ACME", "value": "ACME", "sources": [place], "confidence": 1.0}


def test_eight_tabs_that_save_at_once_lose_nothing(store: Store, user: User, bill: Bill) -> None:
    def type_lines(tab: int) -> list[Outcome]:
        editor = Editor(store, user, bill, f"tab-{tab}")
        place = box(10 + 40 * tab, 190, 40 + 40 * tab, 199)
        return [
            editor("add", line=f"n-{tab}", page=1, polygon=place, text="new", after=None),
            editor("set_text", line=f"n-{tab}", text=f"tab {tab}"),
            editor("set_text", line="p1l0", text=f"from {tab}"),
        ]

    with ThreadPoolExecutor(8) as pool:
        outcomes = [outcome for several in pool.map(type_lines, range(8)) for outcome in several]
    editor = Editor(store, user, bill)
    assert {f"tab {tab}" for tab in range(8)} <= set(editor.texts())
    refused = [conflict for outcome in outcomes for conflict in outcome.conflicts]
    assert {conflict.line for conflict in refused} <= {"p1l0"}
    assert current(store, user, bill.id).revision == 24 - len(refused)
    numbers = [entry.number for entry in revisions(store, user, bill.id)]
    assert numbers == list(range(24 - len(refused), 0, -1))


def test_a_stranger_can_neither_see_nor_edit(edit: Editor, store: Store) -> None:
    with store.database.session() as session:
        stranger = User(name="stranger")
        session.add(stranger)
    with pytest.raises(BillNotFound):
        current(store, stranger, edit.bill.id)
    with pytest.raises(BillNotFound):
        apply_operations(store, stranger, edit.bill.id, "tab", 0, [])
    with pytest.raises(BillNotFound):
        revisions(store, stranger, edit.bill.id)
