"""What a person does with bills: one function each, called by UI, command line and API alike.

Somebody else's bill does not exist: every function takes the user and raises :class:`BillNotFound` for it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import get_args

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from billocr_assets.ocr import pages
from billocr_assets.store.errors import BillNotFound, DuplicateUpload, TooLarge
from billocr_assets.store.schema import Attempt, AuditEvent, Bill, BillStatus, MachineResult, User, new_id
from billocr_assets.store.store import Store


@dataclass(frozen=True, slots=True)
class BillList:
    """A slice of the bills, newest first.

    Attributes:
        bills: the slice.
        total: how many bills match.
        counts: status to how many match the search, whatever status was asked for.
    """

    bills: list[Bill]
    total: int
    counts: dict[str, int]


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
    """
    limits = store.settings
    if len(data) > limits.max_upload_mb * 2**20:
        raise TooLarge(len(data), limits.max_upload_mb)
    media_type, sizes = pages.inspect(data, limits.max_megapixels * 1_000_000, limits.max_pages)
    name = clean_name(name)
    sha256 = hashlib.sha256(data).hexdigest()
    if not keep_duplicate:
        with store.database.reading() as session:  # before the costly part; decided below
            _refuse_duplicate(session, user, sha256)
    # Only decoding tells whether the file is whole.
    pages.load_pages(data, max_side=256, max_pixels=limits.max_megapixels * 1_000_000, max_pages=limits.max_pages)

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
            session.add(bill)
            session.flush()
            session.add(Attempt(bill_id=bill.id, number=1, origin="upload"))
            session.add(AuditEvent(who=user.id, what="upload", bill=bill.id, detail={"name": name, "sha256": sha256}))
    except BaseException:
        store.objects.delete(upload_key(bill.id))
        raise
    return bill


def _refuse_duplicate(session: Session, user: User, sha256: str) -> None:
    query = select(Bill).where(Bill.owner_id == user.id, Bill.sha256 == sha256).order_by(Bill.number).limit(1)
    if existing := session.scalar(query):
        raise DuplicateUpload(existing.id, existing.name)


def bill_for(store: Store, user: User, bill_id: str) -> Bill:
    """The user's bill."""
    with store.database.reading() as session:
        return find_bill(session, user, bill_id)


def list_bills(
    store: Store,
    user: User,
    search: str | None = None,
    status: BillStatus | None = None,
    limit: int = 24,
    offset: int = 0,
) -> BillList:
    """The user's bills, newest first.

    Args:
        search: every word must occur in the bill's name or newest text, in any case.
    """
    query = visible_bills(user)
    for word in fold(search or "").split():
        query = query.where(Bill.search.contains(word, autoescape=True))
    with store.database.reading() as session:
        matching = query.subquery()
        groups = session.execute(select(matching.c.status, func.count()).group_by(matching.c.status)).all()
        counts: dict[str, int] = dict.fromkeys(get_args(BillStatus), 0)
        counts.update((state, count) for state, count in groups)
        if status:
            query = query.where(Bill.status == status)
        bills = session.scalars(query.order_by(Bill.number.desc()).limit(limit).offset(offset)).all()
    return BillList(list(bills), counts[status] if status else sum(counts.values()), counts)


def read_again(store: Store, user: User, bill_id: str) -> Attempt:
    """Ask for one more reading; while one is asked for already, that one."""
    with store.database.session() as session:
        store.database.in_order(session)
        bill = find_bill(session, user, bill_id, lock=True)
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


def delete_bill(store: Store, user: User, bill_id: str) -> None:
    """Remove the bill with its readings and its objects; the audit trail stays."""
    with store.database.session() as session:
        bill = find_bill(session, user, bill_id, lock=True)
        session.add(AuditEvent(who=user.id, what="delete", bill=bill.id, detail={"name": bill.name}))
        session.execute(delete(Bill).where(Bill.id == bill.id))
    # Rows first: an object without a row is only waste, a row without its object is an error.
    store.objects.delete(upload_key(bill.id))
    for kind in ("pictures", "stages"):
        store.objects.delete_prefix(f"{kind}/{bill.id}")


def visible_bills(user: User) -> Select[tuple[Bill]]:
    """The one place that says which bills a user may see."""
    return select(Bill).where(Bill.owner_id == user.id)


def find_bill(session: Session, user: User, bill_id: str, lock: bool = False) -> Bill:
    query = visible_bills(user).where(Bill.id == bill_id)
    bill = session.scalar(query.with_for_update() if lock else query)
    if bill is None:
        raise BillNotFound
    return bill


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
