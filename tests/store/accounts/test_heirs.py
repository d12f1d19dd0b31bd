"""Bills that change hands while everybody stays."""

from __future__ import annotations

import pytest

from billocr_assets.store import Store, quotas
from billocr_assets.store.accounts import heirs
from billocr_assets.store.bills import BillFilter, bill_for, list_bills, register_upload, upload_bytes
from billocr_assets.store.errors import AccountNotFound, NotAllowed
from billocr_assets.store.schema import Bill, User
from billocr_assets.store.sharing import share_with_person, shares_of
from billocr_assets.store.trash import delete_bill
from tests import files
from tests.store.people import add_user


def upload(store: Store, user: User, seed: int) -> Bill:
    return register_upload(store, user, f"{seed}.png", files.encode(files.page(seed=seed), "PNG"))


def test_bills_from_before_accounts_are_given_to_one_with_the_trash_and_what_they_take(
    store: Store, user: User, ada: User
) -> None:
    ben = add_user(store, "ben")
    kept, shared, gone = (upload(store, user, seed) for seed in range(3))
    own = upload(store, ada, 3)
    for email in ("ada@example.org", "ben@example.org"):
        share_with_person(store, user, shared.id, email, "edit")
    delete_bill(store, user, gone.id)

    assert heirs.adopt_bills(store, user, ada.id) == 3
    assert {bill.id for bill in list_bills(store, ada, BillFilter(whose="own")).bills} == {kept.id, shared.id, own.id}
    assert [bill.id for bill in list_bills(store, ada, BillFilter(trash=True)).bills] == [gone.id]
    assert list_bills(store, user, BillFilter()).total == 0
    assert upload_bytes(store, ada, kept.id)
    assert [share.email for share in shares_of(store, ada, shared.id)] == ["ben@example.org"]
    assert bill_for(store, ben, shared.id)
    assert quotas.usage(store, user)["storage_bytes"].used == 0
    assert quotas.usage(store, ada)["storage_bytes"].used == sum(each.bytes for each in (kept, shared, gone, own))
    assert heirs.adopt_bills(store, user, ada.id) == 0


def test_only_an_admin_gives_them_and_only_to_an_account(store: Store, user: User, ada: User) -> None:
    bill = upload(store, user, 0)
    demo = add_user(store, "demo", kind="demo")
    with pytest.raises(NotAllowed):
        heirs.adopt_bills(store, ada, ada.id)
    for heir in (user, demo):
        with pytest.raises(NotAllowed):
            heirs.adopt_bills(store, user, heir.id)
    with pytest.raises(AccountNotFound):
        heirs.adopt_bills(store, user, 12345)
    assert bill_for(store, user, bill.id).owner_id == user.id
