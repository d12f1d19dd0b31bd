"""What a person does with bills: one function each, called by UI, command line and API alike.

A bill that one may not see does not exist: every function takes the user and raises :class:`BillNotFound` for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from billocr_assets.ocr import pages
from billocr_assets.store import quotas
from billocr_assets.store.errors import BadCursor, BadFilter, BillNotFound, DuplicateUpload, NotAllowed, TooLarge
from billocr_assets.store.schema import (
    Attempt,
    AuditEvent,
    Bill,
    BillStatus,
    Grant,
    GroupMember,
    MachineResult,
    ReviewState,
    User,
    new_id,
)
from billocr_assets.store.store import Store

Level = Literal["view", "edit", "own"]
Whose = Literal["all", "own", "shared"]
Order = Literal["-created", "created", "-billed_on", "billed_on", "-total", "total", "-merchant", "merchant"]

_LEVELS: dict[str, int] = {level: rank for rank, level in enumerate(get_args(Level))}
_SORTED_BY: dict[str, ColumnElement[Any] | InstrumentedAttribute[Any]] = {
    "created": Bill.number,
    "billed_on": Bill.billed_on,
    "total": Bill.total_cents,
    "merchant": func.lower(Bill.merchant),
}

# The user's own and those shared with them apart: for either alone an index gives the order and the counts.
_PARTS: tuple[Whose, ...] = ("own", "shared")


@dataclass(frozen=True, slots=True)
class BillFilter:
    """Which bills are wanted. What is left out does not matter.

    Attributes:
        search: every word must occur in the bill's name, merchant or newest text, in any case.
        billed_from, billed_to: the date printed on the bill, both ends included.
        total_from, total_to: its total in its own currency, both ends included.
        whose: the user's own, those that others share with them, or both.
        trash: those in the user's trash instead of all others.
    """

    search: str = ""
    status: BillStatus | None = None
    review: ReviewState | None = None
    billed_from: date | None = None
    billed_to: date | None = None
    total_from: Decimal | None = None
    total_to: Decimal | None = None
    whose: Whose = "all"
    trash: bool = False

    def to_dict(self) -> dict[str, Any]:
        """What is not left out, as plain JSON."""
        plain = {name: value for name, value in asdict(self).items() if value not in (None, "") and value is not False}
        return {name: value if isinstance(value, str | bool) else str(value) for name, value in plain.items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BillFilter:
        """The inverse of :meth:`to_dict`.

        Raises:
            BadFilter: a name that there is not, or a value that it cannot have.
        """
        words = {"status": get_args(BillStatus), "review": get_args(ReviewState), "whose": get_args(Whose)}
        values: dict[str, Any] = {}
        for name, value in data.items():
            try:
                match name:
                    case "search" if isinstance(value, str) and len(value) <= 500:
                        values[name] = value
                    case "trash" if isinstance(value, bool):
                        values[name] = value
                    case "status" | "review" | "whose" if value in words[name]:
                        values[name] = value
                    case "billed_from" | "billed_to":
                        values[name] = date.fromisoformat(value)
                    case "total_from" | "total_to" if isinstance(value, str) and abs(amount := Decimal(value)) < 10**15:
                        values[name] = amount
                    case _:
                        raise BadFilter(name)
            except (ValueError, TypeError, InvalidOperation) as error:
                raise BadFilter(name) from error
        return cls(**values)


@dataclass(frozen=True, slots=True)
class BillList:
    """A slice of the bills.

    Attributes:
        bills: the slice.
        total: how many bills match.
        counts: status to how many match the filter, whatever status was asked for.
        cursor: where the next slice begins; None at the end.
    """

    bills: list[Bill]
    total: int
    counts: dict[str, int]
    cursor: str | None


def local_user(store: Store) -> User:
    """The one user who owns everything until accounts arrive."""
    query = select(User).where(User.kind == "local")
    with store.database.reading() as session:
        if user := session.scalar(query):
            return user
    with store.database.session() as session:
        store.database.in_order(session)
        user = session.scalar(query)
        if user is None:
            user = User(name="local", kind="local", role="admin")
            session.add(user)
        return user


def register_upload(store: Store, user: User, name: str, data: bytes, keep_duplicate: bool = False) -> Bill:
    """Take in a file: check it, keep its bytes, and ask for its reading.

    Args:
        name: as the person knows the file; only shown, never a path.
        keep_duplicate: accept bytes that the user has uploaded before.

    Raises:
        UploadRefused: the file cannot be read; the subclass says why. Nothing is stored.
        DuplicateUpload: the user has uploaded these bytes before. Nothing is stored.
        QuotaExceeded: the user's plan leaves no room for it. Nothing is stored.
    """
    door = store.settings
    if len(data) > door.max_upload_mb * 2**20:
        raise TooLarge(len(data), door.max_upload_mb)
    media_type, sizes = pages.inspect(data, door.max_megapixels * 1_000_000, door.max_pages)
    name = clean_name(name)
    sha256 = hashlib.sha256(data).hexdigest()
    with store.database.reading() as session:  # before the costly part; decided below
        if not keep_duplicate:
            _refuse_duplicate(session, user, sha256)
        quotas.check(session, user, len(data), len(sizes))
    # Only decoding tells whether the file is whole.
    pages.load_pages(data, max_side=256, max_pixels=door.max_megapixels * 1_000_000, max_pages=door.max_pages)

    bill = Bill(
        id=new_id(),
        owner_id=user.id,
        sha256=sha256,
        name=name,
        media_type=media_type,
        bytes=len(data),
        pages=len(sizes),
        search=fold(name),
    )
    # The object first: a bill in the database always has its bytes.
    store.objects.write(upload_key(bill.id), data)
    try:
        with store.database.session() as session:
            store.database.in_order(session)
            if not keep_duplicate:
                _refuse_duplicate(session, user, sha256)
            quotas.reserve(session, user, bill.id, bill.bytes)
            session.add(bill)
            session.flush()
            session.add(Attempt(bill_id=bill.id, number=1, origin="upload"))
            session.add(AuditEvent(who=user.id, what="upload", bill=bill.id, detail={"name": name, "sha256": sha256}))
    except BaseException:
        store.objects.delete(upload_key(bill.id))
        raise
    return bill


def _refuse_duplicate(session: Session, user: User, sha256: str) -> None:
    # A twin in the trash is on its way out and blocks nothing.
    query = select(Bill).where(Bill.owner_id == user.id, Bill.sha256 == sha256, Bill.trashed_at.is_(None))
    if existing := session.scalar(query.order_by(Bill.number).limit(1)):
        raise DuplicateUpload(existing.id, existing.name)


def bill_for(store: Store, user: User, bill_id: str, level: Level = "view", trash: bool | None = False) -> Bill:
    """A bill that the user may see; see :func:`find_bill`."""
    with store.database.reading() as session:
        return find_bill(session, user, bill_id, level, trash=trash)


def bill_and_level(store: Store, user: User, bill_id: str) -> tuple[Bill, Level]:
    """A bill and the most that the user may do with it: see it, edit it, or all that an owner may."""
    with store.database.reading() as session:
        bill = find_bill(session, user, bill_id)
        return bill, _level(session, user, bill)


def list_bills(
    store: Store,
    user: User,
    wanted: BillFilter | None = None,
    order: Order = "-created",
    limit: int = 24,
    offset: int = 0,
    cursor: str | None = None,
) -> BillList:
    """The bills that the user may see and wants to.

    Args:
        order: ``-`` is downwards; bills without a value come last either way, equal ones newest first.
        offset: for pages with numbers.
        cursor: of the slice before, in the same order: what has come or gone meanwhile moves nothing.

    Raises:
        BadCursor: it is none, or belongs to another order.
    """
    wanted = wanted or BillFilter()
    values = {"user": user.id, "first": offset + limit + 1, "limit": limit + 1, "offset": offset, **_values(wanted)}
    if cursor is not None:
        values["value"], values["number"] = _position(cursor, order)
    counting, slice_ = _slice(*_shape(wanted), order, None if cursor is None else values["value"] is not None)
    counts: dict[str, int] = dict.fromkeys(get_args(BillStatus), 0)
    with store.database.reading() as session:
        for query in counting:
            for state, count in session.execute(query, values):
                counts[state] += count
        rows = session.execute(slice_, values).all()
    more = _cursor(order, rows[limit - 1][1], rows[limit - 1][0].number) if len(rows) > limit else None
    total = counts[wanted.status] if wanted.status else sum(counts.values())
    return BillList([row[0] for row in rows[:limit]], total, counts, more)


@lru_cache(maxsize=256)
def _slice(
    names: tuple[str, ...], trash: bool, whose: Whose, order: Order, beyond: bool | None
) -> tuple[list[Select[tuple[BillStatus, int]]], Select[tuple[Bill, Any]]]:
    """The queries of :func:`list_bills`: numbers by status for each part, and the slice.

    Args:
        beyond: whether what the cursor names has a value to order by; None without a cursor.
    """
    column = _SORTED_BY[order.removeprefix("-")]
    parts = [_matching(names, trash, each) for each in _PARTS if whose in (each, "all")]
    heads = []
    for part in parts:
        if "status" in names:
            part = part.where(Bill.status == bindparam("status"))
        if beyond is not None:
            part = part.where(_after(order, column, beyond))
        keys = part.with_only_columns(Bill.number.label("number"), column.label("value"))
        head = keys.order_by(*_ordered(order, Bill.number, column)).limit(bindparam("first")).subquery()
        heads.append(select(head.c.number, head.c.value))
    found = union_all(*heads).subquery()
    ordered = select(found).order_by(*_ordered(order, found.c.number, found.c.value))
    page = ordered.limit(bindparam("limit")).offset(bindparam("offset")).subquery()
    query = select(Bill, page.c.value).join(page, page.c.number == Bill.number)
    return (
        [part.with_only_columns(Bill.status, func.count()).group_by(Bill.status) for part in parts],
        query.order_by(*_ordered(order, page.c.number, page.c.value)),
    )


def _ordered(order: Order, number: Any, value: Any) -> tuple[ColumnElement[Any], ...]:
    if order == "created":
        return (number.asc(),)
    if order == "-created":
        return (number.desc(),)
    return (value.desc() if order.startswith("-") else value.asc()).nulls_last(), number.desc()


def _cursor(order: Order, value: Any, number: int) -> str:
    plain = value.isoformat() if isinstance(value, date) else value
    return base64.urlsafe_b64encode(json.dumps([order, plain, number]).encode()).decode().rstrip("=")


def _position(cursor: str, order: Order) -> tuple[Any, int]:
    """Value and number of the bill that the cursor names."""
    try:
        made_for, value, number = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if made_for != order or type(number) is not int or abs(number) >= 2**63:
            raise BadCursor
        kind = {"created": int, "billed_on": str, "total": int, "merchant": str}[order.removeprefix("-")]
        if not isinstance(value, kind | None):  # type: ignore[arg-type]
            raise BadCursor
        if value is not None and order.endswith("billed_on"):
            value = date.fromisoformat(str(value))
    except (ValueError, TypeError) as error:
        raise BadCursor from error
    return value, number


def _after(order: Order, column: Any, beyond: bool) -> ColumnElement[bool]:
    """What follows the bill that the cursor names, whether or not that is still there."""
    value: Any = bindparam("value")
    number: Any = bindparam("number")
    if order.endswith("created"):
        return Bill.number < number if order.startswith("-") else Bill.number > number
    if not beyond:
        return and_(column.is_(None), Bill.number < number)
    further = column < value if order.startswith("-") else column > value
    return or_(further, and_(column == value, Bill.number < number), column.is_(None))


def matching_bills(user: User, wanted: BillFilter) -> Select[tuple[Bill]]:
    """The bills that the user may see and wants to, of whatever status."""
    return _matching(*_shape(wanted)).params(user=user.id, **_values(wanted))


@lru_cache(maxsize=256)
def _matching(names: tuple[str, ...], trash: bool, whose: Whose) -> Select[tuple[Bill]]:
    """:func:`matching_bills` for the parameters ``user`` and ``names``, put together once."""
    query = _visible(bindparam("user"), trash, whose)
    for name in names:
        value: Any = bindparam(name)
        match name:
            case "review":
                query = query.where(Bill.review == value)
            case "billed_from":
                query = query.where(Bill.billed_on >= value)
            case "billed_to":
                query = query.where(Bill.billed_on <= value)
            case "total_from":
                query = query.where(Bill.total_cents >= value)
            case "total_to":
                query = query.where(Bill.total_cents <= value)
            case word if word != "status":
                query = query.where(Bill.search.contains(value, escape="/"))
    return query


def _shape(wanted: BillFilter) -> tuple[tuple[str, ...], bool, Whose]:
    return tuple(_values(wanted)), wanted.trash, wanted.whose


def _values(wanted: BillFilter) -> dict[str, Any]:
    """What :func:`_matching` takes as parameters."""
    words = enumerate(fold(wanted.search[:500]).split()[:20])
    values: dict[str, Any] = {f"word{place}": re.sub("[/%_]", r"/\g<0>", word) for place, word in words}
    values |= {
        name: value for name in ("status", "review", "billed_from", "billed_to") if (value := getattr(wanted, name))
    }
    totals = ("total_from", wanted.total_from), ("total_to", wanted.total_to)
    return values | {name: _cents(total) for name, total in totals if total is not None}


def read_again(store: Store, user: User, bill_id: str) -> Attempt:
    """Ask for one more reading; while one is asked for already, that one."""
    with store.database.session() as session:
        store.database.in_order(session)
        bill = find_bill(session, user, bill_id, "edit", lock=True)
        attempt = session.scalar(select(Attempt).where(Attempt.bill_id == bill.id, Attempt.state == "open"))
        if attempt is None:
            attempt = open_attempt(session, bill, "read_again")
            session.add(AuditEvent(who=user.id, what="read_again", bill=bill.id, detail={"attempt": attempt.number}))
        return attempt


def latest_result(store: Store, user: User, bill_id: str) -> MachineResult | None:
    """The newest machine layer, or None before the first reading has ended."""
    with store.database.reading() as session:
        bill = find_bill(session, user, bill_id)
        query = select(MachineResult).where(MachineResult.bill_id == bill.id)
        return session.scalar(query.order_by(MachineResult.id.desc()).limit(1))


def upload_bytes(store: Store, user: User, bill_id: str) -> bytes:
    """The file as it was uploaded."""
    return store.objects.read(upload_key(bill_for(store, user, bill_id).id))


def visible_bills(user: User, trash: bool | None = False, whose: Whose = "all") -> Select[tuple[Bill]]:
    """The one place that says which bills a user may see: their own, and those shared with them or a group of theirs.

    Args:
        trash: True for the bills in the trash alone, None for them as well. Only an owner sees their trash.
    """
    return _visible(user.id, trash, whose)


def _visible(user: Any, trash: bool | None, whose: Whose = "all") -> Select[tuple[Bill]]:
    """:func:`visible_bills` for the id of a user, or for a parameter that stands for it."""
    own, kept = Bill.owner_id == user, Bill.trashed_at.is_(None)
    shared = and_(Bill.id.in_(select(Grant.bill_id).where(_receives(user))), kept)
    if trash is not None:
        own = and_(own, Bill.trashed_at.is_not(None) if trash else kept)
    if trash:
        shared = false()
    if whose == "own":
        return select(Bill).where(own)
    if whose == "shared":
        return select(Bill).where(shared, Bill.owner_id != user)
    return select(Bill).where(or_(own, shared))


def editable_bills(user: User) -> Select[tuple[Bill]]:
    """Those of :func:`visible_bills` that the user may edit."""
    shared = Bill.id.in_(select(Grant.bill_id).where(_receives(user.id), Grant.level == "edit"))
    return select(Bill).where(or_(Bill.owner_id == user.id, shared), Bill.trashed_at.is_(None))


def find_bill(
    session: Session,
    user: User,
    bill_id: str,
    level: Level = "view",
    lock: bool = False,
    trash: bool | None = False,
) -> Bill:
    """The bill, if the user may do that much with it.

    Args:
        lock: keep it for this transaction alone.
        trash: as in :func:`visible_bills`.

    Raises:
        BillNotFound: there is none that the user may see.
        NotAllowed: the user may see it, but not edit it, or is not its owner.
    """
    bill = session.scalar(_one_bill(trash, lock), {"user": user.id, "bill": bill_id})
    if bill is None:
        raise BillNotFound
    if level != "view" and _LEVELS[_level(session, user, bill)] < _LEVELS[level]:
        raise NotAllowed(
            "Only the owner of this bill can do that."
            if level == "own"
            else "This bill is shared with you for viewing. Ask its owner to let you edit it.",
            level,
        )
    return bill


@cache
def _one_bill(trash: bool | None, lock: bool) -> Select[tuple[Bill]]:
    """The query of :func:`find_bill`, put together once: that takes longer than the answer."""
    query = _visible(bindparam("user"), trash).where(Bill.id == bindparam("bill"))
    return query.with_for_update(of=Bill) if lock else query


def _level(session: Session, user: User, bill: Bill) -> Level:
    if bill.owner_id == user.id:
        return "own"
    granted = session.scalars(select(Grant.level).where(Grant.bill_id == bill.id, _receives(user.id)))
    return max(granted, key=lambda level: _LEVELS[level], default="view")


def _receives(user: Any) -> ColumnElement[bool]:
    groups = select(GroupMember.group_id).where(GroupMember.user_id == user)
    return or_(Grant.user_id == user, Grant.group_id.in_(groups))


def summarise(bill: Bill, fields: dict[str, Any], text: str) -> None:
    """Write on the bill what lists search, order and compare by. The one place that does.

    Args:
        fields: the newest, corrections first, as ``Fields.to_dict()``; what is missing is not known.
        text: the newest text, corrections first.
    """
    values = {name: (fields.get(name) or {}).get("value") for name in ("company", "date", "total", "currency")}
    merchant = (values["company"] or "").replace("\0", "")
    cents = None if values["total"] is None else _cents(Decimal(values["total"]))
    bill.search = fold(f"{bill.name}\n{merchant}\n{text}")
    bill.merchant = merchant[:255] or None
    bill.billed_on = date.fromisoformat(values["date"]) if values["date"] else None
    bill.total_cents = cents if cents is not None and abs(cents) < 2**63 else None
    bill.currency = values["currency"]


def _cents(amount: Decimal) -> int:
    return round(amount * 100)


def open_attempt(session: Session, bill: Bill, origin: str, run_id: str | None = None) -> Attempt:
    """A further open attempt of a bill that has none, under ``in_order``."""
    number = session.scalar(select(func.max(Attempt.number)).where(Attempt.bill_id == bill.id)) or 0
    attempt = Attempt(bill_id=bill.id, number=number + 1, origin=origin, run_id=run_id)
    session.add(attempt)
    bill.status, bill.failed_stage, bill.failed_why = "received", None, None
    session.flush()
    return attempt


def upload_key(bill_id: str) -> str:
    return f"uploads/{bill_id}"


def fold(text: str) -> str:
    """Text for searching: case and ways of writing one letter fall together (databases differ beyond ASCII)."""
    return unicodedata.normalize("NFKC", text.replace("\0", " ")).casefold()


def clean_name(name: str) -> str:
    """A file's name for showing: without folders and control characters, at most 255 characters."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", name).strip()[:255] or "bill"
