from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, inspect, select, text
from sqlalchemy.exc import IntegrityError

from billocr_assets.store.database import Database
from billocr_assets.store.schema import Base, Bill, User, new_id, now
from tests import servers
from tests.waiting import until


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/folder/billocr.db"
    cluster: servers.Postgres = request.getfixturevalue("postgres")
    return cluster.url(cluster.create_database())


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        # Only PostgreSQL has that index, and only where its extension can be had.
        options = {"compare_type": True, "include_object": lambda _, name, *__: name != "ix_bills_search"}
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, Base.metadata)


def test_the_migrations_make_the_tables_that_the_models_describe(empty_url: str) -> None:
    database = Database(empty_url)
    assert differences(database)
    database.migrate()
    assert differences(database) == []


def test_migrating_twice_changes_nothing(empty_url: str) -> None:
    database = Database(empty_url)
    database.migrate()
    with database.session() as session:
        session.add(User(name="kept"))
    before = inspect(database.engine).get_table_names()
    database.migrate()
    assert inspect(database.engine).get_table_names() == before
    with database.reading() as session:
        assert session.scalars(select(User.name)).all() == ["kept"]


def test_several_processes_may_migrate_at_once(empty_url: str) -> None:
    program = "import sys; from billocr_assets.store.database import Database; Database(sys.argv[1]).migrate()"
    command = [sys.executable, "-c", program, empty_url]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors
    assert differences(Database(empty_url)) == []


