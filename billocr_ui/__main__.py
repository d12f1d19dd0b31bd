"""Serve the UI on the address that the settings name."""

from __future__ import annotations

import uvicorn

from billocr_assets.settings import Exposed, get_settings


def main() -> None:
    settings = get_settings()
    try:
        settings.refuse_exposure()
    except Exposed as error:
        raise SystemExit(str(error)) from error
    # One worker: a Streamlit session lives in one process. More come by more pods with sticky sessions.
    uvicorn.run("billocr_ui.asgi:app", host=settings.host, port=settings.ui_port, access_log=False)


if __name__ == "__main__":
    main()
