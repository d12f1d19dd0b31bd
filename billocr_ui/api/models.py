"""The networks that read bills."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from billocr_assets.store import registry
from billocr_assets.store.schema import ModelOrigin, ModelState
from billocr_ui.api.requests import Caller, TheStore

router = APIRouter(tags=["models"])


class Model(BaseModel):
    network: str = Field(examples=["line_recogniser"])
    version: str
    state: ModelState = Field(description="The one that is `promoted` reads bills now.")
    origin: ModelOrigin
    figures: dict[str, Any] = Field(description="What it scored.")
    created_at: datetime
    promoted_at: datetime | None
    bills: int = Field(description="How many of your bills it has read last.")
    corrections: int = Field(description="How many corrected bills it has learned from.")


@router.get("/models")
def list_models(store: TheStore, user: Caller) -> list[Model]:
    """All versions of the networks, newest first."""
    return [
        Model(
            network=each.model.network,
            version=each.model.version,
            state=each.model.state,
            origin=each.model.origin,
            figures=each.model.figures,
            created_at=each.model.created_at,
            promoted_at=each.model.promoted_at,
            bills=each.bills,
            corrections=each.corrections,
        )
        for each in registry.versions(store, user)
    ]
