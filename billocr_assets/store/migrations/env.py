"""Alembic's entry point; the connection and its transaction come from ``Database.migrate``."""

from typing import Any, Literal

from alembic import context

from billocr_assets.store.schema import Base, UTCDateTime


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    # A migration must not change its meaning when our own type does.
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


def include_object(_object: Any, name: str | None, *_: Any) -> bool:
    # Only PostgreSQL has this one, and only where its extension can be had; the tables' description cannot say so.
    return name != "ix_bills_search"


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=render_item,
    include_object=include_object,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
