"""SQLTracker: its tables, its options, and what many processes do to one store."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from printnow_async import ConfigurationError, TablesMissingError
from printnow_async.testing.tracker_suite import make_record
from printnow_async.tracking.sql import SQLTracker

ROOT = Path(__file__).parents[2]

COUNT = """
import asyncio, sys, attrs
from printnow_async.tracking.sql import SQLTracker

async def main(url, times):
    async with SQLTracker(url, setup="create") as tracker:
        for _ in range(times):
            while True:
                record = await tracker.load("counter")
                changed = attrs.evolve(record, version=record.version + 1, possible_orphans=record.possible_orphans + 1)
                if await tracker.replace(changed, record.version):
                    print(changed.version, flush=True)
                    break

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

TOUCH = """
import asyncio, sys
from printnow_async.tracking.sql import SQLTracker

async def main(url):
    async with SQLTracker(url, setup="create") as tracker:
        assert await tracker.load("nobody") is None

asyncio.run(main(sys.argv[1]))
"""


async def python(program: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finished(process: asyncio.subprocess.Process) -> str:
    output, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return output.decode()


@pytest.mark.heavy(8)
@pytest.mark.once
async def test_eight_processes_that_count_lose_no_count(tracker_url: str) -> None:
    """Compare-and-swap between processes: no update is lost, and no "database is locked" comes out."""
    async with SQLTracker(tracker_url, setup="create") as tracker:
        await tracker.insert(make_record("counter"))
        processes = [await python(COUNT, tracker_url, "60") for _ in range(8)]
        await asyncio.gather(*map(finished, processes))
        record = await tracker.load("counter")
        assert record is not None
        assert (record.possible_orphans, record.version) == (480, 481)


@pytest.mark.heavy(8)
@pytest.mark.once
async def test_many_processes_may_make_the_tables_at_once(tracker_url: str) -> None:
    """Each of them finds them there."""
    await asyncio.gather(*map(finished, [await python(TOUCH, tracker_url) for _ in range(6)]))


@pytest.mark.heavy(8)
@pytest.mark.once
async def test_a_writer_that_is_killed_loses_nothing_and_locks_nobody_out(tracker_url: str) -> None:
    """kill -9 in the middle of writing: every version it reported is there, and the next one goes on."""
    async with SQLTracker(tracker_url, setup="create") as tracker:
        await tracker.insert(make_record("counter"))
        for _ in range(5):
            process = await python(COUNT, tracker_url, "100000")
            assert process.stdout is not None
            reported = 0
            for _ in range(20):
                reported = int(await process.stdout.readline())
            os.kill(process.pid, signal.SIGKILL)
            rest, _ = await process.communicate()
            reported = max([reported, *map(int, rest.split())])
            record = await tracker.load("counter")
            assert record is not None
            assert record.version >= reported
            assert await tracker.insert(make_record())


async def test_verify_names_what_is_missing_and_makes_nothing(tracker_url: str) -> None:
    """The error has a class of its own; it names the tables, the database and the setup that makes them."""
    database = re.escape(tracker_url.partition("?")[0].rpartition("/")[2])
    for _ in range(2):
        async with SQLTracker(tracker_url, setup="verify") as tracker:
            missing = rf"{database} has no printnow_guests and no printnow_schema: setup=\"create\" makes"
            with pytest.raises(TablesMissingError, match=missing):
                await tracker.load("x")
    async with SQLTracker(tracker_url, setup="create") as tracker:
        assert await tracker.load("x") is None
    async with SQLTracker(tracker_url, setup="verify") as tracker:
        assert await tracker.load("x") is None


async def test_postgresql_is_only_verified_unless_told_otherwise(fresh_postgres: str) -> None:
    """Nobody's database gets tables unasked."""
    async with SQLTracker(fresh_postgres) as tracker:
        with pytest.raises(TablesMissingError):
            await tracker.load("x")


async def test_the_error_of_missing_tables_has_no_password_of_the_url(fresh_postgres: str) -> None:
    """Neither the one before the host nor one in the query."""
    place, _, query = fresh_postgres.partition("?")
    scheme, _, rest = place.partition("://")
    user = rest.rpartition("@")[0].partition(":")[0] or "postgres"
    url = f"{scheme}://{user}:hunter2@{rest.rpartition('@')[2]}?{query}&password=hunter3"
    async with SQLTracker(url) as tracker:
        with pytest.raises(TablesMissingError) as caught:
            await tracker.load("x")
    assert "hunter" not in str(caught.value)


async def test_a_table_without_its_version_is_missing_too(tmp_path: Path) -> None:
    """As after half of the DDL; `setup="create"` completes it."""
    url = f"sqlite+aiosqlite:///{tmp_path}/guests.db"
    async with SQLTracker(url) as tracker:
        await tracker.load("x")
    with contextlib.closing(sqlite3.connect(tmp_path / "guests.db")) as database, database:
        database.execute("DELETE FROM printnow_schema")
    async with SQLTracker(url, setup="verify") as tracker:
        with pytest.raises(TablesMissingError, match="no version of guests in printnow_schema"):
            await tracker.load("x")
    async with SQLTracker(url) as tracker:
        assert await tracker.load("x") is None


async def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    """A newer program has been here."""
    url = f"sqlite+aiosqlite:///{tmp_path}/guests.db"
    async with SQLTracker(url) as tracker:
        await tracker.load("x")
    with contextlib.closing(sqlite3.connect(tmp_path / "guests.db")) as database, database:
        database.execute("UPDATE printnow_schema SET version = 99")
    async with SQLTracker(url) as tracker:
        with pytest.raises(ConfigurationError, match="version 99"):
            await tracker.load("x")


@pytest.mark.parametrize("prefix", ["printnow_", "shop_"])
async def test_the_ddl_makes_what_verify_wants(tracker_url: str, prefix: str) -> None:
    """The printed statements, run by hand."""
    engine = create_async_engine(tracker_url)
    async with engine.begin() as connection:
        for statement in SQLTracker.ddl(engine.dialect.name, table_prefix=prefix).split(";"):
            if statement.strip():
                await connection.exec_driver_sql(statement)
    await engine.dispose()
    async with SQLTracker(tracker_url, table_prefix=prefix, setup="verify") as tracker:
        assert await tracker.insert(make_record())


async def test_a_schema_of_postgresql(fresh_postgres: str) -> None:
    """The tables are in it."""
    engine = create_async_engine(fresh_postgres)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE SCHEMA guests")
    await engine.dispose()
    async with SQLTracker(fresh_postgres, schema="guests", setup="create") as tracker:
        assert await tracker.insert(make_record())
    assert "CREATE TABLE IF NOT EXISTS guests.printnow_guests" in SQLTracker.ddl("postgresql", schema="guests")


async def test_an_engine_of_the_callers_own_is_not_disposed_of(tracker_url: str) -> None:
    """It is used, and goes on working."""
    engine = create_async_engine(tracker_url)
    record = make_record()
    async with SQLTracker(engine, setup="create") as tracker:
        assert await tracker.insert(record)
    async with SQLTracker(engine, setup="verify") as tracker:
        assert await tracker.load(record.reference) == record
    await engine.dispose()


async def test_a_closed_tracker_says_so(tracker_url: str) -> None:
    """ConfigurationError; closing again is nothing."""
    tracker = SQLTracker(tracker_url, setup="create")
    await tracker.load("x")
    await tracker.aclose()
    await tracker.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await tracker.load("x")


def test_a_tracker_belongs_to_one_event_loop(tmp_path: Path) -> None:
    """A second one is told."""
    tracker = SQLTracker(f"sqlite+aiosqlite:///{tmp_path}/guests.db")

    async def use() -> Any:
        return await tracker.load("x")

    async def use_in_another() -> None:
        with pytest.raises(ConfigurationError, match="another event loop"):
            await tracker.load("x")

    async def main() -> None:
        await use()
        await asyncio.to_thread(asyncio.run, use_in_another())
        await tracker.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("sqlite:///guests.db", r"sqlite\+aiosqlite"),
        ("postgresql://user:hunter2@host/name", r"postgresql\+asyncpg"),
        ("postgres://user:hunter2@host/name", r"postgresql\+asyncpg"),
        ("guests.db", "not a database URL"),
        ("mysql+nothing://user:hunter2@host/name", "driver"),
        ("oracle+oracledb://user:hunter2@host/name", "missing|driver|supported"),
    ],
)
def test_a_url_that_cannot_work_is_refused_at_once(url: str, named: str) -> None:
    """ConfigurationError says what to write, and never the password that was in it."""
    with pytest.raises(ConfigurationError, match=named) as caught:
        SQLTracker(url)
    assert "hunter2" not in str(caught.value)


