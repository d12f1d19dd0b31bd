"""The REST API ``/api/v1``: one module a resource, each thin over the store."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from billocr_ui.api import bills, documents, webhooks
from billocr_ui.api.problems import answer_errors, responses
from billocr_ui.api.requests import Door

DESCRIPTION = """Upload bills, watch them being read, correct and export them.

Programs send a token (`Authorization: Bearer bo_…`), which people make on their account page. Errors come as
`application/problem+json` (RFC 9457). Somebody else's bill answers exactly as one that does not exist."""


def create_api() -> FastAPI:
    """The API as an application to be mounted at ``/api/v1``."""
    # Both are checked before any route is reached; here they only stand for the description.
    security = [
        Security(HTTPBearer(scheme_name="token", description="An API token.", auto_error=False)),
        Security(APIKeyCookie(name="bill_session", scheme_name="session", auto_error=False)),
    ]
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
        dependencies=security,
        responses=responses(401, 403, 422),
    )
    for module in (bills, documents, webhooks):
        api.include_router(module.router)
    api.add_middleware(Door)
    answer_errors(api)
    describe = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            for path in describe()["paths"].values():
                for operation in path.values():
                    for status, answer in operation["responses"].items():
                        if status >= "400":
                            answer["content"] = {"application/problem+json": answer["content"].pop("application/json")}
        return describe()

    api.openapi = openapi  # type: ignore[method-assign]
    return api
