"""One's own account: usage, tokens, logins, and leaving with everything."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from billocr_assets.store import personal_data, quotas
from billocr_assets.store.accounts import removal, sessions, tokens
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import BILL_ID, Caller, Name, Person, TheStore, disposition
from billocr_ui.api.session import Password
from billocr_ui.identity import request_login
from billocr_ui.identity.cookies import delete_session_cookie

router = APIRouter(tags=["account"])

RowId = Annotated[str, Path(pattern=BILL_ID)]


class Use(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    limit: int | None = Field(description="Null: as much as you like.")
    used: int | None = Field(description="Null for limits of a single file.")
    resets_at: datetime | None = Field(description="When `used` begins anew by itself.")


class Usage(BaseModel):
    bills_per_month: Use = Field(description="Uploads this calendar month (UTC).")
    storage_bytes: Use = Field(description="Of uploads kept, the trash included.")
    bills_in_flight: Use = Field(description="Uploads that wait or are being read.")
    max_file_bytes: Use
    max_pages: Use


class NewToken(BaseModel):
    name: Name
    scopes: Annotated[list[tokens.Scope], Field(min_length=1)]
    days: int = Field(90, ge=1, le=tokens.TOKEN_DAYS, description="Until it expires.")


class TokenOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    prefix: str = Field(description="What the token begins with, after `bo_`.")
    scopes: list[tokens.Scope]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class TokenMade(TokenOut):
    token: str = Field(description="Shown this one time.", examples=["bo_1a2b3c4d_…"])


class LoginSession(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    address: str | None
    agent: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class Proof(BaseModel):
    password: Password = Field("", description="Those who have none log in anew at most ten minutes before.")


_ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/me/export", response_class=StreamingResponse, responses=_ZIP)
def export_account(store: TheStore, user: Person) -> StreamingResponse:
    """All that is kept of you as one ZIP: your account, every upload, what was read on it and every correction."""
    name, media_type, content = personal_data.export_account(store, user)
    return StreamingResponse(content, media_type=media_type, headers=disposition(name))


@router.delete("/me", status_code=204, responses=responses(429))
def delete_account(store: TheStore, user: Person, request: Request, response: Response, body: Proof) -> None:
    """Delete your account and your bills, at once and for good."""
    removal.delete_account(store, request_login(request), body.password)
    delete_session_cookie(response, request.scope)


@router.get("/usage")
def get_usage(store: TheStore, user: Caller) -> Usage:
    """How far your limits are used."""
    return Usage.model_validate({name: Use.model_validate(use) for name, use in quotas.usage(store, user).items()})


@router.get("/tokens")
def list_tokens(store: TheStore, user: Person) -> list[TokenOut]:
    """Your tokens, newest first."""
    return [TokenOut.model_validate(token) for token in tokens.tokens_of(store, user)]


@router.post("/tokens", status_code=201)
def create_token(store: TheStore, user: Person, body: NewToken) -> TokenMade:
    """Make a token for a program."""
    token, secret = tokens.create_token(store, user, body.name, body.scopes, body.days)
    return TokenMade(**TokenOut.model_validate(token).model_dump(), token=secret)


@router.delete("/tokens/{token_id}", status_code=204, responses=responses(404))
def revoke_token(store: TheStore, user: Person, token_id: RowId) -> None:
    """End a token."""
    tokens.revoke_token(store, user, token_id)


@router.get("/login-sessions")
def list_login_sessions(store: TheStore, user: Person) -> list[LoginSession]:
    """Where you are logged in, last used first."""
    return [LoginSession.model_validate(each) for each in sessions.sessions_of(store, user)]


@router.delete("/login-sessions/{session_id}", status_code=204, responses=responses(404))
def end_login_session(store: TheStore, user: Person, session_id: RowId) -> None:
    """Log out there."""
    sessions.end_session(store, user, session_id)


@router.delete("/login-sessions", status_code=204)
def end_login_sessions(store: TheStore, user: Person) -> None:
    """Log out everywhere."""
    sessions.end_sessions(store, user)
