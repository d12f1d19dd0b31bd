"""Users, passwords, login sessions, tokens, invitations, providers' identities and demo users."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from billocr_assets.settings import OidcProvider
from billocr_assets.store import Store, accounts
from billocr_assets.store.bills import register_upload, upload_key
from billocr_assets.store.errors import (
    AccountNotFound,
    AccountRefused,
    BillError,
    NotAllowed,
    TooManyTries,
    WrongCredentials,
)
from billocr_assets.store.schema import (
    ApiToken,
    AuditEvent,
    Bill,
    Identity,
    RateCount,
    User,
    WebSession,
    now,
)
from tests import files

REAL_HASHER = accounts._hasher  # before the tests' own takes its place
PASSWORD = "four quiet words here"
MAIL = "ada@example.org"


@pytest.fixture
def ada(store: Store, user: User) -> User:
    """An account with a password; ``user`` is the local one, an admin."""
    return accounts.create_user(store, user, MAIL, "Ada", PASSWORD)


@pytest.fixture
def settle(store: Store) -> Callable[..., None]:
    def change(**settings: Any) -> None:
        for name, value in settings.items():
            setattr(store.settings, name, value)

    return change


def login(store: Store, email: str = MAIL, password: str = PASSWORD, address: str = "192.0.2.1") -> str:
    return accounts.log_in(store, email, password, address, "Browser")


def rewrite(store: Store, table: Any, **values: Any) -> None:
    """Set columns of every row, as time would."""
    with store.database.session() as session:
        session.execute(update(table).values(**values))


# ------------------------------------------------------------------------------------------------- passwords and logins


def test_the_right_password_opens_a_session_and_the_database_keeps_no_secret(
    store: Store, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_hasher", REAL_HASHER)
    ada = accounts.create_user(store, user, MAIL, "Ada", PASSWORD)
    token = login(store, " ADA@Example.org ")
    found = accounts.login_by_cookie(store, token)
    assert found is not None
    assert (found.user.id, found.scopes) == (ada.id, None)
    with store.database.reading() as session:
        row = session.scalars(select(WebSession)).one()
        kept = session.scalars(select(User).where(User.id == ada.id)).one()
    assert (row.address, row.agent, row.id) == ("192.0.2.1", "Browser", found.session_id)
    assert token not in (row.token_hash, row.id)
    assert (kept.password_hash or "").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize(
    ("email", "password"),
    [(MAIL, "not the password"), ("nobody@example.org", PASSWORD), ("", ""), ("\0", "\ud800"), (MAIL, PASSWORD + " ")],
)
def test_an_unknown_address_and_a_wrong_password_are_told_apart_by_nothing(
    store: Store, ada: User, email: str, password: str
) -> None:
    with pytest.raises(WrongCredentials) as refusal:
        login(store, email, password)
    assert str(refusal.value) == str(WrongCredentials())


def test_an_unknown_address_costs_the_work_of_a_known_one(
    store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    class Watched:
        def verify(self, hashed: str, password: bytes) -> bool:
            compared.append(hashed)
            return hasher.verify(hashed, password)

        hash = staticmethod(lambda password: hasher.hash(password))

    hasher = accounts._hasher
    accounts._nobodys_hash.cache_clear()
    monkeypatch.setattr(accounts, "_hasher", Watched())
    for email in (MAIL, "nobody@example.org"):
        with pytest.raises(WrongCredentials):
            login(store, email, "wrong")
    work = [each.rpartition("$")[0].rpartition("$")[0] for each in compared]
    assert work == [work[0]] * 2


@pytest.mark.parametrize("password", ["elevenchars", "", "aaaaaaaaaaaaaaaa", MAIL, "x1y" * 100])
def test_a_weak_password_is_refused(store: Store, user: User, password: str) -> None:
    with pytest.raises(AccountRefused) as refusal:
        accounts.create_user(store, user, MAIL, "Ada", password)
    assert refusal.value.code == "weak_password"
    assert not accounts.has_accounts(store)


def test_a_password_typed_on_another_system_is_the_same(store: Store, user: User) -> None:
    accounts.create_user(store, user, MAIL, "Ada", "Zwölf Böxkämpfer")
    assert login(store, MAIL, "Zwölf Böxkämpfer")


def test_of_sixteen_wrong_tries_at_once_ten_are_looked_at(
    store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_password_is", lambda hashed, password: False)

    def attempt(number: int) -> str:
        try:
            return login(store, MAIL, "wrong", f"192.0.2.{number}")
        except BillError as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(attempt, range(16)))
    assert sorted(outcomes) == ["too_many_tries"] * 6 + ["wrong_credentials"] * 10


def test_after_ten_wrong_tries_even_the_right_password_waits_and_then_it_is_good_again(
    store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(accounts, "_password_is", lambda hashed, password: False)
        for number in range(accounts.TRIES):
            with pytest.raises(WrongCredentials):
                login(store, address=f"192.0.2.{number}")
    with pytest.raises(TooManyTries) as refusal:
        login(store)
    assert 0 < refusal.value.retry_after <= 15 * 60
    rewrite(store, RateCount, since=now() - accounts.TRIES_WITHIN)
    assert login(store)


def test_one_address_cannot_guess_at_many_accounts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_password_is", lambda hashed, password: False)
    # An IPv6 client has a whole /64 to itself.
    for number in range(accounts.TRIES):
        with pytest.raises(WrongCredentials):
            login(store, f"{number}@example.org", address=f"2001:db8::{number:x}")
    with pytest.raises(TooManyTries):
        login(store, "one-more@example.org", address="2001:db8::ffff")
    with pytest.raises(WrongCredentials):
        login(store, "one-more@example.org", address="2001:db8:0:1::1")


def test_what_one_client_has_for_itself_is_an_ipv4_address_or_a_64_of_ipv6() -> None:
    same = {accounts._network(each) for each in ("2001:db8::1", "2001:db8::ffff:1", "2001:DB8:0:0:1::")}
    assert len(same) == 1
    assert accounts._network("::ffff:192.0.2.1") == accounts._network("192.0.2.1") == "192.0.2.1"
    assert accounts._network("::ffff:192.0.2.2") == "192.0.2.2"
    assert accounts._network(None) == accounts._network("no address") == "unknown"


def test_logging_in_rightly_is_never_counted(store: Store, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_password_is", lambda hashed, password: True)
    for _ in range(accounts.TRIES + 2):
        assert login(store)


def test_guessing_right_once_does_not_free_the_address(
    store: Store, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_password_is", lambda hashed, password: password == PASSWORD)
    for number in range(accounts.TRIES - 1):
        with pytest.raises(WrongCredentials):
            login(store, f"{number}@example.org", "wrong")
    login(store)
    with pytest.raises(WrongCredentials):
        login(store, "nobody@example.org", "wrong")
    with pytest.raises(TooManyTries):
        login(store, "nobody@example.org", "wrong")


def test_a_new_password_ends_every_session_but_the_one_that_set_it(store: Store, ada: User) -> None:
    here, there = login(store), login(store)
    current = accounts.login_by_cookie(store, here)
    assert current is not None
    with pytest.raises(WrongCredentials):
        accounts.change_password(store, current, "not the password", "another four words")
    accounts.change_password(store, current, PASSWORD, "another four words")
    assert accounts.login_by_cookie(store, here) is not None
    assert accounts.login_by_cookie(store, there) is None
    with pytest.raises(WrongCredentials):
        login(store)
    assert login(store, password="another four words")


# ------------------------------------------------------------------------------------------------------------- sessions


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": now() - timedelta(seconds=1)},
        {"seen_at": now() - accounts.SESSION_IDLE - timedelta(seconds=1)},
        {"revoked_at": now()},
    ],
    ids=["at its end", "after a week unused", "when revoked"],
)
def test_a_session_ends(store: Store, ada: User, change: dict[str, Any]) -> None:
    token = login(store)
    found = accounts.login_by_cookie(store, token)
    assert found is not None
    assert found.session_id is not None
    rewrite(store, WebSession, **change)
    assert accounts.login_by_cookie(store, token) is None
    assert accounts.login_by_session(store, found.session_id) is None
    assert accounts.sessions_of(store, ada) == []


def test_using_a_session_keeps_it_but_not_beyond_its_end(store: Store, ada: User) -> None:
    token = login(store)
    rewrite(store, WebSession, seen_at=now() - timedelta(days=6))
    assert accounts.login_by_cookie(store, token)
    (session,) = accounts.sessions_of(store, ada)
    assert now() - session.seen_at < timedelta(minutes=1)
    assert timedelta(days=29) < session.expires_at - now() <= accounts.SESSION_LIFE


def test_one_session_is_ended_or_all_of_them_and_only_ones_own(store: Store, user: User, ada: User) -> None:
    other = accounts.create_user(store, user, "bob@example.org", "Bob", PASSWORD)
    tokens = [login(store) for _ in range(3)]
    first = accounts.login_by_cookie(store, tokens[0])
    assert first is not None
    assert first.session_id is not None
    with pytest.raises(AccountNotFound):
        accounts.end_session(store, other, first.session_id)
    accounts.end_session(store, ada, first.session_id)
    assert [accounts.login_by_cookie(store, token) is not None for token in tokens] == [False, True, True]
    assert accounts.end_sessions(store, ada) == 2
    assert accounts.sessions_of(store, ada) == []


def test_a_session_id_is_no_cookie_and_a_cookie_is_no_session_id(store: Store, ada: User) -> None:
    token = login(store)
    found = accounts.login_by_cookie(store, token)
    assert found is not None
    assert found.session_id is not None
    assert accounts.login_by_cookie(store, found.session_id) is None
    assert accounts.login_by_session(store, token) is None
    assert accounts.login_by_session(store, found.session_id) is not None


# --------------------------------------------------------------------------------------------------------------- tokens


def test_a_token_opens_what_its_scopes_say_and_is_kept_as_a_hash(store: Store, ada: User) -> None:
    token, secret = accounts.create_token(store, ada, "my script", ["bills:read"], 30)
    assert secret.startswith(f"bo_{token.prefix}_")
    found = accounts.login_by_token(store, secret)
    assert found is not None
    assert (found.user.id, found.scopes, found.session_id) == (ada.id, {"bills:read"}, None)
    with store.database.reading() as session:
        kept = session.scalars(select(ApiToken)).one()
    assert secret not in vars(kept).values()
    assert kept.used_at is not None
    assert [each.id for each in accounts.tokens_of(store, ada)] == [token.id]


def test_a_token_ends_by_time_and_by_its_owner_only(store: Store, user: User, ada: User) -> None:
    token, secret = accounts.create_token(store, ada, "a", ["bills:read", "bills:write"], 1)
    with pytest.raises(AccountNotFound):
        accounts.revoke_token(store, user, token.id)
    assert accounts.login_by_token(store, secret)
    accounts.revoke_token(store, ada, token.id)
    assert accounts.login_by_token(store, secret) is None
    assert accounts.tokens_of(store, ada) == []
    _, secret = accounts.create_token(store, ada, "b", ["bills:read"], 1)
    rewrite(store, ApiToken, expires_at=now())
    assert accounts.login_by_token(store, secret) is None


@pytest.mark.parametrize(
    ("scopes", "days"),
    [([], 30), (["bills:all"], 30), (["bills:read", "x"], 30), (["bills:read"], 0), (["bills:read"], 400)],
)
def test_a_token_without_known_scopes_or_without_an_end_is_refused(
    store: Store, ada: User, scopes: list[str], days: int
) -> None:
    with pytest.raises(AccountRefused):
        accounts.create_token(store, ada, "a", scopes, days)


# ---------------------------------------------------------------------------------------------------------------- users


def test_disabling_a_user_ends_sessions_and_tokens_at_once(store: Store, user: User, ada: User) -> None:
    cookie, (_, secret) = login(store), accounts.create_token(store, ada, "a", ["bills:read"], 30)
    accounts.set_status(store, user, ada.id, "disabled")
    assert accounts.login_by_cookie(store, cookie) is None
    assert accounts.login_by_token(store, secret) is None
    with pytest.raises(WrongCredentials):
        login(store)
    accounts.set_status(store, user, ada.id, "active")
    assert accounts.login_by_cookie(store, cookie) is None
    assert login(store)


def test_only_admins_manage_users_and_never_themselves(store: Store, user: User, ada: User) -> None:
    bob = accounts.create_user(store, user, "bob@example.org", "", PASSWORD, "operator")
    assert bob.name == "bob"
    attempts: list[Callable[[User], Any]] = [
        lambda by: accounts.set_role(store, by, ada.id, "admin"),
        lambda by: accounts.set_status(store, by, ada.id, "disabled"),
        lambda by: accounts.reset_password(store, by, ada.id, PASSWORD),
        lambda by: accounts.create_user(store, by, "c@example.org", "C", PASSWORD),
        lambda by: accounts.invite(store, by),
        lambda by: accounts.user_by_email(store, by, MAIL),
    ]
    for attempt in attempts:
        for by in (ada, bob):
            with pytest.raises(NotAllowed):
                attempt(by)
    with pytest.raises(NotAllowed):
        accounts.list_users(store, ada)
    assert {each.id for each in accounts.list_users(store, bob)} == {user.id, ada.id, bob.id}
    accounts.set_role(store, user, ada.id, "admin")
    ada = accounts.user_by_email(store, user, MAIL)
    with pytest.raises(NotAllowed):
        accounts.set_role(store, ada, ada.id, "user")
    with pytest.raises(AccountNotFound):
        accounts.set_role(store, ada, user.id, "user")
    with pytest.raises(AccountNotFound):
        accounts.set_role(store, ada, 12345, "user")


def test_an_admins_new_password_for_somebody_ends_their_sessions_and_their_lock(
    store: Store, user: User, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = login(store)
    with monkeypatch.context() as patch:
        patch.setattr(accounts, "_password_is", lambda hashed, password: False)
        for number in range(accounts.TRIES):
            with pytest.raises(WrongCredentials):
                login(store, address=f"192.0.2.{number}")
    accounts.reset_password(store, user, ada.id, "another four words")
    assert accounts.login_by_cookie(store, cookie) is None
    assert login(store, password="another four words")


def test_one_address_has_one_account_however_it_is_written(store: Store, user: User, ada: User) -> None:
    with pytest.raises(AccountRefused) as refusal:
        accounts.create_user(store, user, "ADA@EXAMPLE.ORG", "Other", PASSWORD)
    assert refusal.value.code == "email_taken"


def test_who_did_what_to_an_account_is_kept(store: Store, user: User, ada: User) -> None:
    accounts.set_role(store, user, ada.id, "operator")
    with store.database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(event.who, event.what) for event in events] == [(user.id, "account_created"), (user.id, "role_changed")]
    assert events[-1].detail == {"user": ada.id, "before": "user", "after": "operator"}


# -------------------------------------------------------------------------------------------------------------- sign-up


def test_sign_up_is_closed_by_default(store: Store, user: User) -> None:
    for invitation in (None, "made up", accounts.invite(store, user)):
        with pytest.raises(NotAllowed):
            accounts.sign_up(store, MAIL, "Ada", PASSWORD, None, invitation)


def test_an_invitation_is_good_once_and_for_its_address(store: Store, user: User, settle: Callable[..., None]) -> None:
    settle(sign_up="invitation")
    invitation = accounts.invite(store, user, MAIL, "operator")
    assert accounts.invited_email(store, invitation) == (True, MAIL)
    for email, given in (("eve@example.org", invitation), (MAIL, None), (MAIL, "made up")):
        with pytest.raises(NotAllowed):
            accounts.sign_up(store, email, "Eve", PASSWORD, None, given)
    assert accounts.sign_up(store, MAIL, "Ada", PASSWORD, None, invitation).role == "operator"
    assert accounts.invited_email(store, invitation) == (False, None)
    with pytest.raises(AccountRefused):
        accounts.invite(store, user, MAIL)


def test_an_invitation_that_many_use_at_once_makes_one_account(
    store: Store, user: User, settle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(sign_up="invitation")
    monkeypatch.setattr(accounts, "_hash", lambda password: "hash")
    invitation = accounts.invite(store, user)

    def attempt(number: int) -> str:
        try:
            return accounts.sign_up(store, f"{number}@example.org", "", PASSWORD, f"192.0.2.{number}", invitation).role
        except BillError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(8))) == ["not_allowed"] * 7 + ["user"]


@pytest.mark.parametrize("email", ["", "ada", "a b@example.org", "@example.org", "ada@", f"{'a' * 65}@example.org"])
def test_open_sign_up_refuses_what_is_no_address(store: Store, settle: Callable[..., None], email: str) -> None:
    settle(sign_up="open")
    with pytest.raises(AccountRefused) as refusal:
        accounts.sign_up(store, email, "Ada", PASSWORD, None)
    assert refusal.value.code == "bad_email"


def test_open_sign_up_makes_users_without_rights_and_not_without_end(
    store: Store, settle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(sign_up="open")
    monkeypatch.setattr(accounts, "_hash", lambda password: "hash")
    for number in range(accounts.SIGN_UPS):
        made = accounts.sign_up(store, f"{number}@example.org", "\0 A\x1b[31m ", PASSWORD, "192.0.2.1")
        assert (made.role, made.kind, made.training_consent, made.name) == ("user", "account", False, "A[31m")
    with pytest.raises(TooManyTries):
        accounts.sign_up(store, MAIL, "Ada", PASSWORD, "192.0.2.1")


# ------------------------------------------------------------------------------------------------------------ providers


def provider(**options: Any) -> OidcProvider:
    facts = {
        "name": "x",
        "title": "X",
        "issuer": "https://x.example",
        "client_id": "a",
        "client_secret": SecretStr("b"),
    }
    return OidcProvider(**{**facts, **options})


def test_somebody_is_known_by_issuer_and_subject_and_never_by_address(store: Store, ada: User) -> None:
    open_ = provider(sign_up=True)
    made = accounts.login_by_provider(store, open_, "1", "eve@example.org", "Eve")
    assert accounts.login_by_provider(store, open_, "1", MAIL, "Renamed").id == made.id
    other = provider(issuer="https://y.example", sign_up=True)
    assert accounts.login_by_provider(store, other, "1", None, "Eve").id != made.id
    with pytest.raises(AccountRefused) as refusal:
        accounts.login_by_provider(store, open_, "2", MAIL, "Ada?")
    assert refusal.value.code == "email_taken"


def test_a_verified_address_opens_an_account_only_where_that_is_configured(store: Store, ada: User) -> None:
    linking = provider(link_by_email=True)
    with pytest.raises(NotAllowed):
        accounts.login_by_provider(store, linking, "1", None, "Ada")
    assert accounts.login_by_provider(store, linking, "1", MAIL.upper(), "Ada").id == ada.id
    assert accounts.login_by_provider(store, provider(), "1", None, "Ada").id == ada.id


def test_a_provider_makes_no_accounts_unless_that_is_configured_or_by_invitation(
    store: Store, user: User, settle: Callable[..., None]
) -> None:
    with pytest.raises(NotAllowed):
        accounts.login_by_provider(store, provider(), "1", MAIL, "Ada")
    settle(sign_up="invitation")
    invitation = accounts.invite(store, user, MAIL, "admin")
    with pytest.raises(NotAllowed):
        accounts.login_by_provider(store, provider(), "1", None, "Eve", invitation)
    made = accounts.login_by_provider(store, provider(), "1", MAIL, "Ada", invitation)
    assert (made.role, made.email, made.password_hash) == ("admin", MAIL, None)
    with pytest.raises(WrongCredentials):
        login(store, MAIL, "")


def test_a_logged_in_user_adds_a_provider_that_nobody_else_has(store: Store, user: User, ada: User) -> None:
    assert accounts.login_by_provider(store, provider(), "1", "other@example.org", "A", link_to=ada).id == ada.id
    bob = accounts.create_user(store, user, "bob@example.org", "Bob", PASSWORD)
    with pytest.raises(AccountRefused) as refusal:
        accounts.login_by_provider(store, provider(), "1", None, "B", link_to=bob)
    assert refusal.value.code == "identity_taken"


def test_a_provider_does_not_let_in_who_is_disabled(store: Store, user: User) -> None:
    made = accounts.login_by_provider(store, provider(sign_up=True), "1", MAIL, "Ada")
    accounts.set_status(store, user, made.id, "disabled")
    with pytest.raises(NotAllowed):
        accounts.login_by_provider(store, provider(sign_up=True), "1", MAIL, "Ada")


def test_a_new_subject_that_comes_twice_at_once_is_one_user(store: Store) -> None:
    def attempt(_: int) -> int:
        return accounts.login_by_provider(store, provider(sign_up=True), "1", MAIL, "Ada").id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(attempt, range(6)))) == 1
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Identity)) == 1


# ----------------------------------------------------------------------------------------------------------------- demo


def test_without_the_setting_there_is_no_demo(store: Store) -> None:
    with pytest.raises(NotAllowed):
        accounts.create_demo_user(store, None)


def test_a_demo_user_has_a_day_and_no_tokens_and_never_trains(store: Store, settle: Callable[..., None]) -> None:
    settle(demo_users=10)
    demo = accounts.create_demo_user(store, None)
    assert demo.expires_at is not None
    assert timedelta(hours=23) < demo.expires_at - now() <= timedelta(hours=24)
    with pytest.raises(NotAllowed):
        accounts.create_token(store, demo, "a", ["bills:read"], 1)
    with pytest.raises(NotAllowed):
        accounts.set_training_consent(store, demo, True)
    cookie = accounts.open_session(store, demo, None, None)
    assert accounts.login_by_cookie(store, cookie) is not None
    rewrite(store, User, expires_at=now())
    assert accounts.login_by_cookie(store, cookie) is None


def test_demo_users_are_limited_in_all_and_by_address(store: Store, settle: Callable[..., None]) -> None:
    settle(demo_users=8)

    def attempt(number: int) -> str:
        try:
            return accounts.create_demo_user(store, f"192.0.2.{number % 2}").kind
        except BillError as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(attempt, range(16)))
    assert outcomes.count("demo") == 8
    settle(demo_users=100)
    outcomes = [attempt(0) for _ in range(accounts.DEMOS_PER_ADDRESS)]
    assert outcomes[-1] == "too_many_tries"


def test_expired_demo_users_go_with_their_bills_and_files_and_nobody_else(
    store: Store, user: User, settle: Callable[..., None]
) -> None:
    settle(demo_users=10)
    old, young = accounts.create_demo_user(store, None), accounts.create_demo_user(store, None)
    bills = [register_upload(store, owner, "a.png", files.encode(files.page(), "PNG")) for owner in (old, young, user)]
    with store.database.session() as session:
        session.execute(update(User).where(User.id == old.id).values(expires_at=now()))
    assert accounts.remove_expired(store) == 1
    assert [store.objects.exists(upload_key(bill.id)) for bill in bills] == [False, True, True]
    with store.database.reading() as session:
        assert set(session.scalars(select(Bill.owner_id))) == {young.id, user.id}
        assert set(session.scalars(select(User.id))) == {young.id, user.id}
    assert accounts.remove_expired(store) == 0


def test_the_local_user_stays(store: Store, user: User) -> None:
    with pytest.raises(NotAllowed):
        accounts.delete_user(store, user)


def test_what_has_ended_is_cleared_away_and_what_lives_stays(store: Store, ada: User) -> None:
    login(store)
    accounts.remove_expired(store)
    assert len(accounts.sessions_of(store, ada)) == 1
    rewrite(store, WebSession, expires_at=now())
    rewrite(store, RateCount, since=now() - timedelta(days=3))
    accounts.remove_expired(store)
    with store.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 0
        assert session.scalar(select(func.count()).select_from(RateCount)) == 0
