"""An installation with accounts and people of every role, a bill that is shared among them, and what can be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import delete, func, select

from billocr_assets.fields.extract import extract_fields
from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store, saved_filters, sharing, trash, webhooks
from billocr_assets.store.accounts import sessions, tokens
from billocr_assets.store.bills import BillFilter, register_upload
from billocr_assets.store.reading import begin_reading, publish_result, record_failure
from billocr_assets.store.schema import (
    Attempt,
    Bill,
    Grant,
    Group,
    GroupMember,
    RateCount,
    Revision,
    User,
    new_id,
    now,
)
from tests import files
from tests.ui.conftest import document_of

# What nobody gets to read who may not see the bill.
SECRET = "Geheimrat Zwiebel"
LINES = (SECRET, "Hauptstraße 12, 80331 München", "Brezel 2,40", "Summe EUR 2,40", "24.12.2025 09:41")

SETTINGS: dict[str, Any] = {"accounts": True, "sign_up": "open", "demo_users": 1000}
LEVELS = {"owner": 3, "editor": 2, "member": 2, "viewer": 1}
ROLES = (*LEVELS, "stranger", "operator", "admin", "demo", "token to read", "token to write", "nobody")

PASSWORD = "correct horse battery staple"
PLACED = [[10, 150], [60, 150], [60, 158], [10, 158]]
ADD = {"kind": "add", "line": "n-1", "page": 1, "polygon": PLACED, "text": "new", "after": None}
# What a request says besides its path; what is not here says nothing.
SAYS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "delete_account": lambda at: {"json": {"password": PASSWORD}},
    "save_search": lambda at: {"json": {"name": "milk", "filter": {"search": "milk"}}},
    "log_in": lambda at: {"json": {"email": "admin@example.org", "password": PASSWORD}},
    "sign_up": lambda at: {"json": {"email": f"{at['client']}@example.org", "password": PASSWORD}},
    "change_password": lambda at: {"json": {"current": PASSWORD, "password": PASSWORD}},
    "upload_bill": lambda at: {"files": {"file": ("a.png", files.encode(files.page(seed=at["seed"]), "PNG"))}},
    "get_bill_states": lambda at: {"params": {"id": at["bill_id"]}},
    "apply_operations": lambda at: {
        "json": {"client_id": at["client"], "base": 0, "operations": [{"seq": 1, "op": ADD}]}
    },
    "put_field": lambda at: {"json": {"value": "3.00"}},
    "compare_revisions": lambda at: {"params": {"a": 0, "b": 0}},
    "choose_from_newer_reading": lambda at: {"json": {"take": []}},
    "export_bill": lambda at: {"params": {"format": "text"}},
    "export_bills": lambda at: {"params": {"format": "csv", "status": "read"}},
    "share_bill": lambda at: {"json": {"email": "friend@example.org", "level": "edit"}},
    "create_group": lambda at: {"json": {"name": "work"}},
    "rename_group": lambda at: {"json": {"name": "work"}},
    "add_member": lambda at: {"json": {"email": "friend@example.org"}},
    "claim_next_bill": lambda at: {"json": {}},
    "mark_bill": lambda at: {"json": {"reviewed": True}},
    "create_token": lambda at: {"json": {"name": "t", "scopes": ["bills:read"]}},
    "create_webhook": lambda at: {"json": {"url": "https://example.org/", "events": ["bill.read"]}},
    "change_webhook": lambda at: {"json": {"active": False}},
    "create_user": lambda at: {"json": {"email": f"{at['client']}@example.org", "name": "New", "password": PASSWORD}},
    "change_user": lambda at: {"json": {"role": "operator"}},
    "set_plan": lambda at: {"json": {"plan": "standard"}},
    "create_invitation": lambda at: {"json": {}},
    "save_plan": lambda at: {"json": {"max_pages": 3}},
}


@dataclass
class World:
    """An installation with accounts, and people of every role."""

    store: Store
    users: dict[str, User]
    group: Group
    seed: int = 0

    def headers(self, role: str) -> dict[str, str]:
        """What a request of this role's says of itself; a login or token of its own."""
        if role == "nobody":
            return {}
        if role.startswith("token"):
            scope = "bills:read" if role.endswith("read") else "bills:write"
            _, secret = tokens.create_token(self.store, self.users["owner"], "t", [scope], 1)
            return {"Authorization": f"Bearer {secret}"}
        return {"Cookie": f"bill_session={self.session(role)}"}

    def session(self, role: str) -> str:
        """The token of a new login session."""
        return sessions.open_session(self.store, self.users[role], None, None)

    def restore(self) -> None:
        """People as they were, who may have left or been changed by admins; and nobody has logged in too often."""
        with self.store.database.session() as session:
            session.execute(delete(RateCount))
            for user in self.users.values():
                session.merge(user)
            session.flush()
            session.merge(GroupMember(group_id=self.group.id, user_id=self.users["member"].id))

    def bill(self) -> Bill:
        """A read bill of the owner's, shared with one to view, one to edit and a group to edit."""
        self.seed += 1
        data = files.encode(files.page(seed=self.seed), "PNG")
        bill = register_upload(self.store, self.users["owner"], "secret.png", data)
        (attempt,) = begin_reading(self.store, [bill.id], "run", "upload").values()
        document = document_of(LINES)
        publish_result(self.store, attempt, document, extract_fields(document).to_dict())
        with self.store.database.session() as session:
            session.add(Grant(bill_id=bill.id, user_id=self.users["viewer"].id, level="view"))
            session.add(Grant(bill_id=bill.id, user_id=self.users["editor"].id, level="edit"))
            session.add(Grant(bill_id=bill.id, group_id=self.group.id, level="edit"))
        return bill

    def state(self, bill_id: str) -> tuple[Any, ...]:
        """What somebody could have changed."""
        with self.store.database.reading() as session:
            bill = session.scalars(select(Bill).where(Bill.id == bill_id)).one()
            counts = [
                session.scalar(select(func.count()).where(table.bill_id == bill_id))
                for table in (Attempt, Grant, Revision)
            ]
            return bill.revision, bill.status, bill.trashed_at, bill.review, bill.owner_id, bill.updated_at, *counts


