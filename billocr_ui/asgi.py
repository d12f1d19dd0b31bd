"""The UI as one ASGI application: ``uvicorn billocr_ui.asgi:app``, or ``python -m billocr_ui``."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from billocr_assets.settings import get_settings
from billocr_ui.routes import routes
from billocr_ui.security import SecurityHeaders

# Streamlit reads its limit from its own configuration; ours is the one that counts.
os.environ["STREAMLIT_SERVER_MAX_UPLOAD_SIZE"] = str(get_settings().max_upload_mb)

app = st.App(Path(__file__).parent / "app.py", routes=routes(), middleware=[Middleware(SecurityHeaders)])
