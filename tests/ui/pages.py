"""Opening a page as Streamlit runs it, and looking at what it shows."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def open_page(app: AppTest, view: str, /, **query: str) -> AppTest:
    app.run()
    app.switch_page(f"views/{view}.py")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def sent(app: AppTest) -> list[dict]:
    """What the components on the page were given."""
    return [json.loads(element.proto.json) for element in app.get("bidi_component")]


def cards(app: AppTest) -> list[dict]:
    return [card for data in sent(app) for card in data["cards"]]


def text(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.title, app.subheader, app.markdown) for element in kind)
