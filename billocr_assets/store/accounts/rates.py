"""How often something may be tried, counted by account or by the network that somebody comes from."""

from __future__ import annotations

import ipaddress
import math
from datetime import timedelta

from sqlalchemy import case, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from billocr_assets.store.errors import TooManyTries
from billocr_assets.store.schema import RateCount, now


def take(session: Session, key: str, limit: int, within: timedelta) -> None:
    """Count a try, if that makes at most ``limit`` since the first; the rest of the transaction happens only then.

    One statement, so any number at once are counted one after the other.

    Raises:
        TooManyTries: the limit is reached.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    moment = now()
    statement = insert(RateCount).values(key=key, since=moment, count=1)
    over = RateCount.since <= moment - within
    statement = statement.on_conflict_do_update(
        index_elements=[RateCount.key],
        set_={
            "count": case((over, 1), else_=RateCount.count + 1),
            "since": case((over, statement.excluded.since), else_=RateCount.since),
        },
        where=or_(over, RateCount.count < limit),
    )
    if session.scalar(statement.returning(RateCount.count)) is None:
        since = session.scalar(select(RateCount.since).where(RateCount.key == key)) or moment
        raise TooManyTries(max(1, math.ceil((since + within - moment).total_seconds())))


def network(address: str | None) -> str:
    """What one client has for itself: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    # A server that listens for both kinds sees IPv4 addresses so.
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
