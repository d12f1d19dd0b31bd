"""``python -m billocr_ui.api``: the API's description (OpenAPI 3.1) as JSON, for those who make clients of it."""

from __future__ import annotations

import json

from billocr_ui.api import create_api


def description() -> str:
    return json.dumps(create_api().openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(description(), end="")
