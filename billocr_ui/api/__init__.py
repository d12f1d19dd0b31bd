"""The REST API ``/api/v1``: one module a resource, each thin over the store."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from billocr_ui.api import (
    account,
    admin,
    bills,
    documents,
    exports,
    health,
    models,
    review,
    searches,
    session,
    sharing,
    webhooks,
)
from billocr_ui.api.problems import answer_errors, responses
from billocr_ui.api.requests import Door

DESCRIPTION = """Upload bills, watch them being read, correct and export them.

Programs send a token (`Authorization: Bearer bo_…`), which people make on their account page. Errors come as
`application/problem+json` (RFC 9457). Somebody else's bill answers exactly as one that does not exist."""


_PROBLEM = {"$ref": "#/components/schemas/Problem"}


def create_api() -> FastAPI:
    """The API as an application to be mounted at ``/api/v1``."""
    api = FastAPI(
        title="Bill OCR",
        version="1",
        description=DESCRIPTION,
        # The pages that FastAPI draws load their scripts from another host.
        docs_url=None,
        redoc_url=None,
        servers=[{"url": "/api/v1"}],
        root_path_in_servers=False,
        generate_unique_id_function=lambda route: route.name,
        responses=responses(400, 401, 403, 422),
        webhooks=webhooks.told,
    )
    for module in (
        session,
        bills,
        documents,
        sharing,
        review,
        exports,
        models,
        searches,
        account,
        webhooks,
        admin,
        health,
    ):
        api.include_router(module.router)
    api.add_middleware(Door)
    answer_errors(api)
    describe = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            for path in describe()["paths"].values():
                for operation in path.values():
                    for answer in operation["responses"].values():
                        schema = answer.get("content", {}).get("application/json", {}).get("schema")
                        if schema == _PROBLEM:
                            answer["content"] = {"application/problem+json": {"schema": schema}}
        return describe()

    api.openapi = openapi  # type: ignore[method-assign]
    return api