def make_world(settings: Settings) -> World:
    """People of every role in an installation whose database is migrated."""
    store = open_store(settings)
    users = {}
    hashed = PasswordHasher().hash(PASSWORD)
    with store.database.session() as session:
        for role in (*LEVELS, "stranger", "operator", "admin", "demo", "friend"):
            user = users[role] = User(
                name=role,
                email=None if role == "demo" else f"{role}@example.org",
                password_hash=None if role == "demo" else hashed,
                role=role if role in ("operator", "admin") else "user",
                kind="demo" if role == "demo" else "account",
                expires_at=now() + timedelta(days=1) if role == "demo" else None,
                # Free of quotas: they are another test's.
                limits=dict.fromkeys(("bills_per_month", "storage_bytes", "bills_in_flight"), None),
            )
            session.add(user)
        session.flush()
        group = Group(name="family", owner_id=users["friend"].id)
        session.add(group)
        session.flush()
        session.add(GroupMember(group_id=group.id, user_id=users["member"].id))
    return World(store, users, group)


def prepared(world: World, operation: str, path: str) -> dict[str, Any]:
    """A bill in the state that the operation is about, and the ids of what belongs to its owner, for the path."""
    owner, bill = world.users["owner"], world.bill()
    if path.startswith("/trash/"):
        trash.delete_bill(world.store, owner, bill.id)
    if operation == "retry_failed_bill":
        (attempt,) = begin_reading(world.store, [bill.id], new_id(), "backfill").values()
        record_failure(world.store, attempt, "bill_image", "broken")
    at: dict[str, Any] = {
        "bill_id": bill.id,
        "page": 1,
        "number": 0,
        "name": "total" if operation == "put_field" else "special",
        "seed": world.seed + 10_000,
        "client": new_id(),
    }
    if "{token_id}" in path:
        at["token_id"] = tokens.create_token(world.store, owner, "t", ["bills:read"], 1)[0].id
    if "{session_id}" in path:
        sessions.open_session(world.store, owner, None, None)
        at["session_id"] = sessions.sessions_of(world.store, owner)[0].id
    if "{search_id}" in path:
        at["search_id"] = saved_filters.save_filter(world.store, owner, "milk", BillFilter(search="milk")).id
    if "{webhook_id}" in path:
        at["webhook_id"] = webhooks.create_webhook(world.store, owner, "https://example.org/", ["bill.read"]).id
    if "{share_id}" in path:
        at["share_id"] = sharing.shares_of(world.store, owner, bill.id)[0].id
    if "{group_id}" in path:
        at["group_id"] = sharing.create_group(world.store, owner, "club")
        for name in ("member", "friend"):
            sharing.add_member(world.store, owner, at["group_id"], f"{name}@example.org")
        at["member_id"] = world.users["friend"].id
    if "{user_id}" in path:
        with world.store.database.session() as session:
            session.add(someone := User(name="someone", email=f"{at['client']}@example.com"))
        at["user_id"] = someone.id
    return at
