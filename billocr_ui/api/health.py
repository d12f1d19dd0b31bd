"""Whether this process lives, and whether what it stands on answers. Open to everybody."""

from __future__ import annotations

import logging
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import text

from billocr_ui.identity import the_store

log = logging.getLogger(__name__)

router = APIRouter(prefix="/health", tags=["health"])

State = Literal["ok", "unavailable"]


class Live(BaseModel):
    status: State


class Ready(BaseModel):
    status: State
    database: State
    objects: State


@router.get("/live")
def get_live() -> Live:
    """The process answers."""
    return Live(status="ok")


@router.get("/ready", responses={503: {"model": Ready, "description": "A part does not answer."}})
def get_ready(response: Response) -> Ready:
    """Database and object storage answer."""
    ready = Ready(status="ok", database="ok", objects="ok")
    try:
        with the_store().database.reading() as session:
            session.execute(text("SELECT count(*) FROM users"))
    except Exception:  # whatever is wrong there, the answer is the same
        log.exception("the database does not answer")
        ready.database = ready.status = "unavailable"
    try:
        the_store().objects.exists("health")
    except Exception:
        log.exception("the objects do not answer")
        ready.objects = ready.status = "unavailable"
    if ready.status != "ok":
        response.status_code = 503
    return ready