def test_an_installed_package_brings_its_migrations(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    source = tmp_path / "source"
    shutil.copytree(
        root / "billocr_assets", source / "billocr_assets", ignore=shutil.ignore_patterns("models", "__pyc*")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*pip, str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = (
        "import sys, billocr_assets; from billocr_assets.store.database import Database\n"
        "Database(sys.argv[1]).migrate(); print(billocr_assets.__file__)"
    )
    url = f"sqlite:///{tmp_path}/billocr.db"
    done = subprocess.run(
        [sys.executable, "-c", program, url],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )
    assert done.stdout.startswith(str(tmp_path / "site"))
    assert differences(Database(url)) == []


def test_an_error_undoes_the_whole_transaction(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(IntegrityError):
        _add(database, "gone", "gone")  # addresses are unique
    with database.reading() as session:
        assert session.scalars(select(User)).all() == []


def test_a_bill_cannot_be_without_an_owner(database_url: str) -> None:
    database = Database(database_url)
    facts = {"sha256": "0" * 64, "name": "a", "media_type": "image/png", "bytes": 1, "pages": 1, "search": "a"}
    for owner in (None, 12345):
        with pytest.raises(IntegrityError), database.session() as session:
            session.add(Bill(owner_id=owner, **facts))


def test_times_come_back_with_their_zone(database_url: str) -> None:
    database = Database(database_url)
    made = now()
    with database.session() as session:
        session.add(User(name="a", created_at=made))
    with database.reading() as session:
        assert session.scalars(select(User)).one().created_at == made  # aware and naive times are never equal


def test_a_reader_does_not_wait_for_a_writer(database_url: str) -> None:
    database = Database(database_url)
    with database.session() as writer:
        writer.add(User(name="half"))
        writer.flush()
        with database.reading() as reader:
            assert reader.scalars(select(User)).all() == []


def test_writers_wait_for_each_other_and_none_is_lost(database_url: str) -> None:
    database = Database(database_url)
    with database.session() as session:
        session.add(User(name="0"))

    def add_one(_: int) -> None:
        with database.session() as session:
            user = session.scalars(select(User).with_for_update()).one()
            user.name = str(int(user.name) + 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(40)))
    with database.reading() as session:
        assert session.scalars(select(User.name)).one() == "40"


def test_writers_to_sqlite_come_in_the_order_they_asked(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    order: list[int] = []

    def write(number: int) -> None:
        with database.session():
            order.append(number)

    with ThreadPoolExecutor(8) as pool, database.session():
        for number in range(8):
            pool.submit(write, number)
            until(lambda n=number: len(database._writers._waiting) == n + 2, "it waits")  # type: ignore[union-attr,misc]
    assert order == list(range(8))


def test_who_writes_may_write_something_else_before(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.session() as later:
        with database.session() as earlier:
            earlier.add(User(name="earlier"))
        later.add(User(name="later"))
    with database.reading() as session:
        assert session.scalars(select(User.name).order_by(User.id)).all() == ["earlier", "later"]


def test_half_a_surrogate_pair_and_a_nul_stay_in_json(database_url: str) -> None:
    database = Database(database_url)
    odd = {"text": "\ud83d", "nul": "\0", "ä": [1e16, 10**30, None]}
    with database.session() as session:
        session.add(User(name="a", limits=odd))
    with database.reading() as session:
        assert session.scalars(select(User.limits)).one() == odd


def test_numbers_become_visible_in_their_order(database_url: str) -> None:
    database = Database(database_url)
    second = threading.Thread(target=lambda: _add(database, "second"))
    with database.session() as first:
        database.in_order(first)
        first.add(User(name="first"))
        first.flush()
        second.start()
        second.join(0.5)
        assert second.is_alive()  # it would have taken a higher number and be seen before the lower one
        with database.reading() as reader:
            assert reader.scalars(select(User.name)).all() == []
    second.join()
    with database.reading() as reader:
        assert reader.scalars(select(User.name).order_by(User.id)).all() == ["first", "second"]


def _add(database: Database, *names: str) -> None:
    with database.session() as session:
        database.in_order(session)
        for name in names:
            session.add(User(name=name, email=name))
            session.flush()


def test_sqlite_is_set_up_for_several_processes(sqlite_url: str) -> None:
    with Database(sqlite_url).engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.scalar(text("PRAGMA busy_timeout")) == 30_000


def test_ids_sort_by_time_and_never_meet() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert len(set(ids)) == 10_000
    assert [i[:12] for i in ids] == sorted(i[:12] for i in ids)
    assert all(len(i) == 32 and i[12] == "7" and i[16] in "89ab" for i in ids)


def test_bills_of_the_first_release_survive_the_migration_to_accounts(empty_url: str) -> None:
    database = Database(empty_url)
    database.migrate(to="0001")
    fields = {"company": {"value": "Bäcker Kaiser"}, "date": {"value": "2026-03-04"}, "total": {"value": "12.35"}}
    old = sa.MetaData()
    old.reflect(database.engine)
    made = {"created_at": now(), "updated_at": now()}
    with database.session() as session:
        session.execute(old.tables["users"].insert().values(id=1, name="local", created_at=now()))
        for number, name in ((3, "a.jpg"), (7, "b.jpg")):
            bill = {
                "number": number,
                "id": name,
                "owner_id": 1,
                "sha256": "0",
                "name": name,
                "media_type": "image/jpeg",
            }
            bill |= {"bytes": 5, "pages": 1, "status": "read", "search": name, **made}
            session.execute(old.tables["bills"].insert().values(**bill))
        attempt = {"id": 1, "bill_id": "a.jpg", "number": 1, "origin": "upload", "state": "done", "created_at": now()}
        session.execute(old.tables["attempts"].insert().values(**attempt))
        result = {"bill_id": "a.jpg", "attempt_id": 1, "document": {}, "fields": fields, "text": "", "models": {}}
        result |= dict.fromkeys(("line_detector", "line_segmenter", "line_recogniser"), "1")
        result |= {"seconds": {}, "quality": [], "created_at": now()}
        session.execute(old.tables["machine_results"].insert().values(**result))
        session.execute(delete(old.tables["bills"]).where(old.tables["bills"].c.number == 7))
    database.migrate()
    with database.session() as session:
        bill = session.scalars(select(Bill)).one()
        assert (bill.merchant, str(bill.billed_on), bill.total_cents) == ("Bäcker Kaiser", "2026-03-04", 1235)
        assert session.scalar(select(User.kind)) == "local"
        assert session.scalar(text("SELECT count(*) FROM machine_results")) == 1
        assert session.scalar(text("SELECT bytes FROM usage_now")) == 5
        session.add(Bill(owner_id=1, sha256="0", name="c", media_type="image/png", bytes=1, pages=1, search="c"))
        session.flush()
        # A number once given is not given again, even when its bill is gone.
        assert database.is_sqlite is False or session.scalar(text("SELECT max(number) FROM bills")) == 8
        session.execute(delete(Bill))
        assert session.scalar(text("SELECT count(*) FROM machine_results")) == 0


def test_parts_of_words_can_be_found_by_an_index_on_postgresql(postgres_url: str) -> None:
    database = Database(postgres_url)
    wanted = select(Bill.id).where(Bill.search.contains("ttung_4711", autoescape=True)).compile(database.engine)
    with database.session() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))  # among so few rows it would be cheaper
        plan = session.connection().exec_driver_sql(f"EXPLAIN {wanted}", wanted.params).scalars()
        assert "ix_bills_search" in "\n".join(plan)


def test_without_the_right_to_extensions_searches_only_take_longer(postgres: servers.Postgres) -> None:
    name = postgres.create_database()
    with Database(postgres.url(name)).session() as session:
        session.execute(text(f"CREATE ROLE {name} LOGIN"))
        session.execute(text(f"GRANT ALL ON SCHEMA public TO {name}"))
    database = Database(postgres.url(name).replace("postgres@", f"{name}@"))
    database.migrate()
    assert "ix_bills_search" not in {index["name"] for index in inspect(database.engine).get_indexes("bills")}
    assert differences(database) == []
    with database.session() as session:
        session.add(user := User(name="a"))
        session.flush()
        facts = {"owner_id": user.id, "sha256": "0", "media_type": "image/png", "bytes": 1, "pages": 1}
        session.add(Bill(name="a", search="haferflocken", **facts))
        assert session.scalars(select(Bill).where(Bill.search.contains("flocke"))).one()


def test_what_no_database_keeps_is_taken_out_of_texts(database_url: str) -> None:
    database = Database(database_url)
    with database.session() as session:
        session.add_all([User(name="a\0b"), User(name="half \ud83d of 😀"), User(name="Ł€")])
    with database.session() as session:
        session.execute(sa.insert(User.__table__), [{"name": "many\0"}, {"name": "\udfff"}])
    with database.reading() as session:
        names = session.scalars(select(User.name).order_by(User.id)).all()
        assert names == ["ab", "half ? of 😀", "Ł€", "many", "?"]
        assert session.scalars(select(Bill).where(Bill.id == "\0")).all() == []
        assert session.scalars(select(Bill).where(Bill.id.in_(["\0", "\ud800"]))).all() == []
