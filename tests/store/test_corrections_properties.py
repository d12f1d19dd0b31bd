"""Whatever people do, in whatever order: undoing gives back what was, repeating does nothing, nobody loses an edit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billocr_assets.fields.extract import extract_fields
from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import local_user
from billocr_assets.store.corrections import Outcome, apply_operations, current
from billocr_assets.store.editing import clean_text
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import Attempt, Bill, User, new_id
from tests.store.documents import box, printed

BILL = "ACME MARKET\nMain Street 5\n12/13/2023 10:15\nBread fresh 2.50\nMilk 1.20\nTOTAL EUR 3.70"

# One database for all examples of a test; every example has a bill of its own.
examples = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(sqlite_url: str, tmp_path: Any) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path / "home", database_url=sqlite_url))
    yield store
    store.database.engine.dispose()


def new_bill(store: Store, user: User) -> str:
    facts = {"sha256": "0" * 64, "name": "a", "media_type": "image/png", "bytes": 1, "pages": 1, "search": "a"}
    bill_id = new_id()
    with store.database.session() as session:
        session.add(Bill(id=bill_id, owner_id=user.id, **facts))
        session.flush()
        session.add(Attempt(bill_id=bill_id, number=1, origin="upload"))
    document = printed(BILL)
    attempt = begin_reading(store, [bill_id], bill_id, "upload")[bill_id]
    assert publish_result(store, attempt, document, extract_fields(document).to_dict())
    return bill_id


texts = st.one_of(
    st.sampled_from(["TOTAL EUR 9.99", "", "Brot 3,50", "01/02/2024", "a b c d e f", "Subtotal 3.00"]),
    st.text(max_size=30),
)
places = st.tuples(st.integers(0, 700), st.integers(0, 180), st.integers(5, 100), st.integers(4, 20))
KINDS = ("set_text", "accept", "split", "join", "add", "shape", "delete", "set_field", "set_items", "undo", "revert")
moves = st.tuples(st.sampled_from(KINDS), st.integers(0, 999), st.integers(0, 999), texts, places)
VALUES = {"total": "12.50", "date": "2024-05-13", "company": "Shop", "currency": "CZK", "taxes": None, "time": None}


def operation(move: Any, lines: list[dict[str, Any]], revision: int, number: int) -> dict[str, Any] | None:
    """A move as an operation that the bill allows as it is now, or None."""
    kind, a, b, text, (x, y, width, height) = move
    line = lines[a % len(lines)] if lines else None
    area = box(x, y, x + width, y + height)
    if kind == "add":
        return {"kind": kind, "line": f"n-{number}", "page": 1, "polygon": area, "text": text, "after": None}
    if kind == "set_field":
        name = list(VALUES)[a % len(VALUES)]
        return {"kind": kind, "name": name, "value": VALUES[name], "sources": None}
    if kind == "set_items":
        return {"kind": kind, "items": [{"name": text, "amount": str(b)}]}
    if kind == "undo":
        return {"kind": kind, "revision": revision - a % 2} if revision > a % 2 else None
    if kind == "revert":
        return {"kind": kind, "to": a % (revision + 1)}
    if line is None:
        return None
    if kind == "split":
        at = 1 + b % max(1, len(line["text"]) - 1)
        return {"kind": kind, "line": line["id"], "at": at, "new": f"n-{number}"} if len(line["text"]) > 1 else None
    if kind == "join":
        other = lines[b % len(lines)]
        return {"kind": kind, "line": line["id"], "with": other["id"]} if other is not line else None
    return {"kind": kind, "line": line["id"], "text": text, "polygon": area}


def seen(store: Store, user: User, bill: str) -> tuple[Any, Any]:
    state = current(store, user, bill)
    return state.data, state.fields


@examples
@given(st.lists(moves, max_size=12))
def test_undoing_everything_gives_back_the_bill_as_it_was_read(store: Store, moves: list[Any]) -> None:
    user = local_user(store)
    bill = new_bill(store, user)
    states = [seen(store, user, bill)]
    seq = 0

    def send(op: dict[str, Any]) -> Outcome:
        nonlocal seq
        seq += 1
        return apply_operations(store, user, bill, "tab", len(states) - 1, [{"seq": seq, "op": op}])

    for number, move in enumerate(moves):
        op = operation(move, states[-1][0]["pages"][0]["lines"], len(states) - 1, number)
        if op is None:
            continue
        outcome = send(op)
        if not outcome.conflicts:  # an undo whose line has changed since its revision may have become impossible
            states.append(seen(store, user, bill))
        data, _ = seen(store, user, bill)
        rows = {line["row"] for line in data["pages"][0]["lines"]}
        assert rows == set(range(len(rows)))
        for line in data["pages"][0]["lines"]:
            words = [word["text"] for segment in line["segments"] for word in segment["words"]]
            assert line["text"] == " ".join(words) == clean_text(line["text"])
    done = len(states) - 1
    for revision in range(done, 0, -1):
        outcome = send({"kind": "undo", "revision": revision})
        assert not outcome.conflicts
        states.append(seen(store, user, bill))
        assert states[-1] == states[revision - 1]
    send({"kind": "revert", "to": done})
    assert seen(store, user, bill) == states[done]


@examples
@given(st.lists(moves, min_size=1, max_size=8))
def test_a_request_that_is_sent_again_changes_nothing(store: Store, moves: list[Any]) -> None:
    user = local_user(store)
    bill = new_bill(store, user)
    lines = current(store, user, bill).data["pages"][0]["lines"]
    # None of them depends on what the others make of the bill.
    ops = [operation(move, lines, 0, number) for number, move in enumerate(moves) if move[0] not in ("split", "join")]
    request = [{"seq": 3 * number, "op": op} for number, op in enumerate(ops) if op]
    first = apply_operations(store, user, bill, "tab", 0, request)
    state = current(store, user, bill)
    for part in (request, request[:1], request[-1:], request):
        again = apply_operations(store, user, bill, "tab", 0, part)
        assert again.revision == first.revision
        assert again.acknowledged >= max((each["seq"] for each in part), default=0)
        assert {conflict.seq for conflict in again.conflicts} <= {conflict.seq for conflict in first.conflicts}
        assert current(store, user, bill) == state


tabs = st.lists(
    st.tuples(
        st.sampled_from(["tab-1", "tab-2"]),
        st.sampled_from(["p1l0", "p1l1", "p1l2"]),
        st.sampled_from(["write", "delete", "load", "repeat"]),
    ),
    max_size=30,
)


@examples
@given(tabs)
def test_two_tabs_lose_no_acknowledged_edit_and_overwrite_none_that_they_have_not_seen(
    store: Store, steps: list[Any]
) -> None:
    user = local_user(store)
    bill = new_bill(store, user)
    content = dict(zip(("p1l0", "p1l1", "p1l2"), BILL.splitlines(), strict=False))
    changed: dict[str, tuple[int, str]] = {}
    base, sent = {"tab-1": 0, "tab-2": 0}, {"tab-1": 0, "tab-2": 0}
    last: dict[str, list[dict[str, Any]]] = {}
    revision = 0
    for number, (tab, line, what) in enumerate(steps):
        if what == "load":
            base[tab] = revision
            continue
        if what == "repeat":
            if tab in last:
                outcome = apply_operations(store, user, bill, tab, base[tab], last[tab])
                assert outcome.revision == revision
            continue
        sent[tab] += 1
        op = {"kind": "delete" if what == "delete" else "set_text", "line": line, "text": f"{number}"}
        last[tab] = [{"seq": sent[tab], "op": op}]
        outcome = apply_operations(store, user, bill, tab, base[tab], last[tab])
        at, by = changed.get(line, (0, tab))
        refused = line not in content or (by != tab and at > base[tab])
        assert [conflict.line for conflict in outcome.conflicts] == [line] * refused
        assert outcome.acknowledged == sent[tab]
        if not refused:
            revision += 1
            changed[line] = revision, tab
            if what == "delete":
                del content[line]
            else:
                content[line] = str(number)
        assert outcome.revision == revision
    kept = {line["id"]: line["text"] for line in current(store, user, bill).data["pages"][0]["lines"]}
    assert {line: kept[line] for line in kept if line in ("p1l0", "p1l1", "p1l2")} == content
