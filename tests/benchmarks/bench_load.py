"""Many people at once: browsing and editing over the API while others upload, against a server of its own.

Prints how long answers take, what failed, edits that were acknowledged and are not there, and the server's memory and
processor time. Both share the machine, so what is uploaded is made before the clock starts: the people wait for the
server and not for their own client.

    nice -n 10 python -m tests.benchmarks.bench_load --minutes 5
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import httpx
import psutil

from billocr_assets.fields.extract import extract_fields
from billocr_assets.settings import Settings
from billocr_assets.store import Store, open_store
from billocr_assets.store.accounts import sessions
from billocr_assets.store.bills import register_upload
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import User
from tests import files
from tests.api.live import serve
from tests.servers import postgres_binaries, run_postgres
from tests.ui.conftest import document_of

BILLS_EACH = 5
LINES = tuple(f"Item number {n}  {n},50" for n in range(1, 41))
# Seconds that a person looks at something before the next click; an edit follows sooner.
THINK = (0.5, 3.5)


@dataclass
class Load:
    """What was measured.

    Attributes:
        seconds: kind of request to how long each took.
        wrong: kind and what came back to how often.
        sent: bill and line to the text that was acknowledged last.
    """

    url: str
    until: float
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: Counter[str] = field(default_factory=Counter)
    sent: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def on(self) -> bool:
        return time.monotonic() < self.until

    async def ask(self, client: httpx.AsyncClient, kind: str, method: str, path: str, **says: object) -> httpx.Response:
        start = time.monotonic()
        try:
            answer = await client.request(method, path, **says)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            self.wrong[f"{kind}: {type(error).__name__}"] += 1
            raise
        self.seconds[kind].append(time.monotonic() - start)
        if answer.status_code >= 400:
            self.wrong[f"{kind}: {answer.status_code} {answer.text[:120]}"] += 1
        return answer


async def browse_and_edit(load: Load, client: httpx.AsyncClient, chance: random.Random) -> None:
    """One person, who begins anew with the list when something does not answer."""
    await asyncio.sleep(chance.uniform(0, THINK[1]))
    tags: dict[str, str] = {}
    while load.on:
        with suppress(httpx.HTTPError):
            await visit(load, client, chance, tags)


async def visit(load: Load, client: httpx.AsyncClient, chance: random.Random, tags: dict[str, str]) -> None:
    """The list, a bill of it, its picture and text, and a few edits."""
    wanted = {"status": "read", "search": chance.choice(["", "item"])}
    found = await load.ask(client, "list", "GET", "bills", params=wanted)
    mine = [bill["id"] for bill in found.json()["bills"]]
    await asyncio.sleep(chance.uniform(*THINK))
    bill = chance.choice(mine)
    await load.ask(client, "bill", "GET", f"bills/{bill}")
    known = {"If-None-Match": tags[bill]} if bill in tags else {}
    picture = await load.ask(client, "picture", "GET", f"bills/{bill}/pages/1/picture", headers=known)
    tags[bill] = picture.headers.get("etag", "")
    document = (await load.ask(client, "document", "GET", f"bills/{bill}/document")).json()
    revision, editor = document["revision"], str(uuid4())
    for seq in range(1, chance.randint(2, 5)):
        await asyncio.sleep(chance.uniform(*THINK) / 2)
        line, text = f"p1l{chance.randrange(len(LINES))}", f"Corrected {uuid4().hex[:8]} {seq},00"
        op = {"seq": seq, "op": {"kind": "set_text", "line": line, "text": text}}
        body = {"client_id": editor, "base": revision, "operations": [op]}
        answer = await again_and_again(load, client, f"bills/{bill}/operations", body)
        if answer.status_code == 200:
            revision = answer.json()["revision"]
            if not answer.json()["conflicts"]:
                load.sent[bill, line] = text


async def watch(load: Load, server: psutil.Process, memory: list[int]) -> None:
    """The server's memory, minute by minute."""
    while load.on:
        memory.append(server.memory_info().rss)
        await asyncio.sleep(min(60.0, max(0.0, load.until - time.monotonic())))
    memory.append(server.memory_info().rss)


async def again_and_again(load: Load, client: httpx.AsyncClient, path: str, body: object) -> httpx.Response:
    """An edit until it is answered, as the editor does: with its number it is applied once."""
    while True:
        with suppress(httpx.HTTPError):
            return await load.ask(client, "edit", "POST", path, json=body)


async def upload(load: Load, clients: list[httpx.AsyncClient], pictures: list[bytes], per_second: float) -> None:
    """New bills at this rate, whether or not the ones before have come through."""
    turn = itertools.cycle(clients)
    under_way: set[asyncio.Task[httpx.Response]] = set()
    start = time.monotonic()
    for number, data in enumerate(pictures):
        await asyncio.sleep(max(0.0, start + number / per_second - time.monotonic()))
        sent = load.ask(
            next(turn),
            "upload",
            "POST",
            "bills",
            files={"file": (f"{number}.jpg", data)},
            headers={"Idempotency-Key": str(number)},
        )
        task = asyncio.create_task(sent)
        under_way.add(task)
        task.add_done_callback(lambda done: (under_way.discard(done), done.exception()))  # which is counted already
    if under_way:
        await asyncio.wait(under_way)


