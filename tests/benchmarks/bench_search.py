"""How long lists and searches take among many bills, on SQLite and on PostgreSQL, there with and without its index.

``python -m tests.benchmarks.bench_search [--bills 20000]``; half as many again belong to somebody else.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal

import psutil
from sqlalchemy import insert, text

from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.bills import BillFilter, list_bills, local_user
from billocr_assets.store.overview import overview
from billocr_assets.store.schema import Bill, Grant, User, new_id
from billocr_assets.store.sharing import create_group
from tests import servers

SEARCHES = {
    "first page": BillFilter(),
    "rare word": BillFilter(search="quittung4711"),
    "part of a word": BillFilter(search="ittung471"),
    "two words": BillFilter(search="haferflocken quittung12"),
    "common word": BillFilter(search="summe"),
    "two letters": BillFilter(search="qu"),
    "no hit": BillFilter(search="zeppelin"),
    "dates and total": BillFilter(
        billed_from=date(2026, 3, 1), billed_to=date(2026, 3, 31), total_from=Decimal(10), total_to=Decimal(20)
    ),
    "shared with me": BillFilter(whose="shared"),
}


def fill(store: Store, count: int) -> User:
    """A user with so many bills, another with half as many, of whom every hundredth is shared with the first."""
    dice = random.Random(1)
    words = [f"{a}{b}" for a in ("hafer", "milch", "brot", "kaffee", "seife", "apfel") for b in
             ("flocken", "reis", "stange", "bohnen", "pulver", "saft", "kuchen", "tasse", "dose", "tüte")]  # fmt: skip
    user = local_user(store)
    with store.database.session() as session:
        session.add(other := User(name="other", email="other@example.org"))
    create_group(store, user, "Office")  # whose grants are looked at as well
    with store.database.session() as session:
        for start in range(0, count + count // 2, 1000):
            rows = []
            for number in range(start, min(start + 1000, count + count // 2)):
                owner = user if number % 3 else other
                lines = [f"{dice.choice(words)} {dice.choice(words)} {dice.uniform(0.5, 30):.2f}" for _ in range(25)]
                body = "\n".join([f"markt {number % 97}", *lines, f"summe quittung{number}"])
                rows.append({
                    "id": new_id(), "owner_id": owner.id, "sha256": f"{number:064}", "name": f"{number}.jpg",
                    "media_type": "image/jpeg", "bytes": 10**6, "pages": 1, "status": "read", "search": body,
                    "merchant": f"Markt {number % 97}", "currency": "EUR",
                    "billed_on": date(2026, 1, 1) + timedelta(days=number % 300), "total_cents": number % 9000,
                })  # fmt: skip
            session.execute(insert(Bill), rows)
            shared = [row["id"] for row in rows if row["owner_id"] == other.id][::33]
            session.execute(insert(Grant), [{"bill_id": each, "user_id": user.id, "level": "view"} for each in shared])
    with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return user


def cpu_seconds(store: Store) -> float:
    """Of this process and of the server's processes that work for it."""
    spent = time.process_time()
    if not store.database.is_sqlite:
        with store.database.reading() as session:
            backends = session.scalars(
                text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            ).all()
        spent += sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in backends)
    return spent


def milliseconds(store: Store, work: Callable[[], object], times: int = 10) -> str:
    """Mean CPU, which other work on the machine changes little, and median time."""
    took = []
    before = cpu_seconds(store)
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return f"{(cpu_seconds(store) - before) / times * 1000:.0f} | {statistics.median(took):.0f} |"


def measure(store: Store, user: User, title: str) -> None:
    print(f"\n{title}\n\n| list | hits | CPU ms | ms |\n| --- | --- | --- | --- |", flush=True)
    for name, wanted in SEARCHES.items():
        found = list_bills(store, user, wanted)
        spent = milliseconds(store, lambda wanted=wanted: list_bills(store, user, wanted))  # type: ignore[misc]
        print(f"| {name} | {found.total} | {spent}", flush=True)
    cursor = list_bills(store, user, order="-total", limit=24).cursor
    print(
        "| next slice by total | |", milliseconds(store, lambda: list_bills(store, user, order="-total", cursor=cursor))
    )
    print("| page 400 | |", milliseconds(store, lambda: list_bills(store, user, offset=10_000)))
    ids = [bill.id for bill in list_bills(store, user).bills]
    print(f"| 24 cards | {len(ids)} |", milliseconds(store, lambda: overview(store, user, ids)), flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bills", type=int, default=20_000)
    count = arguments.parse_args().bills
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{folder}/billocr.db"}
        if binaries := servers.postgres_binaries():
            cluster = stack.enter_context(servers.run_postgres(binaries))
            urls["PostgreSQL"] = cluster.url(cluster.create_database())
        for title, url in urls.items():
            store = open_store(Settings(home=folder, database_url=url))  # type: ignore[arg-type]
            store.database.migrate()
            user = fill(store, count)
            measure(store, user, title)
            if not store.database.is_sqlite:
                with store.database.session() as session:
                    session.execute(text("DROP INDEX IF EXISTS ix_bills_search"))
                measure(store, user, f"{title}, without the index")
            store.database.engine.dispose()


if __name__ == "__main__":
    main()
