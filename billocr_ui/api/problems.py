"""Errors as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from billocr_assets.store.errors import BillError, NotLoggedIn, TooManyTries
from billocr_ui.strings import language_accepted, words

# What is not here: what was sent cannot be accepted as it is.
_STATUS = {
    "not_logged_in": 401,
    "wrong_credentials": 401,
    "login_too_old": 401,
    "not_allowed": 403,
    "missing_scope": 403,
    "duplicate": 409,
    "not_read": 409,
    "under_way": 409,
    "being_reviewed": 409,
    "too_large": 413,
    "too_many_pages": 413,
    "too_many_pixels": 413,
    "unknown_kind": 415,
    "quota_exceeded": 429,
    "too_many_tries": 429,
}
_MORE = ("existing_id", "limit", "used", "resets_at", "seq")


class Mistake(BaseModel):
    where: list[str | int] = Field(description="The way to the value, beginning with body, query, path or header.")
    detail: str


class Problem(BaseModel):
    """What went wrong, for programs (`type`) and people (`detail`)."""

    type: str = Field(examples=["urn:billocr:not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such bill. It may have been deleted."])
    existing_id: str | None = Field(None, description="With `duplicate`: the bill that has these bytes.")
    limit: int | None = Field(None, description="With a quota: as much is allowed.")
    used: int | None = Field(None, description="With a quota: as much is used.")
    resets_at: datetime | None = Field(None, description="With a quota that renews: when.")
    seq: int | None = Field(None, description="With `invalid_operation`: the number of the edit.")
    mistakes: list[Mistake] | None = Field(None, description="With `invalid`: each value that was refused.")


class RequestRefused(Exception):
    """A refusal that concerns the request, not a bill: wrong preconditions, missing rights, too much at once."""

    def __init__(self, status: int, code: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.headers = status, code, {name.replace("_", "-"): headers[name] for name in headers}


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """The answer for one problem; ``more`` are further members, left out where None."""
    content = Problem(type=f"urn:billocr:{code}", title=HTTPStatus(status).phrase, status=status, detail=detail, **more)
    return JSONResponse(
        content.model_dump(mode="json", exclude_none=True),
        status,
        headers,
        media_type="application/problem+json",
    )


def answer_errors(api: FastAPI) -> None:
    """Have every error of the API answered as a problem."""

    @api.exception_handler(BillError)
    def bill_error(request: Request, error: BillError) -> JSONResponse:
        more = {name: getattr(error, name, None) for name in _MORE}
        language = language_accepted(request.headers.get("accept-language", ""))
        headers = {**_headers(error), "Content-Language": language}
        return problem(_status(error), error.code, words(language).error(error), headers, **more)

    @api.exception_handler(RequestRefused)
    def refused(request: Request, error: RequestRefused) -> JSONResponse:
        return problem(error.status, error.code, str(error), error.headers)

    @api.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Without the values themselves: they may be secrets, and need not be valid JSON.
        mistakes = [Mistake(where=list(each["loc"]), detail=each["msg"]) for each in error.errors()]
        return problem(422, "invalid", "The request is not as the API's description has it.", mistakes=mistakes)

    @api.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "no_such_path", 405: "method_not_allowed"}.get(error.status_code, "refused")
        return problem(error.status_code, code, str(error.detail), dict(error.headers or {}))

    @api.exception_handler(Exception)
    def ours(request: Request, error: Exception) -> JSONResponse:
        # Starlette raises it once more after the answer, so the server logs it.
        return problem(500, "internal", "Something went wrong here. The log of the UI says why.")


def _headers(error: BillError) -> dict[str, str]:
    if isinstance(error, TooManyTries):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, NotLoggedIn):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def _status(error: BillError) -> int:
    return 404 if error.code.endswith("not_found") else _STATUS.get(error.code, 422)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for its description."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}
