"""Every route of the API as every role, over somebody else's bill.

The routes come from the API's own description: one that ``NEEDS`` does not know fails the walk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, func, select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from billocr_assets.fields.extract import extract_fields
from billocr_assets.settings import Settings
from billocr_assets.store import Store, accounts, open_store, trash, webhooks
from billocr_assets.store.bills import register_upload
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
from billocr_ui.api import create_api
from billocr_ui.identity import the_store
from billocr_ui.identity.middleware import IdentityMiddleware
from billocr_ui.routes import routes
from tests import files
from tests.ui.conftest import document_of

# What nobody gets to read who may not see the bill.
SECRET = "Geheimrat Zwiebel"
LINES = (SECRET, "Hauptstraße 12, 80331 München", "Brezel 2,40", "Summe EUR 2,40", "24.12.2025 09:41")

SETTINGS: dict[str, Any] = {"accounts": True, "sign_up": "open", "demo_users": 1000}
LEVELS = {"owner": 3, "editor": 2, "member": 2, "viewer": 1}
ROLES = (*LEVELS, "stranger", "operator", "admin", "demo", "token to read", "token to write", "nobody")

# What it takes. `view`, `edit`, `own`: a level on the bill; `trash`: to own it, in the trash; `mine`: to own the
# token, webhook and so on; `user`: to be known; `person`: by a browser; `account`: and no demo user.
NEEDS = {
    "get_session": "user",
    "log_in": "open",
    "log_out": "person",
    "sign_up": "open",
    "try_out": "open",
    "change_password": "account",
    "upload_bill": "user",
    "list_bills": "user",
    "get_bill_states": "user",
    "get_bill": "view",
    "delete_bill": "own",
    "restore_bill": "trash",
    "remove_bill": "trash",
    "empty_trash": "user",
    "get_picture": "view",
    "get_thumbnail": "view",
    "get_original": "view",
    "read_bill_again": "edit",
    "get_document": "view",
    "apply_operations": "edit",
    "get_fields": "view",
    "put_field": "edit",
    "list_revisions": "view",
    "restore_revision": "edit",
    "get_usage": "user",
    "list_tokens": "person",
    "create_token": "account",
    "revoke_token": "mine",
    "list_login_sessions": "person",
    "end_login_session": "mine",
    "end_login_sessions": "person",
    "list_webhooks": "person",
    "create_webhook": "account",
    "change_webhook": "mine",
    "delete_webhook": "mine",
    "list_deliveries": "mine",
    "list_users": "operator",
    "create_user": "admin",
    "change_user": "admin",
    "set_plan": "admin",
    "create_invitation": "admin",
    "list_plans": "operator",
    "save_plan": "admin",
    "list_failed_bills": "operator",
    "retry_failed_bill": "operator",
    "list_audit_events": "admin",
    "get_live": "open",
    "get_ready": "open",
}

PASSWORD = "correct horse battery staple"
PLACED = [[10, 150], [60, 150], [60, 158], [10, 158]]
ADD = {"kind": "add", "line": "n-1", "page": 1, "polygon": PLACED, "text": "new", "after": None}
# What a request says besides its path; what is not here says nothing.
SAYS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "log_in": lambda at: {"json": {"email": "admin@example.org", "password": PASSWORD}},
    "sign_up": lambda at: {"json": {"email": f"{at['client']}@example.org", "password": PASSWORD}},
    "change_password": lambda at: {"json": {"current": PASSWORD, "password": PASSWORD}},
    "upload_bill": lambda at: {"files": {"file": ("a.png", files.encode(files.page(seed=at["seed"]), "PNG"))}},
    "get_bill_states": lambda at: {"params": {"id": at["bill_id"]}},
    "apply_operations": lambda at: {
        "json": {"client_id": at["client"], "base": 0, "operations": [{"seq": 1, "op": ADD}]}
    },
    "put_field": lambda at: {"json": {"value": "3.00"}},
    "create_token": lambda at: {"json": {"name": "t", "scopes": ["bills:read"]}},
    "create_webhook": lambda at: {"json": {"url": "https://example.org/", "events": ["bill.read"]}},
    "change_webhook": lambda at: {"json": {"active": False}},
    "create_user": lambda at: {"json": {"email": f"{at['client']}@example.org", "name": "New", "password": PASSWORD}},
    "change_user": lambda at: {"json": {"role": "operator"}},
    "set_plan": lambda at: {"json": {"plan": "standard"}},
    "create_invitation": lambda at: {"json": {}},
    "save_plan": lambda at: {"json": {"max_pages": 3}},
}


def expected(need: str, role: str, method: str) -> int | None:
    """The status with which a role is refused; None where it is not."""
    if need == "open":
        return None
    if role == "nobody":
        return 401
    if role.startswith("token"):
        reads = method == "get"
        if need in ("person", "account", "mine", "operator", "admin") or reads != (role == "token to read"):
            return 403
        role = "owner"  # who made the token
    if need in ("operator", "admin"):
        return None if role == "admin" or role == need else 403
    if need == "account":
        return 403 if role == "demo" else None
    if need in ("mine", "trash"):
        return None if role == "owner" else 404
    if need in ("view", "edit", "own"):
        level, wanted = LEVELS.get(role, 0), {"view": 1, "edit": 2, "own": 3}[need]
        return None if level >= wanted else 403 if level else 404
    return None


def operations() -> list[tuple[str, str, str]]:
    paths = create_api().openapi()["paths"]
    return [
        (operation["operationId"], method, path)
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]


@dataclass
class World:
    """An installation with accounts, and people of every role."""

    store: Store
    users: dict[str, User]
    group: Group
    app: Starlette
    seed: int = 0

    def client(self, role: str) -> TestClient:
        client = TestClient(self.app, base_url="http://testserver/api/v1", headers={"Origin": "http://testserver"})
        if role.startswith("token"):
            scope = "bills:read" if role.endswith("read") else "bills:write"
            _, secret = accounts.create_token(self.store, self.users["owner"], "t", [scope], 1)
            client.headers["Authorization"] = f"Bearer {secret}"
        elif role != "nobody":
            client.cookies.set("bill_session", accounts.open_session(self.store, self.users[role], None, None))
        return client

    def forget_tries(self) -> None:
        """The walk logs in more often than people may."""
        with self.store.database.session() as session:
            session.execute(delete(RateCount))

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


@pytest.fixture(scope="module")
def installation_with_people(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("permissions")
    shutil.copy(_migrated_sqlite, home / "billocr.db")
    store = open_store(Settings(home=home, **SETTINGS))
    users = {}
    hashed = PasswordHasher().hash(PASSWORD)
    with store.database.session() as session:
        for role in ROLES:
            if role.startswith("token") or role == "nobody":
                continue
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
        group = Group(name="family", owner_id=users["owner"].id)
        session.add(group)
        session.flush()
        session.add(GroupMember(group_id=group.id, user_id=users["member"].id))
    yield World(store, users, group, Starlette(routes=routes(), middleware=[Middleware(IdentityMiddleware)]))
    store.database.engine.dispose()


@pytest.fixture
def world(installation_with_people: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("BILLOCR_HOME", str(installation_with_people.store.settings.home))
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"BILLOCR_{name.upper()}", str(value))
    the_store.cache_clear()
    yield installation_with_people
    the_store.cache_clear()


def prepared(world: World, operation: str) -> dict[str, Any]:
    """A bill in the state that the operation is about, and the ids of everything that belongs to its owner."""
    owner, bill = world.users["owner"], world.bill()
    if NEEDS[operation] == "trash":
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
    if operation == "revoke_token":
        at["token_id"] = accounts.create_token(world.store, owner, "t", ["bills:read"], 1)[0].id
    if operation == "end_login_session":
        accounts.open_session(world.store, owner, None, None)
        at["session_id"] = accounts.sessions_of(world.store, owner)[0].id
    if operation in ("change_webhook", "delete_webhook", "list_deliveries"):
        at["webhook_id"] = webhooks.create_webhook(world.store, owner, "https://example.org/", ["bill.read"]).id
    if operation in ("change_user", "set_plan"):
        with world.store.database.session() as session:
            session.add(someone := User(name="someone", email=f"{at['client']}@example.com"))
        at["user_id"] = someone.id
    return at


def send(client: TestClient, operation: str, method: str, path: str, at: dict[str, Any]) -> Any:
    says = SAYS[operation](at) if operation in SAYS else {}
    return client.request(method.upper(), path.format(**at), **says)


def test_the_walk_knows_every_route():
    assert {operation for operation, *_ in operations()} == set(NEEDS)


@pytest.mark.parametrize(("operation", "method", "path"), operations(), ids=lambda value: str(value))
def test_a_route_lets_in_whom_it_should_and_nobody_else(world: World, operation: str, method: str, path: str):
    at = None
    for role in ROLES:
        at = at or prepared(world, operation)
        refused = expected(NEEDS[operation], role, method)
        before = world.state(at["bill_id"])
        world.forget_tries()
        answer = send(world.client(role), operation, method, path, at)
        said = f"{operation} as {role}: {answer.status_code} {answer.text[:300]}"
        if refused is None:
            assert answer.status_code < 400, said
            at = None  # it may be gone, or changed
        else:
            assert answer.status_code == refused, said
            assert answer.headers["content-type"] == "application/problem+json", said
            assert world.state(at["bill_id"]) == before, f"{said}, and yet something has changed"
        if role not in LEVELS and not (role.startswith("token") and refused is None):
            assert SECRET not in answer.text, said
        if refused == 404 and "bill_id" in path:
            nobodys = send(world.client(role), operation, method, path, {**at, "bill_id": new_id()})
            assert (answer.status_code, answer.json()) == (nobodys.status_code, nobodys.json()), said
