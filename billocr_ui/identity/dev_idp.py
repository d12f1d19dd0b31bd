"""An OIDC provider for development and tests: it believes everybody who they say they are. Never on the internet."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from billocr_assets.settings import OidcProvider

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Development provider</title>
<meta name="viewport" content="width=device-width">
<body style="font: 1rem sans-serif; max-width: 24rem; margin: 3rem auto; padding: 0 1rem">
<h1>Who are you?</h1><p>The development provider believes whatever you say.</p>
<form method="post">
<p><label>E-mail<br><input name="email" type="email" required></label></p>
<p><label>Name<br><input name="name"></label></p>
<p><label><input type="checkbox" name="verified" checked> The address is verified</label></p>
<button>Continue</button></form></body></html>"""


def dev_idp(client: OidcProvider) -> Starlette:
    """The provider as an application, for this one client, to be mounted at its issuer's path."""
    key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})
    codes: dict[str, dict[str, Any]] = {}

    async def discovery(_request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": client.issuer,
                "authorization_endpoint": f"{client.issuer}/authorize",
                "token_endpoint": f"{client.issuer}/token",
                "jwks_uri": f"{client.issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def jwks(_request: Request) -> Response:
        return JSONResponse(KeySet([key]).as_dict(private=False))

    async def authorize(request: Request) -> Response:
        asked = request.query_params
        own = client.issuer.removesuffix("/dev-idp") + "/auth/oidc/"
        if asked.get("client_id") != client.client_id or not asked.get("redirect_uri", "").startswith(own):
            return PlainTextResponse("This client is not known here.", 400)
        if asked.get("code_challenge_method") != "S256" or not asked.get("state") or not asked.get("nonce"):
            return PlainTextResponse("A client needs PKCE with S256, state and nonce here.", 400)
        if request.method == "GET":
            return HTMLResponse(_PAGE)
        async with request.form() as form:
            said = {name: str(form.get(name, "")) for name in ("email", "name", "verified")}
        code = secrets.token_urlsafe(16)
        codes[code] = {"asked": dict(asked), "said": said, "until": time.monotonic() + 60}
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

    async def token(request: Request) -> Response:
        async with request.form() as form:
            known = codes.pop(str(form.get("code")), None)  # good once
            verifier = str(form.get("code_verifier", ""))
            redirect_uri = form.get("redirect_uri")
        credentials = f"{client.client_id}:{client.client_secret.get_secret_value()}"
        basic = f"Basic {base64.b64encode(credentials.encode()).decode()}"
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), basic.encode()):
            return JSONResponse({"error": "invalid_client"}, 401)
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if (
            known is None
            or known["until"] < time.monotonic()
            or known["asked"]["code_challenge"] != digest
            or known["asked"]["redirect_uri"] != redirect_uri
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        said, moment = known["said"], int(time.time())
        claims = {
            "iss": client.issuer,
            "aud": client.client_id,
            "sub": hashlib.sha256(said["email"].encode()).hexdigest()[:16],
            "iat": moment,
            "exp": moment + 60,
            "nonce": known["asked"]["nonce"],
            "email": said["email"],
            "email_verified": said["verified"] == "on",
            "name": said["name"],
        }
        return JSONResponse(
            {
                "access_token": secrets.token_urlsafe(16),
                "token_type": "Bearer",
                "expires_in": 60,
                "id_token": jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key),
            }
        )

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks", jwks),
            Route("/authorize", authorize, methods=["GET", "POST"]),
            Route("/token", token, methods=["POST"]),
        ]
    )