def test_wrong_options_are_refused() -> None:
    """A setup there is not, a dialect there is not."""
    with pytest.raises(ConfigurationError, match="setup"):
        SQLTracker("sqlite+aiosqlite:///guests.db", setup="drop")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="DDL"):
        SQLTracker.ddl("mysql")


def modes_while_open(folder: Path, url: str) -> dict[str, str]:
    """The modes of the files in a folder while a tracker, which has written, is open."""

    async def main() -> dict[str, str]:
        async with SQLTracker(url) as tracker:
            await tracker.insert(make_record())
            return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}

    before = os.umask(0)
    try:
        return asyncio.run(main())
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("path", ["{}/a.db", "file:{}/a%2Edb?uri=true", "{}/link.db"])
def test_files_that_are_made_are_their_owners_only(tmp_path: Path, path: str) -> None:
    """Even under a umask that permits everything, and through a link that was there first; the WAL's files as well."""
    (tmp_path / "link.db").symlink_to(tmp_path / "a.db")
    modes = modes_while_open(tmp_path, f"sqlite+aiosqlite:///{path.format(tmp_path)}")
    assert modes == dict.fromkeys(["a.db", "a.db-wal", "a.db-shm", "link.db"], "0o600")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """A group may share it, if somebody has said so."""
    (tmp_path / "a.db").touch()
    (tmp_path / "a.db").chmod(0o640)
    assert modes_while_open(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/a.db")["a.db"] == "0o640"


async def test_a_store_in_memory_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By either of its names."""
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite+aiosqlite://", "sqlite+aiosqlite:///file::memory:?uri=true"):
        async with SQLTracker(url) as tracker:
            assert await tracker.insert(make_record())
    assert list(tmp_path.iterdir()) == []


async def test_nothing_personal_is_in_the_bytes(tmp_path: Path) -> None:
    """The file of a guest that was converted: no password, username, e-mail address, token or key."""
    from printnow_async import NewAccount, PrintNowClient, TempUserLifecycle
    from printnow_async.sandbox import Sandbox

    account = NewAccount("canary-user", "canary-password", "canary@mail.example", "Canary", "Bird")
    async with Sandbox() as sandbox, SQLTracker(f"sqlite+aiosqlite:///{tmp_path}/guests.db") as tracker:
        async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
            guest = await TempUserLifecycle.start(client, tracker, reference="cart", storefront_id=1)
            await guest.convert(account)
        stored = b"".join(path.read_bytes() for path in tmp_path.iterdir()).lower()
    assert b"cart" in stored
    for secret in ("canary", sandbox.token, sandbox.key):
        assert secret.encode() not in stored


async def test_without_sqlalchemy_the_extra_is_named() -> None:
    """In a Python that has none, importing the tracker says what to install."""
    program = """
import sys
sys.modules["sqlalchemy"] = None
try:
    import printnow_async.tracking.sql
except ImportError as error:
    print(error)
"""
    assert "pip install 'printnow-async[sql]'" in await finished(await python(program))
