"""What the audit trail says of logins."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from billocr_assets.settings import OidcProvider
from billocr_assets.store import Store
from billocr_assets.store.accounts import identities, removal, sessions
from billocr_assets.store.administration import audit_log
from billocr_assets.store.errors import NotAllowed, WrongCredentials
from billocr_assets.store.schema import AuditEvent, User, now
from tests.store.accounts.logins import PASSWORD, login
from tests.store.people import add_user

X = OidcProvider(name="x", title="X", issuer="https://x.example", client_id="a", client_secret="b", sign_up=True)


def events(store: Store, *what: str) -> list[tuple[int | None, str, dict[str, object]]]:
    with store.database.reading() as session:
        found = session.scalars(select(AuditEvent).where(AuditEvent.what.in_(what)).order_by(AuditEvent.id)).all()
    return [(event.who, event.what, event.detail) for event in found]


def test_who_has_logged_in_or_failed_to_and_by_which_way_is_kept_without_what_was_typed(
    store: Store, user: User, ada: User
) -> None:
    typed = "a password in the wrong place"
    for email, password in ((ada.email, typed), (typed, PASSWORD)):
        with pytest.raises(WrongCredentials):
            login(store, str(email), password)
    token = login(store)
    eve = identities.login_by_provider(store, X, "1", None, "Eve")
    with pytest.raises(NotAllowed):
        identities.login_by_provider(store, X.model_copy(update={"sign_up": False}), "2", None, "Mallory")
    here = {"by": "password", "address": "192.0.2.1"}
    assert events(store, "login", "login_failed") == [
        (ada.id, "login_failed", here),
        (None, "login_failed", here),
        (ada.id, "login", here),
        (eve.id, "login", {"by": "https://x.example"}),
        (None, "login_failed", {"by": "https://x.example", "why": "not_allowed"}),
    ]
    trail = json.dumps([event.detail for event, _ in audit_log(store, user)])
    assert not [secret for secret in (typed, PASSWORD, token) if secret in trail]


def test_logging_out_everywhere_is_kept(store: Store, ada: User) -> None:
    for _ in range(2):
        login(store)
    sessions.end_sessions(store, ada)
    assert events(store, "logged_out_everywhere") == [(ada.id, "logged_out_everywhere", {"logins": 2})]


def test_failed_logins_leave_the_trail_after_a_while_and_nothing_else_does(store: Store, ada: User) -> None:
    with pytest.raises(WrongCredentials):
        login(store, password="not the password")
    login(store)
    removal.remove_expired(store)
    assert len(events(store, "login", "login_failed")) == 2
    with store.database.session() as session:
        session.execute(update(AuditEvent).values(when=now() - removal.FAILED_LOGINS_KEPT - timedelta(seconds=1)))
    removal.remove_expired(store)
    assert [what for _, what, _ in events(store, "account_created", "login", "login_failed")] == [
        "account_created",
        "login",
    ]


def test_of_somebody_who_has_left_the_trail_keeps_no_address(store: Store) -> None:
    eve = add_user(store, "eve")
    identities.login_by_provider(store, X, "1", None, "Eve", link_to=eve)
    sessions.end_sessions(store, eve)
    removal.delete_user(store, eve)
    assert [detail for _, _, detail in events(store, "identity_linked", "logged_out_everywhere")] == [{}, {}]
