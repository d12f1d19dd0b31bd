"""Searches that one keeps under names."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from billocr_assets.store import saved_filters
from billocr_ui.api.bills import Wanted
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import Caller, Text, TheStore

router = APIRouter(tags=["searches"])


class NewSearch(BaseModel):
    name: Annotated[Text, Field(min_length=1, max_length=64)]
    filter: Wanted


class Search(NewSearch):
    id: int

    @classmethod
    def of(cls, kept: saved_filters.NamedFilter) -> Search:
        # As it was kept: what was good then is not refused now.
        return cls.model_construct(id=kept.id, name=kept.name, filter=Wanted.model_construct(**asdict(kept.wanted)))


@router.get("/searches")
def list_searches(store: TheStore, user: Caller) -> list[Search]:
    """Your saved searches, by name."""
    return [Search.of(kept) for kept in saved_filters.saved_filters(store, user)]


@router.post("/searches", status_code=201)
def save_search(store: TheStore, user: Caller, body: NewSearch) -> Search:
    """Keep a search under a name. One of yours that has the name already is replaced."""
    return Search.of(saved_filters.save_filter(store, user, body.name, body.filter.filter()))


@router.delete("/searches/{search_id}", status_code=204, responses=responses(404))
def delete_search(store: TheStore, user: Caller, search_id: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> None:
    """Forget a saved search."""
    saved_filters.delete_filter(store, user, search_id)
