from __future__ import annotations

from typing import Any

import pytest

from billocr_assets.fields.extract import extract_fields
from billocr_assets.ocr.document import Document, Line, Page, PageQuality, Polygon, Segment, Word
from billocr_assets.store import Store
from billocr_assets.store.bills import bill_for, register_upload
from billocr_assets.store.corrections import Outcome, apply_operations, current, revisions
from billocr_assets.store.errors import BillNotFound, InvalidOperation, NotReadYet
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import Bill, User
from tests.files import encode, page
from tests.store.documents import VERSIONS

BILL = """ACME MARKET
Main Street 5
12/13/2023 10:15
Bread 2.50
Milk 1.20
TOTAL EUR 3.70"""


def printed(text: str, confidence: float = 0.8) -> Document:
    """A page with a line of print every 30 px, ten pixels a character."""
    lines = []
    for row, content in enumerate(text.splitlines()):
        y, x = 10.0 + 30 * row, 10.0
        words = []
        for word in content.split(" "):
            words.append(Word(word, box(x, y, x + 10 * len(word), y + 20), confidence))
            x += 10 * (len(word) + 1)
        area = box(10, y, x - 10, y + 20)
        lines.append(Line(content, area, confidence, row, (Segment(content, area, confidence, tuple(words)),)))
    quality = PageQuality(80.0, 150.0, 200.0, 0.5, 0, True)
    return Document((Page(1, 800, max(200, 30 * len(lines) + 40), quality, tuple(lines)),), VERSIONS, {})


def box(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


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


@pytest.mark.parametrize(
    ("op", "why"),
    [
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
        ({"kind": "set_field", "name": "total", "value": "1.2.3"}, "no amount"),
        ({"kind": "set_field", "name": "total", "value": float("nan")}, "An amount"),
        ({"kind": "set_field", "name": "date", "value": "yesterday"}, "no date"),
        ({"kind": "set_items", "items": [{"name": "a", "amount": None}]}, "Item 1"),
        ({"kind": "undo", "revision": 7}, "no revision 7"),
        ({"kind": "revert", "to": 7}, "no revision 7"),
        (None, "has a kind"),
    ],
)
def test_an_operation_that_makes_no_sense_is_named_and_nothing_of_its_request_is_applied(
    edit: Editor, store: Store, user: User, op: Any, why: str
) -> None:
    good = {"seq": 1, "op": {"kind": "set_text", "line": "p1l3", "text": "Bread 2.51"}}
    with pytest.raises(InvalidOperation, match=why) as refused:
        apply_operations(store, user, edit.bill.id, "tab", 0, [good, {"seq": 2, "op": op}])
    assert refused.value.seq == 2
    assert edit.texts() == BILL.splitlines()
    assert revisions(store, user, edit.bill.id) == []


HOSTILE = [
    "<script>alert(1)</script>",
    "'; drop table bills; --",
    "a\0b",
    "\ud800",
    "\u202eabc",
    "{{7*7}}",
    "𝔘𝔫𝔦 👩‍👩‍👧",
    "\x1b[2J",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(edit: Editor, text: str) -> None:
    edit("set_text", line="p1l0", text=text)
    kept = edit.line("p1l0")["text"]
    assert kept == "".join(c for c in text if c not in "\0\ud800\x1b")
    edit("set_field", name="company", value=text, sources=None)
    assert (edit.fields()["company"] or {"value": ""})["value"] == kept


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
