"""What people correct on a bill: numbered operations, append-only revisions, and the state that they add up to.

A revision holds the operation and the steps that take it back, so undo, revert and the state at any moment need nothing
else. A later reading is a new machine layer and never changes a correction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from billocr_assets.fields.extract import extract_fields
from billocr_assets.fields.model import Fields
from billocr_assets.fields.totals import Sums, check
from billocr_assets.fields.warnings import find_warnings
from billocr_assets.ocr.document import Document
from billocr_assets.store.bills import find_bill, summarise
from billocr_assets.store.editing import (
    Gone,
    Plain,
    Senseless,
    Sheet,
    parse_operation,
    touched,
    with_ids,
)
from billocr_assets.store.errors import InvalidOperation, NotReadYet
from billocr_assets.store.field_edits import field_step, items_step
from billocr_assets.store.layers import adoption, differences
from billocr_assets.store.review import renew_claim, review_value
from billocr_assets.store.schema import Bill, Correction, MachineResult, Revision, User, new_id, now
from billocr_assets.store.store import Store
from billocr_assets.store.webhooks import announce

MAX_OPERATIONS = 1000
_CLIENT = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What an operation is about: ("line", its id) or ("field", its name).
_Target = tuple[str, str]

# What every edit asks, put together once: that takes longer than the answer.
_STATE = select(Correction.result_id, Correction.document, Correction.fields).where(
    Correction.bill_id == bindparam("bill")
)
_ACKNOWLEDGED = select(func.max(Revision.seq)).where(
    Revision.bill_id == bindparam("bill"), Revision.client_id == bindparam("client")
)

_SAVE = update(Correction).where(Correction.bill_id == bindparam("bill"))


@dataclass(frozen=True, slots=True)
class Conflict:
    """An operation that was not applied, since somebody else changed the same thing, or it is gone.

    Attributes:
        line, field: what it is about; one of them.
        theirs: the line or the field's value as it is now; None where it is gone.
        author: who changed it; None where that is not known.
        revision: of the change; the newest where no other client's revision stands in the way.
    """

    seq: int
    line: str | None
    field: str | None
    theirs: Plain | None
    author: str | None
    revision: int

    def to_dict(self) -> Plain:
        plain = asdict(self)
        return {name: value for name, value in plain.items() if name not in ("line", "field") or value is not None}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of operations.

    Attributes:
        revision: of the bill now.
        acknowledged: the highest number of this client that needs no sending again.
        revisions: number of each operation that stands to the revision it became.
        lines: as they are now, of those that were changed or added, each with ``page`` and ``after``.
        removed: ids of lines that went.
        fields: None where they stayed as they were.
    """

    revision: int
    acknowledged: int
    revisions: dict[int, int]
    conflicts: tuple[Conflict, ...]
    lines: tuple[Plain, ...]
    removed: tuple[str, ...]
    fields: Plain | None
    warnings: tuple[Plain, ...]

    def to_dict(self) -> Plain:
        return {
            "revision": self.revision,
            "acknowledged": self.acknowledged,
            "revisions": self.revisions,
            "conflicts": [conflict.to_dict() for conflict in self.conflicts],
            "lines": list(self.lines),
            "removed": list(self.removed),
            "fields": self.fields,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class Current:
    """A bill as it is now: the newest machine layer, or what people have made of one.

    Attributes:
        revision: 0 while nobody has corrected anything.
        result: id of the machine layer that the corrections stand on.
        data: ``Document.to_dict()`` with ``id`` and ``checked`` in every line.
        fields: ``Fields.to_dict()`` with ``corrected``, the names of fields that a person has set.
        machine_newer: a later reading that says something else (``result``, ``read_at``, ``models``) and where
            (``lines``, see :class:`~billocr_assets.store.layers.Difference`); None without one.
    """

    revision: int
    result: int
    data: Plain
    fields: Plain
    warnings: tuple[Plain, ...]
    machine_newer: Plain | None

    @property
    def document(self) -> Document:
        return Document.from_dict(self.data)

    def to_dict(self) -> Plain:
        return {
            "revision": self.revision,
            "result": self.result,
            "pages": self.data["pages"],
            "fields": self.fields,
            "warnings": list(self.warnings),
            "machine_newer": self.machine_newer,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a bill's history.

    Attributes:
        author: None for somebody who has left.
        changes: of each line and field that it touched, what it said ``before`` and ``after``; None where there was no
            such line, or where the machine had found the field's value.
    """

    number: int
    author: str | None
    at: datetime
    operation: Plain
    lines: tuple[str, ...]
    fields: tuple[str, ...]
    changes: tuple[Plain, ...]


def current(store: Store, user: User, bill_id: str) -> Current:
    """The bill as it is now.

    Raises:
        NotReadYet: no reading has ended.
    """
    with store.database.reading() as session:
        bill = find_bill(session, user, bill_id)
        result_id, data, fields = _state(session, bill)
        newer = _newer(session, bill, result_id)
    offered = [each.to_dict() for each in differences(data, newer.document, newer.id)] if newer else []
    return Current(
        revision=bill.revision,
        result=result_id,
        data=data,
        fields=fields,
        warnings=_warnings(Document.from_dict(data), Fields.from_dict(fields), fields["corrected"]),
        machine_newer={
            "result": newer.id,
            "read_at": newer.created_at.isoformat(),
            "models": newer.models,
            "lines": offered,
        }
        if newer and offered
        else None,
    )


def revisions(store: Store, user: User, bill_id: str, before: int | None = None, limit: int = 100) -> list[Entry]:
    """The bill's history, newest first.

    Args:
        before: only revisions with a lower number.
    """
    with store.database.reading() as session:
        bill = find_bill(session, user, bill_id)
        if not bill.revision:
            return []
        _, document, fields = _state(session, bill)
        query = select(Revision, User.name).outerjoin(User, User.id == Revision.author_id)
        query = query.where(Revision.bill_id == bill.id).order_by(Revision.number.desc())
        rows = session.execute(query.limit(limit + (max(0, bill.revision - before + 1) if before else 0))).all()
    # What a revision made of something is what the next one found, or what is there now.
    said: dict[_Target, str | None] = {("field", name): _said(fields[name]) for name in fields["corrected"]}
    said |= {("line", line["id"]): line["text"] for page in document["pages"] for line in page["lines"]}
    entries = []
    for revision, author in rows:
        entry = _entry(revision, author, said)
        if before is None or revision.number < before:
            entries.append(entry)
    return entries


def _entry(revision: Revision, author: str | None, said: dict[_Target, str | None]) -> Entry:
    """The entry of a revision; ``said`` goes from what there was after it to what there was before."""
    changes: dict[_Target, Plain] = {}
    for step in revision.inverse["steps"]:
        (target,) = touched([step])
        kind, name = target
        after = changes[target]["after"] if target in changes else said.get(target)
        said[target] = (
            _said(step.get("value")) if kind == "field" else step["line"]["text"] if step["do"] != "remove" else None
        )
        changes[target] = {kind: name, "before": said[target], "after": after}
    lines, names = (tuple(sorted(name for kind, name in changes if kind == of)) for of in ("line", "field"))
    told = tuple(change for change in changes.values() if change["before"] != change["after"])
    return Entry(revision.number, author, revision.created_at, revision.operation, lines, names, told)


def _said(value: Any) -> str | None:
    """A field's value as a person would say it."""
    if isinstance(value, list):
        parts = [(each.get("name"), each["amount"]) for each in value if isinstance(each, dict)]
        return " · ".join(f"{name or ''} {_said(amount)}".strip() for name, amount in parts) or None
    if isinstance(value, dict):
        return _said(value.get("value"))
    return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one line or one field between two revisions, and who changed it last.

    Attributes:
        line, field: one of them.
        before, after: a line's text, or the value that people gave a field; None where there was none.
        moved: the line stands elsewhere.
    """

    line: str | None
    field: str | None
    before: str | None
    after: str | None
    moved: bool
    revision: int
    author: str | None
    at: datetime


def difference(store: Store, user: User, bill_id: str, a: int, b: int) -> list[Change]:
    """What changed from revision ``a`` to the later ``b``, down the pages, fields at the end; 0 is the machine's layer.

    Raises:
        InvalidOperation: there is no such revision, or ``b`` is the earlier one.
    """
    with store.database.reading() as session:
        bill = find_bill(session, user, bill_id)
        if not 0 <= a <= b <= bill.revision:
            raise InvalidOperation(None, f"The bill has the revisions 0 to {bill.revision}, compared upwards.")
        _, data, fields = _state(session, bill)
        sheet = Sheet(data, fields)
        last: dict[_Target, Revision] = {}
        after = _snapshot(sheet) if b == bill.revision else None
        for revision in _backwards(session, bill, a):
            if revision.number == b:
                after = _snapshot(sheet)
            if revision.number <= b:
                for target in touched(revision.inverse["steps"]):
                    last.setdefault(target, revision)
            sheet.run(revision.inverse["steps"])
        before = _snapshot(sheet)
        after = before if after is None else after
        authors = select(User.id, User.name).where(User.id.in_({row.author_id for row in last.values()}))
        names = {row.id: row.name for row in session.execute(authors)}
    changes = []
    for kind, name in [*after, *(target for target in before if target not in after)]:
        target = (kind, name)
        old, new = before.get(target, (None, None)), after.get(target, (None, None))
        if old != new and (row := last.get(target)):
            changes.append(
                Change(
                    line=name if kind == "line" else None,
                    field=name if kind == "field" else None,
                    before=old[0],
                    after=new[0],
                    moved=old[1] != new[1] and None not in (old[1], new[1]),
                    revision=row.number,
                    author=names.get(row.author_id or 0),
                    at=row.created_at,
                )
            )
    return sorted(changes, key=lambda change: change.line is None)


def _snapshot(sheet: Sheet) -> dict[_Target, tuple[str | None, Any]]:
    """Text and place of every line, and the values of the fields that people have set."""
    lines = {
        ("line", line["id"]): (line["text"], line["polygon"]) for page in sheet.pages.values() for line in page["lines"]
    }
    return {**lines, **{("field", name): (_said(sheet.fields[name]), None) for name in sheet.fields["corrected"]}}


def adopt_machine(store: Store, user: User, bill_id: str, lines: Sequence[str] | Literal["all"]) -> Outcome:
    """Take the newer machine layer's side for some lines, as a revision of its own.

    Args:
        lines: as ``machine_newer`` names them; those that do not differ are passed over.
    """
    return _decide(store, user, bill_id, lines)


def keep_corrections(store: Store, user: User, bill_id: str) -> Outcome:
    """Leave everything as people have made it; the newer machine layer is offered no more."""
    return _decide(store, user, bill_id, None)


def _decide(store: Store, user: User, bill_id: str, lines: Sequence[str] | Literal["all"] | None) -> Outcome:
    with store.database.session() as session:
        bill = find_bill(session, user, bill_id, "edit", lock=True)
        editing = _Editing(session, bill, user, new_id())
        newer = _newer(session, bill, editing.result_id)
        if newer is None:
            return editing.finish(0)
        if lines is None:
            session.execute(update(Correction).where(Correction.bill_id == bill.id).values(seen_id=newer.id))
            return editing.finish(0)
        found = differences(editing.sheet.document, newer.document, newer.id)
        chosen = [each for each in found if lines == "all" or each.line in lines]
        back: list[Plain] = []
        for each in chosen:  # one by one: where a line is added depends on those before it
            back = editing.sheet.run([adoption(each, editing.sheet.pages[each.page])]) + back
        if chosen:
            editing.record(0, {"kind": "adopt", "result": newer.id, "lines": [each.line for each in chosen]}, back)
        return editing.finish(0)


def _newer(session: Session, bill: Bill, result: int) -> MachineResult | None:
    """The newest machine layer, if it is newer than the one that corrections stand on and was not declined."""
    if not bill.revision:
        return None
    seen = session.scalar(select(Correction.seen_id).where(Correction.bill_id == bill.id)) or 0
    query = select(MachineResult).where(MachineResult.bill_id == bill.id, MachineResult.id > max(result, seen))
    return session.scalar(query.order_by(MachineResult.id.desc()).limit(1))


def apply_operations(
    store: Store,
    user: User,
    bill_id: str,
    client_id: str,
    base: int,
    operations: Sequence[Plain],
    result: int | None = None,
) -> Outcome:
    """Apply a client's operations in their order, once each.

    Args:
        client_id: of the editor that made them; it numbers its operations upwards.
        base: the last revision that this editor has seen.
        operations: ``{"seq": number, "op": {"kind": …}}``.
        result: the machine layer that the editor shows; the newest if None. A bill that has no corrections yet may have
            been read again meanwhile, and then corrections stand on the layer that the person saw.

    Raises:
        InvalidOperation: one of them makes no sense; none is applied.
        NotReadYet: no reading has ended.
    """
    parsed = _parsed(client_id, base, operations)
    with store.database.session() as session:
        bill = find_bill(session, user, bill_id, "edit", lock=True)
        return _Editing(session, bill, user, client_id, result).apply(base, parsed)


def _parsed(client_id: str, base: int, operations: Sequence[Plain]) -> list[tuple[int, Plain]]:
    if not isinstance(client_id, str) or not _CLIENT.fullmatch(client_id):
        raise InvalidOperation(None, "“client_id” is 1 to 64 letters, digits or dashes.")
    if type(base) is not int or base < 0:
        raise InvalidOperation(None, "“base” is the number of a revision.")
    if len(operations) > MAX_OPERATIONS:
        raise InvalidOperation(None, f"At most {MAX_OPERATIONS} operations can be sent at once.")
    parsed: list[tuple[int, Plain]] = []
    for each in operations:
        seq = each.get("seq") if isinstance(each, dict) else None
        if type(seq) is not int or not 0 <= seq < 2**31:
            raise InvalidOperation(None, "Every operation has a number “seq”.")
        if parsed and seq <= parsed[-1][0]:
            raise InvalidOperation(seq, "The numbers of operations rise.")
        try:
            parsed.append((seq, parse_operation(each.get("op"))))
        except Senseless as reason:
            raise InvalidOperation(seq, str(reason)) from reason
    return parsed


class _Refused(Exception):
    """The operation stays out: somebody else has changed the same thing in ``revision``, or it is gone."""

    def __init__(self, target: _Target | None, revision: Revision | None = None) -> None:
        super().__init__(target)
        self.target, self.revision = target, revision


class _Editing:
    """A bill, locked, while operations are applied to it in one transaction."""

    def __init__(self, session: Session, bill: Bill, user: User, client_id: str, result: int | None = None) -> None:
        self.session, self.bill, self.user, self.client_id = session, bill, user, client_id
        self.result_id, data, fields = _state(session, bill, result)
        # The editor shows the lines of another layer, whose ids name other lines here.
        self.foreign = result is not None and result != self.result_id
        self.before = bill.revision
        self.fields_before = dict(fields)
        self.sheet = Sheet(data, fields)
        self.numbers: dict[int, int] = {}

    def apply(self, base: int, operations: list[tuple[int, Plain]]) -> Outcome:
        if base > self.before:
            raise InvalidOperation(None, f"The bill has no revision {base}. Please load it again.")
        acknowledged = self.session.scalar(_ACKNOWLEDGED, {"bill": self.bill.id, "client": self.client_id}) or 0
        done = self._done(seq for seq, _ in operations if seq <= acknowledged)
        others = self._others_after(base)
        conflicts = []
        for seq, op in operations:
            if seq in done:
                if done[seq].operation != op:
                    raise InvalidOperation(seq, "This number has been used for another edit.")
                self.numbers[seq] = done[seq].number
                continue
            try:
                targets = self._targets(op)
                # A number that was passed over was refused the first time, and its sender may not have heard of it.
                if self.foreign or seq < acknowledged:
                    raise _Refused(next(iter(targets), None))
                for target in targets:
                    if target in others:
                        raise _Refused(target, others[target])
                self.record(seq, op, self.sheet.run(self._steps(op)))
            except Senseless as reason:
                raise InvalidOperation(seq, str(reason)) from reason
            except Gone as gone:
                conflicts.append(self._conflict(seq, _Refused(("line", gone.line), others.get(("line", gone.line)))))
            except _Refused as refused:
                conflicts.append(self._conflict(seq, refused))
        return self.finish(max([acknowledged, *(seq for seq, _ in operations)]), conflicts)

    def _done(self, seqs: Iterable[int]) -> dict[int, Revision]:
        """Those of this client's numbers that have become revisions."""
        sent = list(seqs)
        if not sent:
            return {}
        query = select(Revision).where(Revision.bill_id == self.bill.id, Revision.client_id == self.client_id)
        return {row.seq: row for row in self.session.scalars(query.where(Revision.seq.in_(sent)))}

    def _others_after(self, number: int) -> dict[_Target, Revision]:
        """What other clients have changed since, each with its last change."""
        if number == self.bill.revision:
            return {}
        query = select(Revision).where(
            Revision.bill_id == self.bill.id, Revision.number > number, Revision.client_id != self.client_id
        )
        rows = self.session.scalars(query.order_by(Revision.number))
        return {target: row for row in rows for target in touched(row.inverse["steps"])}

    def _targets(self, op: Plain) -> list[_Target]:
        """What an operation is about."""
        match op["kind"]:
            case "set_field":
                return [("field", str(op["name"]))]
            case "set_items":
                return [("field", "items")]
            case "add":
                return []
            case "undo":
                revision = self._revision(op["revision"])
                targets = sorted(touched(revision.inverse["steps"]))
                since = self._others_after(revision.number)
                for target in targets:
                    if target in since:
                        raise _Refused(target, since[target])
                return targets
            case "revert":
                return sorted(touched(self._steps(op)))
        return [("line", op[name]) for name in ("line", "with") if name in op]

    def _steps(self, op: Plain) -> list[Plain]:
        """The steps that an operation takes."""
        match op["kind"]:
            case "set_field":
                return [field_step(self.sheet, op["name"], op["value"], op["sources"])]
            case "set_items":
                return [items_step(self.sheet, op["items"])]
            case "undo":
                return self._revision(op["revision"]).inverse["steps"]
            case "revert" if op["to"] > self.bill.revision:
                raise Senseless(f"There is no revision {op['to']} to go back to.")
            case "revert":
                back = _backwards(self.session, self.bill, op["to"])
                return [step for revision in back for step in revision.inverse["steps"]]
        steps: list[Plain] = getattr(self.sheet, op["kind"])(op)
        return steps

    def _revision(self, number: int) -> Revision:
        query = select(Revision).where(Revision.bill_id == self.bill.id, Revision.number == number)
        revision = self.session.scalar(query)
        if revision is None:
            raise Senseless(f"There is no revision {number} to undo.")
        return revision

    def record(self, seq: int, op: Plain, back: list[Plain]) -> None:
        """Add a revision for what has just been done."""
        self.bill.revision += 1
        self.numbers[seq] = self.bill.revision
        revision = Revision(
            bill_id=self.bill.id,
            number=self.bill.revision,
            client_id=self.client_id,
            seq=seq,
            author_id=self.user.id,
            result_id=self.result_id,
            operation=op,
            inverse={"steps": back},
        )
        self.session.add(revision)

    def finish(self, acknowledged: int, conflicts: Sequence[Conflict] = ()) -> Outcome:
        """Save what was done, and say what came of it."""
        sheet = self.sheet
        document = Document.from_dict(sheet.document)
        if self.bill.revision != self.before:
            sheet.fields, fields = _brought_up(document, sheet.fields, sheet.stale)
            self._save(document)
        else:
            fields = Fields.from_dict(sheet.fields)
        places = {
            line["id"]: {**line, "page": page["number"], "after": before and before["id"]}
            for page in sheet.document["pages"]
            for before, line in zip([None, *page["lines"]], page["lines"], strict=False)
            if line["id"] in sheet.changed
        }
        return Outcome(
            revision=self.bill.revision,
            acknowledged=acknowledged,
            revisions=self.numbers,
            conflicts=tuple(conflicts),
            lines=tuple(places.values()),
            removed=tuple(sorted(sheet.removed)),
            fields=sheet.fields if sheet.fields != self.fields_before else None,
            warnings=_warnings(document, fields, sheet.fields["corrected"]),
        )

    def _save(self, document: Document) -> None:
        text = document.text
        values = {
            "revision": self.bill.revision,
            "document": self.sheet.document,
            "fields": self.sheet.fields,
            "text": text,
            "updated_at": now(),
        }
        summarise(self.bill, self.sheet.fields, text)
        self.bill.review_value = review_value(self.sheet.document, self.sheet.fields)
        renew_claim(self.bill, self.user)
        announce(self.session, self.bill, "bill.corrected")
        if self.before:
            self.session.connection().execute(_SAVE, {"bill": self.bill.id, **values})
        else:
            self.session.execute(insert(Correction).values(bill_id=self.bill.id, result_id=self.result_id, **values))

    def _conflict(self, seq: int, refused: _Refused) -> Conflict:
        kind, name = refused.target or ("", "")
        author = (
            self.session.get(User, refused.revision.author_id)
            if refused.revision and refused.revision.author_id
            else None
        )
        return Conflict(
            seq=seq,
            line=name if kind == "line" else None,
            field=name if kind == "field" else None,
            theirs=self.sheet.find(name)
            if kind == "line"
            else self.sheet.fields.get(name)
            if kind == "field"
            else None,
            author=author.name if author else None,
            revision=refused.revision.number if refused.revision else self.bill.revision,
        )


def _state(session: Session, bill: Bill, result: int | None = None) -> tuple[int, Plain, Plain]:
    """The layer that a bill's corrections stand on, its document with ids, and its fields.

    Args:
        result: the layer to begin with where there are no corrections yet; the newest if None.
    """
    if bill.revision:
        row = session.execute(_STATE, {"bill": bill.id}).one()
        return row.result_id, row.document, row.fields
    layers = select(MachineResult.id, MachineResult.document, MachineResult.fields)
    layers = layers.where(MachineResult.bill_id == bill.id).order_by(MachineResult.id.desc()).limit(1)
    layer = session.execute(layers.where(MachineResult.id == result) if result is not None else layers).one_or_none()
    if layer is None and result is not None:
        raise InvalidOperation(None, "The bill has no such reading. Please load it again.")
    if layer is None:
        raise NotReadYet
    fields = layer.fields or extract_fields(Document.from_dict(layer.document)).to_dict()
    return layer.id, with_ids(layer.document), {**fields, "corrected": []}


def _backwards(session: Session, bill: Bill, to: int) -> Sequence[Revision]:
    """The revisions after ``to``, the newest first."""
    query = select(Revision).where(Revision.bill_id == bill.id, Revision.number > to)
    return session.scalars(query.order_by(Revision.number.desc())).all()


def _brought_up(document: Document, fields: Plain, stale: bool) -> tuple[Plain, Fields]:
    """Fields after an edit: those that a person has set, all others from the text, and the sums over both."""
    corrected = fields["corrected"]
    if stale:
        extracted = extract_fields(document)
        if not corrected:
            return {**extracted.to_dict(), "corrected": []}, extracted
        fields = {**extracted.to_dict(), **{name: fields[name] for name in corrected}}
    parsed = Fields.from_dict(fields)
    if not corrected:
        return fields, parsed
    items = sum((item.amount for item in parsed.items), Decimal(0)) if parsed.items else None
    sums = Sums(
        total=parsed.total,
        corrected=parsed.consistency == "corrected" and "total" not in corrected,
        subtotal=parsed.subtotal,
        taxes=parsed.taxes,
        rounding=parsed.rounding,
        discount=parsed.discount,
        service=parsed.service,
        payments=parsed.payments,
        change=parsed.change,
    )
    consistency, checks = check(sums, items)
    parsed = replace(parsed, consistency=consistency, checks=checks)
    return {**parsed.to_dict(), "corrected": corrected}, parsed


def _warnings(document: Document, fields: Fields, corrected: Sequence[str]) -> tuple[Plain, ...]:
    return tuple(asdict(warning) for warning in find_warnings(fields, document, now().date(), corrected))
