"""Bills as files, as they are now: what people have corrected before what the machine has read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from billocr_assets.exports import ReadBill, UnreadBill, export_many, export_one, format_of
from billocr_assets.fields import Fields
from billocr_assets.store.bills import BillFilter, bill_for, matching_bills, upload_bytes, visible_bills
from billocr_assets.store.corrections import current
from billocr_assets.store.errors import BillNotFound, NotReadYet
from billocr_assets.store.schema import Bill, User
from billocr_assets.store.store import Store

# Of the ids asked for in one query: databases limit the number of parameters.
_AT_ONCE = 500


def export_bills(store: Store, user: User, bill_ids: Sequence[str], format: str) -> tuple[str, str, Iterator[bytes]]:
    """Bills as one file: its name, its media type and its content in pieces.

    Several bills become one table or a ZIP, in the order given, and are taken from the store one by one while the
    content is read. Of those, bills without text are named in the file with the reason.

    Args:
        format: a name of :data:`billocr_assets.exports.FORMATS`.

    Raises:
        UnknownFormat
        BillNotFound: one of the bills is not there for this user.
        NotReadYet: the only bill has no text yet.
        PageError: the only bill's upload can no longer be drawn (PDF).
    """
    chosen = format_of(format)
    bill_ids = list(dict.fromkeys(bill_ids))
    if len(bill_ids) == 1:
        return export_one(_read(store, user, bill_ids[0]), chosen)
    _check_visible(store, user, bill_ids)
    return export_many(_each(store, user, bill_ids), chosen)


def _each(store: Store, user: User, bill_ids: Sequence[str]) -> Iterator[ReadBill | UnreadBill]:
    for bill_id in bill_ids:
        try:
            yield _read(store, user, bill_id)
        except NotReadYet as error:
            bill = bill_for(store, user, bill_id)
            yield UnreadBill(bill_id, bill.name, bill.failed_why or str(error))
        except BillNotFound:  # deleted, or no longer shared, since the export began
            continue


def _read(store: Store, user: User, bill_id: str) -> ReadBill:
    bill = bill_for(store, user, bill_id)
    state = current(store, user, bill_id)
    return ReadBill(
        id=bill.id,
        name=bill.name,
        document=state.document,
        fields=Fields.from_dict(state.fields),
        read_at=bill.updated_at,
        upload=lambda: upload_bytes(store, user, bill_id),
    )


def _check_visible(store: Store, user: User, bill_ids: Sequence[str]) -> None:
    with store.database.reading() as session:
        for start in range(0, len(bill_ids), _AT_ONCE):
            wanted = bill_ids[start : start + _AT_ONCE]
            query = visible_bills(user).with_only_columns(Bill.id).where(Bill.id.in_(wanted))
            if set(wanted) - set(session.scalars(query)):
                raise BillNotFound


def matching_ids(store: Store, user: User, wanted: BillFilter | None = None) -> list[str]:
    """The bills that the user may see and wants to, newest first, to hand to :func:`export_bills`."""
    wanted = wanted or BillFilter()
    query = matching_bills(user, wanted).with_only_columns(Bill.id).order_by(Bill.number.desc())
    if wanted.status:
        query = query.where(Bill.status == wanted.status)
    with store.database.reading() as session:
        return list(session.scalars(query))