async def lost(load: Load, clients: dict[str, httpx.AsyncClient]) -> int:
    """How many edits were acknowledged last on their line and are not there."""
    missing = 0
    for bill in {bill for bill, _ in load.sent}:
        document = (await clients[bill].get(f"bills/{bill}/document", timeout=None)).json()
        now = {line["id"]: line["text"] for line in document["pages"][0]["lines"]}
        missing += sum(now[line] != text for (of, line), text in load.sent.items() if of == bill)
    return missing


def person(store: Store, name: str) -> tuple[User, list[str], str]:
    """Somebody without limits, ids of bills of theirs that have been read, and the token of their login."""
    free = dict.fromkeys(("bills_per_month", "storage_bytes", "bills_in_flight"))
    with store.database.session() as session:
        session.add(user := User(name=name, email=f"{name}@example.org", limits=free))
    ids = []
    for number in range(BILLS_EACH):
        data = files.encode(files.page(seed=user.id * 1000 + number), "JPEG")
        bill = register_upload(store, user, f"{number}.jpg", data)
        (attempt,) = begin_reading(store, [bill.id], "run", "upload").values()
        document = document_of(LINES, 0.9)
        publish_result(store, attempt, document, extract_fields(document).to_dict())
        ids.append(bill.id)
    return user, ids, sessions.open_session(store, user, None, None)


async def run(url: str, server: psutil.Process, people: list[tuple[User, list[str], str]], args: argparse.Namespace):
    def client(token: str) -> httpx.AsyncClient:
        headers = {"Origin": url, "Cookie": f"bill_session={token}"}
        # Shorter than the server's, which could close a connection just when it is used again.
        limits = httpx.Limits(keepalive_expiry=2)
        return httpx.AsyncClient(base_url=f"{url}/api/v1/", headers=headers, timeout=30, limits=limits)

    count = round(args.minutes * 60 * args.uploads)
    pictures = [files.encode(files.page(seed=1_000_000 + number), "JPEG") for number in range(count)]
    clients = [client(token) for *_, token in people]
    of_bill = {bill: client for (_, ids, _), client in zip(people, clients, strict=True) for bill in ids}
    for each in clients[:10]:  # what a process keeps from its first requests on is not growth
        await each.get("bills")
    used, start = sum(server.cpu_times()[:2]), time.monotonic()
    load = Load(url, start + args.minutes * 60)
    chances = [random.Random(number) for number in range(len(clients))]
    memory: list[int] = []
    await asyncio.gather(
        watch(load, server, memory),
        upload(load, clients, pictures, args.uploads),
        *(browse_and_edit(load, each, chance) for each, chance in zip(clients, chances, strict=True)),
    )
    took, used = time.monotonic() - start, sum(server.cpu_times()[:2]) - used
    print(f"{len(clients)} people and {args.uploads:g} uploads a second for {took:.0f} s, {args.database}")
    for kind, seconds in {**load.seconds, "all reads": reads(load)}.items():
        if not seconds:
            continue
        cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
        print(
            f"{kind:10} {len(seconds):6}  median {cuts[49] * 1000:5.0f} ms  p95 {cuts[94] * 1000:5.0f} ms"
            f"  most {max(seconds) * 1000:5.0f} ms"
        )
    print(f"errors     {sum(load.wrong.values())}", *(f"\n  {count}x {what}" for what, count in load.wrong.items()))
    print(f"lost edits {await lost(load, of_bill)} of {len(load.sent)} lines")
    requests = sum(len(seconds) for seconds in load.seconds.values())
    print(f"processor  {used:.1f} s of the server's, {used / requests * 1000:.1f} ms a request")
    print("memory    ", *(f"{each / 2**20:.0f}" for each in memory), "MB, minute by minute")
    for each in clients:
        await each.aclose()


def reads(load: Load) -> list[float]:
    return [each for kind in ("list", "bill", "picture", "document") for each in load.seconds[kind]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--uploads", type=float, default=5, help="a second")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if args.database == "sqlite":
            bench(home, f"sqlite:///{home / 'billocr.db'}", args)
            return
        binaries = postgres_binaries()
        if binaries is None:
            parser.error("PostgreSQL is not installed")
        with run_postgres(binaries) as cluster:
            bench(home, cluster.url(cluster.create_database()), args)


def bench(home: Path, database_url: str, args: argparse.Namespace) -> None:
    store = open_store(Settings(home=home, database_url=database_url))
    store.database.migrate()
    people = [person(store, f"person-{number}") for number in range(args.people)]
    with serve(home, accounts=True, database_url=database_url) as (url, process):
        asyncio.run(run(url, psutil.Process(process.pid), people, args))


if __name__ == "__main__":
    main()
