"""Alembic's entry point; the connection and its transaction come from ``Database.migrate``."""

from typing import Any, Literal

from alembic import context

from billocr_assets.store.schema import Base, UTCDateTime


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    # A migration must not change its meaning when our own type does.
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=render_item,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
