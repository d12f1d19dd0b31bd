"""The UI as one ASGI application: ``uvicorn billocr_ui.asgi:app``, or ``python -m billocr_ui``."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config

from billocr_assets.settings import get_settings
from billocr_ui.identity import routes as auth
from billocr_ui.identity import the_store
from billocr_ui.identity.middleware import TRUSTED_HEADERS, IdentityMiddleware
from billocr_ui.routes import routes
from billocr_ui.security import SecurityHeaders
from billocr_ui.services.deliverer import delivering


def say_sorry(_error: BaseException) -> bool:
    """Our own words for an error of ours; Streamlit has logged the details."""
    st.error("Something went wrong here. Please reload the page. If it stays, the log of the UI says why.")
    return True


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    # What has been loaded by now stays; looked through at every full collection, it made one edit in twenty wait.
    gc.collect()
    gc.freeze()
    with delivering(the_store):
        yield


settings = get_settings()
settings.refuse_exposure()
app = st.App(
    Path(__file__).parent / "app.py",
    lifespan=lifespan,
    routes=[*routes(), *auth.routes()],
    middleware=[Middleware(SecurityHeaders, public_url=settings.public_url), Middleware(IdentityMiddleware)],
    on_script_error=say_sorry,
)
# Streamlit refuses larger files while they still arrive; the limit is the installation's, checked again at intake.
config.set_option("server.maxUploadSize", settings.max_upload_mb)
config.set_option("server.trustedUserHeaders", TRUSTED_HEADERS)
if secret := settings.secret.get_secret_value():
    config.set_option("server.cookieSecret", secret)
