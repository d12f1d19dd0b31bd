"""Who is let in by the middleware, the session routes and the providers; asked as browsers and programs ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg

from billocr_assets.store import Store
from billocr_assets.store.accounts import invitations, passwords, removal, sessions, tokens, users
from billocr_assets.store.schema import User, WebSession, new_id, now
from billocr_ui.identity import routes as auth
from billocr_ui.identity import the_store
from billocr_ui.identity.middleware import IdentityMiddleware
from billocr_ui.routes import routes
from billocr_ui.security import SecurityHeaders, content_security_policy

PASSWORD = "four quiet words here"
MAIL = "ada@example.org"
HERE = "http://bills.example.org"
SAME = {"Origin": HERE}
STREAM = "ws://bills.example.org/_stcore/stream"


async def headers(request: Request) -> JSONResponse:
    return JSONResponse([name for name in request.headers if name.startswith("x-bill")])


async def stream(socket: WebSocket) -> None:
    """Says which of our headers have come, then repeats what it hears."""
    await socket.accept()
    await socket.send_json({name: value for name, value in socket.headers.items() if name.startswith("x-bill")})
    try:
        while True:
            await socket.send_bytes(await socket.receive_bytes())
    except WebSocketDisconnect:
        pass


def application() -> Starlette:
    return Starlette(
        routes=[
            *routes(),
            *auth.routes(),
            Route("/headers", headers, methods=["GET", "POST"]),
            Route("/_stcore/upload_file/a/b", headers, methods=["PUT"]),
            Route("/media/{name}", headers),
            WebSocketRoute("/_stcore/stream", stream),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(IdentityMiddleware)],
    )


@pytest.fixture
def settle(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets settings of the installation, as its environment would."""

    def change(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(f"BILLOCR_{name.upper()}", value)
        the_store.cache_clear()

    return change


@pytest.fixture
def connect(settle: Callable[..., None]) -> Callable[..., TestClient]:
    """A browser, before an installation with accounts."""
    settle(accounts="true")
    return lambda base_url=HERE, **options: TestClient(application(), base_url=base_url, **options)


@pytest.fixture
def client(connect: Callable[..., TestClient]) -> TestClient:
    return connect()


@pytest.fixture
def ada(store: Store, user: User) -> User:
    return users.create_user(store, user, MAIL, "Ada", PASSWORD)


def log_in(client: TestClient, password: str = PASSWORD, **headers: str) -> httpx.Response:
    return client.post("/api/v1/session", json={"email": MAIL, "password": password}, headers=SAME | headers)


def live(client: TestClient) -> bool:
    return client.get("/api/v1/session").status_code == 200


# ----------------------------------------------------------------------------------------------------------- logging in


def test_logging_in_sets_a_cookie_that_no_script_reads_and_logging_out_ends_it(client: TestClient, ada: User) -> None:
    assert not live(client)
    answer = log_in(client)
    assert answer.json() == {
        "id": ada.id,
        "name": "Ada",
        "email": MAIL,
        "role": "user",
        "kind": "account",
        "expires_at": None,
    }
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("bill_session=")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/"))
    assert "Secure" not in cookie
    assert live(client)
    kept = client.cookies["bill_session"]
    assert client.delete("/api/v1/session", headers=SAME).status_code == 204
    assert "bill_session" not in client.cookies
    client.cookies["bill_session"] = kept
    assert not live(client), "a cookie that was kept opens nothing any more"


@pytest.mark.parametrize("public_url", ["", "https://bills.example.org"])
def test_over_https_the_cookie_is_bound_to_this_host_and_goes_nowhere_else(
    connect: Callable[..., TestClient], settle: Callable[..., None], ada: User, public_url: str
) -> None:
    settle(public_url=public_url)
    client = connect("https://bills.example.org")
    cookie = log_in(client, Origin="https://bills.example.org").headers["set-cookie"]
    assert cookie.startswith("__Host-bill_session=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    token = client.cookies["__Host-bill_session"]
    assert live(client)
    client.cookies.clear()
    client.cookies["bill_session"] = token
    assert not live(client), "a cookie that a neighbour could have set is not looked at"


def test_wrong_tries_end_in_a_wait_that_programs_can_read(client: TestClient, ada: User) -> None:
    for _ in range(passwords.TRIES):
        answer = log_in(client, "wrong")
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:billocr:wrong_credentials")
    answer = log_in(client)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 15 * 60


def test_a_new_login_replaces_the_one_of_this_browser(client: TestClient, store: Store, ada: User) -> None:
    log_in(client)
    log_in(client)
    assert len(sessions.sessions_of(store, ada)) == 1


def test_sign_up_follows_the_setting(client: TestClient, store: Store, user: User, settle: Callable[..., None]) -> None:
    body = {"email": MAIL, "name": "Ada", "password": PASSWORD}
    assert client.post("/api/v1/accounts", json=body, headers=SAME).status_code == 403
    settle(sign_up="invitation")
    assert client.post("/api/v1/accounts", json=body, headers=SAME).status_code == 403
    body["invitation"] = invitations.invite(store, user, MAIL)
    weak = client.post("/api/v1/accounts", json=body | {"password": "short"}, headers=SAME)
    assert (weak.status_code, weak.json()["type"]) == (422, "urn:billocr:weak_password")
    assert client.post("/api/v1/accounts", json=body, headers=SAME).status_code == 201
    assert client.get("/api/v1/session").json()["email"] == MAIL


def test_a_demo_user_is_let_in_where_there_is_a_demo(client: TestClient, settle: Callable[..., None]) -> None:
    assert client.post("/api/v1/accounts/demo", headers=SAME).status_code == 403
    settle(demo_users="2")
    assert client.post("/api/v1/accounts/demo", headers=SAME).json()["kind"] == "demo"
    assert live(client)
    answer = client.post("/api/v1/tokens", json={"name": "a", "scopes": ["bills:read"], "days": 1}, headers=SAME)
    assert answer.status_code == 403


def test_a_new_password_logs_every_other_browser_out(connect: Callable[..., TestClient], ada: User) -> None:
    here, there = connect(), connect()
    log_in(here)
    log_in(there)
    body = {"current": "wrong", "password": "another four words"}
    assert here.put("/api/v1/password", json=body, headers=SAME).status_code == 401
    assert here.put("/api/v1/password", json=body | {"current": PASSWORD}, headers=SAME).status_code == 204
    assert (live(here), live(there)) == (True, False)


# ----------------------------------------------------------------------------------------------------- foreign requests


def test_forged_headers_are_taken_off_requests_and_sockets(client: TestClient, ada: User) -> None:
    forged = {"X-Bill-Sub": "1", "x-bill-sid": "1", "X-Bill-Anything": "1"}
    assert client.get("/headers", headers=forged).json() == []
    with client.websocket_connect(STREAM, headers=forged | SAME) as socket:
        assert socket.receive_json() == {}
    log_in(client)
    assert client.get("/headers", headers=forged).json() == []
    with client.websocket_connect(STREAM, headers=forged | SAME) as socket:
        trusted = socket.receive_json()
    assert trusted["x-bill-sub"] == str(ada.id)
    found = sessions.login_by_session(the_store(), trusted["x-bill-sid"])
    assert found is not None
    assert found.user.id == ada.id


@pytest.mark.parametrize(
    ("sent", "cookie", "status"),
    [
        ({"Origin": HERE}, True, 200),
        ({"Sec-Fetch-Site": "same-origin"}, True, 200),
        ({"Origin": "http://10.0.0.1:8501", "Sec-Fetch-Site": "same-origin"}, True, 200),  # a proxy changed the host
        ({}, True, 403),
        ({"Origin": "http://evil.example.org"}, True, 403),
        ({"Origin": "null"}, True, 403),
        ({"Origin": "https://bills.example.org"}, True, 403),
        ({"Origin": "http://bills.example.org.evil"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site"}, True, 403),
        ({"Sec-Fetch-Site": "same-site"}, True, 403),
        ({"Sec-Fetch-Site": "none"}, True, 403),
        ({"Origin": "http://evil.example.org"}, False, 403),
        ({}, False, 200),  # a program
    ],
)
def test_what_a_browser_sends_for_another_site_changes_nothing(
    client: TestClient, ada: User, sent: dict[str, str], cookie: bool, status: int
) -> None:
    if cookie:
        log_in(client)
    assert client.post("/headers", headers=sent).status_code == status
    assert client.get("/headers", headers=sent).status_code == 200, "reading and links from elsewhere are free"


def test_a_request_with_a_token_needs_no_origin_and_is_not_helped_by_a_cookie(
    client: TestClient, store: Store, ada: User
) -> None:
    _, secret = tokens.create_token(store, ada, "a", ["bills:read"], 1)
    log_in(client)
    bearer = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/bills", headers=bearer).status_code == 200
    assert client.get("/api/v1/bills", headers={"Authorization": "Bearer made-up"}).status_code == 401
    foreign = {"Origin": "http://evil.example.org"}
    assert client.delete("/api/v1/trash", headers=bearer | foreign).json()["type"] == "urn:billocr:missing_scope"
    _, secret = tokens.create_token(store, ada, "b", ["bills:write"], 1)
    bearer = {"Authorization": f"bearer {secret}"}
    assert client.delete("/api/v1/trash", headers=bearer | foreign).status_code == 204
    assert client.get("/api/v1/bills", headers=bearer).status_code == 403
    for path in ("/api/v1/tokens", "/api/v1/login-sessions"):
        assert client.get(path, headers=bearer).status_code == 403, "tokens are for bills"


@pytest.mark.parametrize("origin", ["http://evil.example.org", "null", None])
def test_a_foreign_page_opens_no_socket_with_ones_cookie(client: TestClient, ada: User, origin: str | None) -> None:
    log_in(client)
    with (
        pytest.raises(WebSocketDisconnect) as refusal,
        client.websocket_connect(STREAM, headers={"Origin": origin} if origin else {}),
    ):
        pass
    assert refusal.value.code == 1008


def test_files_are_taken_from_users_and_handed_to_users_only(client: TestClient, ada: User) -> None:
    def statuses() -> list[int]:
        taken = client.put("/_stcore/upload_file/a/b", headers=SAME).status_code
        return [taken, client.get("/media/export.zip").status_code, client.get("/media/logo.png").status_code]

    assert statuses() == [401, 401, 200]
    log_in(client)
    assert statuses() == [200, 200, 200]


# ------------------------------------------------------------------------------------------------------- ended sessions


@pytest.mark.parametrize(
    "end",
    [
        {"revoked_at": now()},
        {"expires_at": now() - timedelta(seconds=1)},
        {"seen_at": now() - sessions.SESSION_IDLE},
    ],
    ids=["revoked", "expired", "unused"],
)
def test_of_a_page_whose_login_has_ended_nothing_is_heard_but_that_it_is_still_there(
    client: TestClient, store: Store, ada: User, end: dict[str, Any]
) -> None:
    log_in(client)
    click = BackMsg()
    click.rerun_script.query_string, click.rerun_script.page_script_hash = "id=1", "page"
    click.rerun_script.fragment_id = "part"
    click.rerun_script.context_info.locale = "de-DE"
    click.rerun_script.widget_states.widgets.add(id="button", trigger_value=True)
    with client.websocket_connect(STREAM, headers=SAME) as socket:
        assert socket.receive_json()["x-bill-sub"]
        socket.send_bytes(click.SerializeToString())
        assert socket.receive_bytes() == click.SerializeToString()
        with store.database.session() as session:
            session.execute(update(WebSession).values(**end))
        socket.send_bytes(click.SerializeToString())
        heard = BackMsg.FromString(socket.receive_bytes())
        socket.send_bytes(b"no message at all")
        assert BackMsg.FromString(socket.receive_bytes()).WhichOneof("type") == "rerun_script"
    click.rerun_script.fragment_id = ""
    click.rerun_script.ClearField("widget_states")
    assert heard == click
    assert not live(client)


def test_disabling_a_user_ends_what_they_have_open(client: TestClient, store: Store, user: User, ada: User) -> None:
    log_in(client)
    with client.websocket_connect(STREAM, headers=SAME) as socket:
        socket.receive_json()
        users.set_status(store, user, ada.id, "disabled")
        socket.send_bytes(BackMsg(stop_script=True).SerializeToString())
        assert BackMsg.FromString(socket.receive_bytes()).WhichOneof("type") == "rerun_script"
    assert not live(client)


# ----------------------------------------------------------------------------------------------------- without accounts


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1", "[::1]:8501"])
def test_without_accounts_this_machine_is_its_one_user(database_url: str, user: User, host: str) -> None:
    client = TestClient(_bound_to("127.0.0.1"), base_url=f"http://{host}")
    assert client.get("/api/v1/session").json()["kind"] == "local"
    assert client.get("/auth/verify?role=admin").status_code == 204
    for path in ("/api/v1/session", "/api/v1/accounts"):
        body = {"email": MAIL, "password": PASSWORD}
        assert client.post(path, json=body).status_code == 403, "there is nothing to log in to"


def test_without_accounts_nobody_else_is_answered(database_url: str) -> None:
    # A page whose name has just been made to mean this machine, and a server that listens for everybody.
    rebound = TestClient(_bound_to("127.0.0.1"), base_url="http://evil.example.org")
    assert rebound.get("/api/v1/bills").status_code == 403
    with pytest.raises(WebSocketDisconnect), rebound.websocket_connect("ws://evil.example.org/_stcore/stream"):
        pass
    assert TestClient(_bound_to("192.0.2.1"), base_url="http://localhost").get("/api/v1/bills").status_code == 403
    assert TestClient(_bound_to("127.0.0.1"), base_url="http://localhost").get("/api/v1/bills").status_code == 200


def test_without_accounts_no_other_site_uploads(database_url: str) -> None:
    client = TestClient(_bound_to("127.0.0.1"), base_url="http://localhost:8501")
    assert client.post("/headers", headers={"Origin": "http://evil.example.org"}).status_code == 403
    assert client.post("/headers", headers={"Origin": "http://localhost:8501"}).status_code == 200
    assert client.post("/headers").status_code == 200


def _bound_to(address: str) -> Any:
    """The application as a server would call it that is bound to this address."""
    inner = application()

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope | {"server": (address, 8501)}, receive, send)

    return served


# --------------------------------------------------------------------------------------------------------- forward-auth


def test_a_proxy_learns_who_may_pass(client: TestClient, store: Store, user: User, ada: User) -> None:
    assert client.get("/auth/verify?role=operator").status_code == 401
    log_in(client)
    assert client.get("/auth/verify").status_code == 204
    assert client.get("/auth/verify?role=operator").status_code == 403
    assert client.get("/auth/verify?role=nonsense").status_code == 400
    users.set_role(store, user, ada.id, "operator")
    assert client.get("/auth/verify?role=operator").status_code == 204
    assert client.get("/auth/verify?role=admin").status_code == 403
    _, secret = tokens.create_token(store, ada, "a", ["bills:read", "bills:write"], 1)
    assert client.get("/auth/verify", headers={"Authorization": f"Bearer {secret}"}).status_code == 403


# -------------------------------------------------------------------------------------------------------------- headers


def test_the_policy_names_our_own_sockets_where_the_address_is_known() -> None:
    headers = SecurityHeaders(lambda *_: None, public_url="https://bills.example.org").headers
    policy = headers["Content-Security-Policy"]
    assert "connect-src 'self' wss://bills.example.org data: blob:" in policy
    assert "Strict-Transport-Security" in headers
    assert "ws: wss:" in content_security_policy()
    assert "Strict-Transport-Security" not in SecurityHeaders(lambda *_: None).headers


# ------------------------------------------------------------------------------------------------------------ providers


@pytest.fixture
def dev(settle: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A browser before an installation with the development provider, which the server reaches in its own process."""
    settle(accounts="true", dev_idp="true", ui_port="8501")
    auth._client.cache_clear()
    app = _bound_to("127.0.0.1")
    asgi = httpx.ASGITransport(app)
    monkeypatch.setattr(
        "httpx.AsyncHTTPTransport.handle_async_request", lambda _self, request: asgi.handle_async_request(request)
    )
    return TestClient(app, base_url="http://127.0.0.1:8501", follow_redirects=False)


def be(client: TestClient, email: str, start: str = "/auth/oidc/dev/login", **said: str) -> httpx.Response:
    """Go to the provider, say who one is, and come back."""
    there = client.get(start).headers["location"]
    back = client.post(there, data={"email": email, "name": "Eve", **said}, headers={"Origin": "http://127.0.0.1:8501"})
    return client.get(back.headers["location"])


def test_a_provider_lets_somebody_in_by_state_nonce_and_pkce(dev: TestClient, store: Store) -> None:
    there = urlsplit(dev.get("/auth/oidc/dev/login").headers["location"])
    asked = {name: value for name, (value,) in parse_qs(there.query).items()}
    assert asked["redirect_uri"] == "http://127.0.0.1:8501/auth/oidc/dev/callback"
    assert asked["code_challenge_method"] == "S256"
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    answer = be(dev, MAIL, "/auth/oidc/dev/login?next=/bill?id=1", verified="on")
    assert (answer.status_code, answer.headers["location"]) == (303, "/bill?id=1")
    assert dev.get("/api/v1/session").json()["email"] == MAIL
    first = dev.get("/api/v1/session").json()["id"]
    be(dev, MAIL)
    assert dev.get("/api/v1/session").json()["id"] == first


def test_an_address_that_was_not_verified_is_not_taken_over(dev: TestClient) -> None:
    be(dev, MAIL)
    assert dev.get("/api/v1/session").json()["email"] is None


@pytest.mark.parametrize(
    "next_", ["//evil.example.org", "https://evil.example.org", "/\\evil.example.org", "evil", "/\t/x"]
)
def test_after_a_login_nobody_is_sent_elsewhere(dev: TestClient, next_: str) -> None:
    there = httpx.URL("/auth/oidc/dev/login").copy_merge_params({"next": next_})
    assert be(dev, MAIL, str(there)).headers["location"] == "/"


def test_an_answer_that_this_browser_did_not_ask_for_logs_nobody_in(dev: TestClient) -> None:
    there = dev.get("/auth/oidc/dev/login").headers["location"]
    back = dev.post(there, data={"email": MAIL}, headers={"Origin": "http://127.0.0.1:8501"}).headers["location"]
    victim = TestClient(dev.app, base_url="http://127.0.0.1:8501", follow_redirects=False)
    assert victim.get(back).headers["location"] == "/?refused=provider"
    victim.get("/auth/oidc/dev/login")
    assert victim.get(back).headers["location"] == "/?refused=provider", "the state is another"
    assert not live(victim)
    assert dev.get(back).headers["location"] == "/"
    assert live(dev)
    other = TestClient(dev.app, base_url="http://127.0.0.1:8501", follow_redirects=False)
    other.cookies.update(dev.cookies)
    assert other.get(back).headers["location"] == "/account?refused=provider", "a code is good once"


@pytest.mark.parametrize("claim", [{"nonce": "another"}, {"aud": "another"}, {"iss": "http://another"}, {"exp": 1}])
def test_a_token_that_was_not_made_for_this_login_is_refused(
    dev: TestClient, monkeypatch: pytest.MonkeyPatch, claim: dict[str, Any]
) -> None:
    from joserfc import jwt

    encode = jwt.encode
    monkeypatch.setattr(
        "billocr_ui.identity.dev_idp.jwt.encode", lambda header, claims, key: encode(header, claims | claim, key)
    )
    assert be(dev, MAIL).headers["location"] == "/?refused=provider"
    assert not live(dev)


def test_a_token_with_another_key_is_refused(dev: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    encode, other = jwt.encode, RSAKey.generate_key(2048)
    monkeypatch.setattr(
        "billocr_ui.identity.dev_idp.jwt.encode", lambda header, claims, key: encode(header, claims, other)
    )
    assert be(dev, MAIL).headers["location"] == "/?refused=provider"


def test_a_user_who_is_logged_in_adds_a_provider(dev: TestClient, ada: User) -> None:
    link = "/auth/oidc/dev/login?link=1&next=/account"
    dev.headers["sec-fetch-site"] = "same-origin"
    assert be(dev, "eve@example.org", link).headers["location"] == "/?refused=not_logged_in"
    log_in(dev, Origin="http://127.0.0.1:8501")
    session = dev.cookies["bill_session"]
    assert be(dev, "eve@example.org", link).headers["location"] == "/account"
    assert dev.get("/api/v1/session").json()["id"] == ada.id
    assert dev.cookies["bill_session"] == session, "what else is open in this browser stays logged in"
    dev.cookies.clear()
    be(dev, "eve@example.org")
    assert dev.get("/api/v1/session").json()["id"] == ada.id


def test_a_login_that_somebody_else_has_is_not_added_and_the_account_page_says_why(dev: TestClient, ada: User) -> None:
    be(dev, "eve@example.org")
    log_in(dev, Origin="http://127.0.0.1:8501")
    dev.headers["sec-fetch-site"] = "same-origin"
    answer = be(dev, "eve@example.org", "/auth/oidc/dev/login?link=1&next=/account")
    assert answer.headers["location"] == "/account?refused=identity_taken"


@pytest.mark.parametrize(
    ("headers", "there"),
    [
        ({"sec-fetch-site": "same-origin"}, "/dev-idp/"),
        ({"referer": "http://127.0.0.1:8501/account"}, "/dev-idp/"),
        ({"sec-fetch-site": "cross-site"}, "/account?refused=provider"),
        ({"sec-fetch-site": "none"}, "/account?refused=provider"),
        ({"referer": "http://127.0.0.1:8501.evil.example.org/"}, "/account?refused=provider"),
        ({}, "/account?refused=provider"),
    ],
)
def test_only_a_page_of_ours_begins_to_add_a_provider(
    dev: TestClient, ada: User, headers: dict[str, str], there: str
) -> None:
    log_in(dev, Origin="http://127.0.0.1:8501")
    assert there in dev.get("/auth/oidc/dev/login?link=1", headers=headers).headers["location"]


def test_without_accounts_or_under_another_name_there_is_no_provider(
    dev: TestClient, settle: Callable[..., None]
) -> None:
    assert dev.get("/auth/oidc/other/login").status_code == 404
    settle(accounts="false")
    assert dev.get("/auth/oidc/dev/login").status_code == 404


def test_a_provider_that_is_down_or_calls_itself_something_else_is_said_so(
    connect: Callable[..., TestClient], settle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def document(_self: object, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"issuer": "https://evil", "authorization_endpoint": "https://x.example/a"})

    async def answer(self: object, request: httpx.Request) -> httpx.Response:
        return document(self, request)

    facts = {"title": "X", "issuer": "https://x.example", "client_id": "a", "client_secret": "b"}
    settle(oidc=json.dumps([facts | {"name": "x"}, facts | {"name": "down", "issuer": "http://127.0.0.1:9"}]))
    client = connect(follow_redirects=False)
    assert client.get("/auth/oidc/down/login").headers["location"] == "/?refused=provider"
    monkeypatch.setattr("httpx.AsyncHTTPTransport.handle_async_request", answer)
    assert client.get("/auth/oidc/x/login").headers["location"] == "/?refused=provider"


def test_the_development_provider_is_not_there_unless_it_is_asked_for_and_answers_only_this_machine(
    client: TestClient, dev: TestClient
) -> None:
    path = "/dev-idp/.well-known/openid-configuration"
    assert client.get(path).status_code == 403
    assert dev.get(path).status_code == 200
    outside = TestClient(_bound_to("192.0.2.1"), base_url="http://127.0.0.1:8501")
    assert outside.get(path).status_code == 403


def test_sessions_are_of_users_who_are_there(client: TestClient, store: Store, ada: User) -> None:
    log_in(client)
    removal.delete_user(store, ada)
    assert not live(client)
    with store.database.reading() as session:
        assert session.scalars(select(WebSession)).all() == []


def test_a_picture_is_for_users_and_tokens_that_may_read(client: TestClient, store: Store, ada: User) -> None:
    path = f"/pictures/{new_id()}/1"
    assert client.get(path).status_code == 401
    _, reading = tokens.create_token(store, ada, "a", ["bills:read"], 1)
    _, writing = tokens.create_token(store, ada, "b", ["bills:write"], 1)
    assert client.get(path, headers={"Authorization": f"Bearer {writing}"}).status_code == 403
    assert client.get(path, headers={"Authorization": f"Bearer {reading}"}).status_code == 404
    log_in(client)
    assert client.get(path).status_code == 404
