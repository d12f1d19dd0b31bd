"""``/auth``: logging in by OIDC providers, and the question of a proxy who may pass."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, cast, get_args
from urllib.parse import urlsplit

from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from streamlit import config

from billocr_assets.settings import OidcProvider, get_settings
from billocr_assets.store.accounts import identities, roles, sessions
from billocr_assets.store.errors import BillError, MissingScope, NotLoggedIn
from billocr_assets.store.schema import Role
from billocr_ui.identity import request_login, request_user
from billocr_ui.identity.cookies import is_secure, origin, set_session_cookie
from billocr_ui.identity.dev_idp import dev_idp
from billocr_ui.identity.store import the_store

log = logging.getLogger(__name__)

_FLOW, _FLOW_PATH, _FLOW_SECONDS = "bill_oidc", "/auth/oidc", 600


def routes() -> list[BaseRoute]:
    found: list[BaseRoute] = [
        Route("/auth/verify", verify),
        Route("/auth/oidc/{provider}/login", oidc_login),
        Route("/auth/oidc/{provider}/callback", oidc_callback),
    ]
    settings = get_settings()
    if settings.dev_idp:
        (provider,) = (each for each in settings.providers if each.name == "dev")
        found.append(Mount("/dev-idp", dev_idp(provider)))
    return found


async def verify(request: Request) -> Response:
    """``/auth/verify?role=operator``: 204 for whoever may pass, 401 for nobody, 403 for everybody else.

    For a proxy before Dagster, which knows no login; both must go by one host's name, or the cookie does not come.
    """
    role = request.query_params.get("role", "user")
    if role not in get_args(Role):
        return Response(status_code=400)
    try:
        user = await run_in_threadpool(request_user, request, by_browser=True)
    except NotLoggedIn:
        return Response(status_code=401)
    except MissingScope:
        return Response(status_code=403)
    return Response(status_code=204 if roles.has_role(user, cast(Role, role)) else 403)


async def oidc_login(request: Request) -> Response:
    """``/auth/oidc/{provider}/login?next=/bill…&invitation=…&link=1``: on to the provider.

    With ``link`` a user who is logged in comes to be known by this provider as well.
    """
    provider = _provider(request)
    if "link" in request.query_params and not _asked_here(request):
        return await _refused(request, "provider")
    flow: dict[str, Any] = {
        "next": _own_path(request.query_params.get("next", "/")),
        "invitation": request.query_params.get("invitation"),
        "link": "link" in request.query_params,
    }
    redirect_uri = f"{origin(request.scope)}/auth/oidc/{provider.name}/callback"
    try:
        client = _client(provider)
        # Authlib keeps state, nonce and the PKCE secret in what it takes for the session.
        answer = await client.authorize_redirect(_with(request, flow), redirect_uri)
        _check_issuer(client, provider)
    except Exception:  # a provider may be down or wrong in any way
        log.exception("the OIDC provider %s cannot be used", provider.name)
        return await _refused(request, "provider")
    answer.set_cookie(
        _FLOW,
        _signer().dumps(flow),
        max_age=_FLOW_SECONDS,
        path=_FLOW_PATH,
        secure=is_secure(request.scope),
        httponly=True,
        samesite="lax",
    )
    return cast(Response, answer)


async def oidc_callback(request: Request) -> Response:
    """``/auth/oidc/{provider}/callback``: back from the provider; opens a login session."""
    provider = _provider(request)
    try:
        flow = _signer().loads(request.cookies.get(_FLOW, ""), max_age=_FLOW_SECONDS)
        client = _client(provider)
        token = await client.authorize_access_token(_with(request, flow))
        claims = token["userinfo"]
        subject = str(claims["sub"])
        _check_issuer(client, provider)
    except BadData:
        return await _refused(request, "provider")  # it took too long, or another browser began
    except Exception:
        log.warning("a login by the OIDC provider %s has failed", provider.name, exc_info=True)
        return await _refused(request, "provider")

    def enter() -> str | None:
        current = _current(request)
        if flow["link"] and current is None:
            raise NotLoggedIn
        user = identities.login_by_provider(
            the_store(),
            provider,
            subject,
            claims["email"] if claims.get("email_verified") is True else None,
            str(claims.get("name") or claims.get("preferred_username") or ""),
            flow["invitation"],
            current.user if current and flow["link"] else None,
        )
        if flow["link"]:
            return None  # who they are has not changed
        agent, address = request.headers.get("user-agent"), request.client.host if request.client else None
        if current and current.session_id:
            sessions.end_session(the_store(), current.user, current.session_id)
        return sessions.open_session(the_store(), user, address, agent)

    try:
        session = await run_in_threadpool(enter)
    except BillError as error:
        return await _refused(request, error.code)
    answer = RedirectResponse(flow["next"], 303)
    if session:
        set_session_cookie(answer, request.scope, session)
    answer.delete_cookie(_FLOW, path=_FLOW_PATH)
    return answer


def _provider(request: Request) -> OidcProvider:
    store = the_store()
    for provider in store.settings.providers if store.settings.accounts else ():
        if provider.name == request.path_params["provider"]:
            return provider
    raise HTTPException(404)


@cache
def _client(provider: OidcProvider) -> StarletteOAuth2App:
    return cast(
        StarletteOAuth2App,
        OAuth().register(
            provider.name,
            client_id=provider.client_id,
            client_secret=provider.client_secret.get_secret_value(),
            server_metadata_url=f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "timeout": 10},
        ),
    )


def _check_issuer(client: StarletteOAuth2App, provider: OidcProvider) -> None:
    # Authlib compares the token with what the discovery document says of itself.
    if client.server_metadata.get("issuer") != provider.issuer:
        raise ValueError(f"{provider.name} calls itself {client.server_metadata.get('issuer')}, not {provider.issuer}")


def _with(request: Request, flow: dict[str, Any]) -> Request:
    # A copy: what Streamlit keeps as its own session must not hold this.
    return Request({**request.scope, "session": flow})


@cache
def _signer() -> URLSafeTimedSerializer:
    # Without a setting, Streamlit has made a secret at its start.
    secret = the_store().settings.secret.get_secret_value() or config.get_option("server.cookieSecret")
    return URLSafeTimedSerializer(secret, salt=_FLOW)


def _current(request: Request) -> sessions.Login | None:
    try:
        return request_login(request)
    except NotLoggedIn:
        return None


def _own_path(path: str) -> str:
    """The path if it leads to a page of ours, else the first page."""
    parts = urlsplit(path)
    mine = path.startswith("/") and not parts.scheme and not parts.netloc and "\\" not in path and path.isprintable()
    return path if mine else "/"


def _asked_here(request: Request) -> bool:
    """Whether a page of ours leads here.

    Another site's could have somebody log in at the provider as the other site's owner, and then link that.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    return request.headers.get("referer", "").startswith(f"{origin(request.scope)}/")  # a browser without HTTPS


async def _refused(request: Request, code: str) -> Response:
    """Back to where it is said why: the account page for those who are logged in, the login page for the others."""
    page = "/account" if await run_in_threadpool(_current, request) else "/"
    return RedirectResponse(str(URL(page).include_query_params(refused=code)), 303)
