"""Every route of the API as every role, over somebody else's bill.

The routes come from the API's own description: one that ``NEEDS`` does not know fails the walk.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from billocr_assets.settings import Settings
from billocr_assets.store.schema import new_id
from billocr_ui.api import create_api
from billocr_ui.identity import the_store
from billocr_ui.identity.middleware import IdentityMiddleware
from billocr_ui.routes import routes
from tests.api.world import LEVELS, ROLES, SAYS, SECRET, SETTINGS, World, make_world, prepared

# What it takes. `view`, `edit`, `own`: a level on the bill; `trash`: to own it, in the trash; `search`: to own it;
# `mine`: to own the token, webhook and so on; `granted`: to have a grant of one's own; `group`: to own the group that
# `member` is in; `user`: to be known; `person`: by a browser; `account`: and no demo user.
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
    "compare_revisions": "view",
    "choose_from_newer_reading": "edit",
    "export_bill": "view",
    "export_bills": "user",
    "list_shares": "own",
    "share_bill": "own",
    "leave_bill": "granted",
    "revoke_share": "own",
    "list_groups": "person",
    "create_group": "account",
    "rename_group": "group",
    "delete_group": "group",
    "add_member": "group",
    "remove_member": "group",
    "get_review_queue": "user",
    "claim_next_bill": "user",
    "claim_bill": "edit",
    "release_bill": "edit",
    "mark_bill": "edit",
    "list_searches": "user",
    "save_search": "user",
    "delete_search": "search",
    "list_models": "user",
    "export_account": "person",
    "delete_account": "person",
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


def expected(need: str, role: str, method: str) -> int | None:
    """The status with which a role is refused; None where it is not."""
    if need == "open":
        return None
    if role == "nobody":
        return 401
    if role.startswith("token"):
        reads = method == "get"
        if need in ("person", "account", "mine", "group", "operator", "admin") or reads != (role == "token to read"):
            return 403
        role = "owner"  # who made the token
    if need in ("operator", "admin"):
        return None if role == "admin" or role == need else 403
    if need == "account":
        return 403 if role == "demo" else None
    if need == "granted":
        return None if role in ("viewer", "editor") else 404
    if need == "group":
        return None if role == "owner" else 403 if role == "member" else 404
    if need in ("mine", "trash", "search"):
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


@pytest.fixture(scope="module")
def shared_world(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("permissions")
    shutil.copy(_migrated_sqlite, home / "billocr.db")
    world = make_world(Settings(home=home, **SETTINGS))
    yield world
    world.store.database.engine.dispose()


@pytest.fixture(scope="module")
def app() -> Starlette:
    return Starlette(routes=routes(), middleware=[Middleware(IdentityMiddleware)])


@pytest.fixture
def world(shared_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("BILLOCR_HOME", str(shared_world.store.settings.home))
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"BILLOCR_{name.upper()}", str(value))
    the_store.cache_clear()
    yield shared_world
    the_store.cache_clear()


def test_the_walk_knows_every_route():
    assert {operation for operation, *_ in operations()} == set(NEEDS)


@pytest.mark.parametrize(("operation", "method", "path"), operations(), ids=lambda value: str(value))
def test_a_route_lets_in_whom_it_should_and_nobody_else(
    world: World, app: Starlette, operation: str, method: str, path: str
):
    def send(role: str, at: dict[str, Any]) -> Any:
        says = SAYS[operation](at) if operation in SAYS else {}
        client = TestClient(app, base_url="http://testserver/api/v1", headers={"Origin": "http://testserver"})
        return client.request(method.upper(), path.format(**at), headers=world.headers(role), **says)

    at = None
    for role in ROLES:
        world.restore()
        at = at or prepared(world, operation, path)
        refused = expected(NEEDS[operation], role, method)
        before = world.state(at["bill_id"])
        answer = send(role, at)
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
        if refused == 404 and role not in LEVELS and not role.startswith("token") and "bill_id" in path:
            nobodys = send(role, {**at, "bill_id": new_id()})
            assert (answer.status_code, answer.json()) == (nobodys.status_code, nobodys.json()), said


def test_what_a_browser_sends_for_another_site_is_refused_with_a_problem(world: World, app: Starlette):
    headers = {**world.headers("owner"), "Origin": "https://evil.example"}
    answer = TestClient(app, base_url="http://testserver/api/v1").delete("/trash", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
