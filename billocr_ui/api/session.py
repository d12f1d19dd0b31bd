"""Coming in and going out: log in, sign up, try it out, change the password."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from billocr_assets.store import Store
from billocr_assets.store.accounts import demo, passwords, sessions, users
from billocr_assets.store.accounts.sessions import Login
from billocr_assets.store.errors import NotAllowed, NotLoggedIn
from billocr_assets.store.schema import Role, UserKind
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import Caller, Person, TheStore
from billocr_ui.identity import request_login
from billocr_ui.identity.cookies import delete_session_cookie, set_session_cookie

router = APIRouter(tags=["session"])

Email = Annotated[str, Field(max_length=320, examples=["name@example.org"])]

Password = Annotated[str, Field(max_length=1000)]


class Credentials(BaseModel):
    email: Email
    password: Password


class NewAccount(BaseModel):
    email: Email
    name: str = Field("", max_length=255)
    password: Password = Field(description="At least 12 characters.")
    invitation: str | None = Field(None, max_length=100, description="From an admin's link.")


class NewPassword(BaseModel):
    current: Password = Field("", description="Not needed by those who have none yet.")
    password: Password


class Me(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    email: str | None
    role: Role
    kind: UserKind = Field(description="`local`: this machine's one user, without accounts.")
    expires_at: datetime | None = Field(description="Of demo users, when they and their bills go.")


@router.get("/session")
def get_session(user: Caller) -> Me:
    """Who you are."""
    return Me.model_validate(user)


@router.post("/session", responses=responses(429))
def log_in(store: TheStore, request: Request, response: Response, body: Credentials) -> Me:
    """Log in with a password. The answer sets a cookie that no script can read."""
    _need_accounts(store)
    token = passwords.log_in(store, body.email, body.password, *_client(request))
    return _enter(store, request, response, token)


@router.delete("/session", status_code=204)
def log_out(store: TheStore, user: Person, request: Request, response: Response) -> None:
    """Log out here."""
    login = request_login(request)
    if login.session_id:
        sessions.end_session(store, user, login.session_id)
    delete_session_cookie(response, request.scope)


@router.post("/accounts", status_code=201, responses=responses(429))
def sign_up(store: TheStore, request: Request, response: Response, body: NewAccount) -> Me:
    """Make an account, where that is open to you, and log in."""
    _need_accounts(store)
    address, agent = _client(request)
    user = users.sign_up(store, body.email, body.name, body.password, address, body.invitation)
    return _enter(store, request, response, sessions.open_session(store, user, address, agent))


@router.post("/accounts/demo", status_code=201, responses=responses(429))
def try_out(store: TheStore, request: Request, response: Response) -> Me:
    """Become a demo user for a day, with small quotas."""
    _need_accounts(store)
    address, agent = _client(request)
    user = demo.create_demo_user(store, address)
    return _enter(store, request, response, sessions.open_session(store, user, address, agent))


@router.put("/password", status_code=204, responses=responses(429))
def change_password(store: TheStore, user: Person, request: Request, body: NewPassword) -> None:
    """Change your password. All your other logins end."""
    passwords.change_password(store, request_login(request), body.current, body.password)


def _need_accounts(store: Store) -> None:
    if not store.settings.accounts:
        raise NotAllowed("There are no accounts here: whoever is at this machine is its one user.", "local")


def _enter(store: Store, request: Request, response: Response, token: str) -> Me:
    try:
        before: Login = request_login(request)
        if before.session_id:
            sessions.end_session(store, before.user, before.session_id)
    except NotLoggedIn:
        pass
    set_session_cookie(response, request.scope, token)
    login = sessions.login_by_cookie(store, token)
    if login is None:  # disabled this very moment
        raise NotLoggedIn
    return Me.model_validate(login.user)


def _client(request: Request) -> tuple[str | None, str | None]:
    """Address and browser."""
    return request.client.host if request.client else None, request.headers.get("user-agent")
