"""SQLPacer: one pace over processes, told by the database's clock; what a hold, a kill and a failure do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from printnow_async import ConfigurationError, PacerError, Sent
from printnow_async.pacing import sql
from printnow_async.pacing.sql import SQLPacer

ROOT = Path(__file__).parents[2]

# Prints each slot that it was given, as the database tells it: the next free slot after the reservation, and how many.
RESERVE = """
import asyncio, json, sys, time
if "skewed" in sys.argv:
    real = time.time, time.time_ns
    time.time, time.time_ns = lambda: real[0]() + 3600, lambda: real[1]() + 3600 * 10**9
from printnow_async.pacing.sql import SQLPacer
import printnow_async.pacing._row as row

ask = row.Row.ask
async def tell(self, statement, **values):
    answer = await ask(self, statement, **values)
    if "slots" in values:
        print(json.dumps([values["slots"], answer.wait]), flush=True)
    return answer
row.Row.ask = tell

async def main(url, rate, calls):
    async with SQLPacer(url, rate=rate, name="shared", setup="create") as pacer:
        async def call():
            for _ in range(calls):
                await pacer.turn()
        await asyncio.gather(*[call() for _ in range(4)])

asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
"""


async def python(program: str, *arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, cwd=ROOT, stdout=pipe, stderr=pipe
    )


async def finished(process: asyncio.subprocess.Process) -> list[list[int]]:
    output, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return [json.loads(line) for line in output.splitlines()]


async def row_of(url: str, columns: str, name: str) -> Any:
    """What stands in the row of a name."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        query = sa.select(*map(sa.column, columns.split(", "))).select_from(sa.table("printnow_paces"))
        row = (await connection.execute(query.where(sa.column("name") == name))).one()
    await engine.dispose()
    return row


async def execute(url: str, statement: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()


def a_pacer(url: str, rate: float = 1000.0, name: str = "shared", **options: Any) -> SQLPacer:
    return SQLPacer(url, rate=rate, name=name, setup="create", **options)


async def record_slots(url: str) -> None:
    """Let the database itself write down each reservation: the next free slot before and after it."""
    columns = "old_next BIGINT, new_next BIGINT, name VARCHAR(200)"
    await execute(url, f"CREATE TABLE moved ({columns})")
    insert = "INSERT INTO moved VALUES (OLD.next_ns, NEW.next_ns, NEW.name)"
    if url.startswith("sqlite"):
        await execute(url, f"CREATE TRIGGER moves AFTER UPDATE OF next_ns ON printnow_paces BEGIN {insert}; END")
        return
    body = f"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {insert}; RETURN NEW; END'"
    await execute(url, body)
    moved = "FOR EACH ROW WHEN (OLD.next_ns <> NEW.next_ns) EXECUTE FUNCTION note()"
    await execute(url, f"CREATE TRIGGER moves AFTER UPDATE ON printnow_paces {moved}")


async def recorded(url: str) -> list[tuple[int, int]]:
    """The next free slot before and after each reservation, in nanoseconds of the database's clock, in their order."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT old_next, new_next FROM moved ORDER BY new_next, old_next")
        found = [(row[0], row[1]) for row in rows]
    await engine.dispose()
    return found


@pytest.mark.once
async def test_several_processes_get_slots_that_are_never_closer_than_the_interval(tracker_url: str) -> None:
    """Four processes, one of whose clocks is an hour ahead: each reservation moves the next free slot by its own."""
    async with a_pacer(tracker_url) as pacer:
        await pacer.ping()
    await record_slots(tracker_url)
    interval = 10**9 // 100
    processes = [
        await python(RESERVE, tracker_url, "100", "10", "skewed" if number == 0 else "plain") for number in range(4)
    ]
    told = [answer for answers in await asyncio.gather(*map(finished, processes)) for answer in answers]
    moves = await recorded(tracker_url)
    assert [before for before, _ in moves[1:]] == [after for _, after in moves[:-1]], "a reservation was overwritten"
    counts, room = sorted(count for count, _ in told), sorted((after - before) // interval for before, after in moves)
    assert len(counts) == len(room)
    assert all(count <= fits for count, fits in zip(counts, room, strict=True))
    assert sum(counts) >= 4 * 4 * 10
    assert all(wait < 5 * 10**9 for _, wait in told), "somebody waits for the clock of another"


async def test_one_reservation_of_several_slots_takes_as_many_intervals(tracker_url: str) -> None:
    """The slots of the next one come after them all."""
    async with a_pacer(tracker_url, rate=1) as pacer:
        await pacer.ping()
        await record_slots(tracker_url)
        for count in (5, 1, 2):
            await pacer._row.ask(pacer._row.reserve, slots=count, late=0)
    (_, first), *rest = await recorded(tracker_url)
    assert [after - first for _, after in rest] == [10**9, 3 * 10**9]


@pytest.mark.once
async def test_a_process_that_is_killed_leaves_no_lock_and_takes_no_slot_with_it(tracker_url: str) -> None:
    """kill -9 between any two statements: the next one is served by the next free slot."""
    async with a_pacer(tracker_url, rate=200) as pacer:
        await pacer.ping()
        for _ in range(3):
            process = await python(RESERVE, tracker_url, "200", "100000")
            assert process.stdout is not None
            for _ in range(5):
                await process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
            await process.communicate()
            async with asyncio.timeout(20):
                await asyncio.gather(*[pacer.turn() for _ in range(5)])


async def test_a_hold_moves_the_slots_of_everybody(tracker_url: str) -> None:
    """Also of those that have reserved before: their slots are given up, and nobody starts before its end."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(60), a_pacer(tracker_url, rate=1) as ours, a_pacer(tracker_url, rate=1) as theirs:
        await ours.turn()
        await theirs.ping()
        starts: list[float] = []

        async def call(pacer: SQLPacer) -> None:
            await pacer.turn()
            starts.append(loop.time())

        calls = [asyncio.ensure_future(call(pacer)) for pacer in (ours, theirs, theirs)]
        while not (ours._slots and theirs._slots):
            await asyncio.sleep(0)
        began = loop.time()
        await ours.hold(1.5)
        await asyncio.gather(*calls)
        assert min(starts) >= began + 1.5
        await theirs.hold(0.01)
        held, free = await row_of(tracker_url, "held_ns, next_ns", "shared")
        assert held <= free


async def test_a_hold_is_never_shortened(tracker_url: str) -> None:
    """A shorter one after it changes nothing."""
    async with a_pacer(tracker_url) as pacer:
        await pacer.hold(1000.0)
        first = await row_of(tracker_url, "held_ns, next_ns", "shared")
        await pacer.hold(1.0)
        assert tuple(await row_of(tracker_url, "held_ns, next_ns", "shared")) == tuple(first)


async def test_idle_time_is_not_saved_up(tracker_url: str) -> None:
    """The first slot after a pause is now, and the second one an interval later; so is the first of a new name."""
    async with a_pacer(tracker_url, rate=100) as pacer:
        await pacer.turn()
        await execute(tracker_url, "UPDATE printnow_paces SET next_ns = next_ns - 60000000000")
        before = await pacer._row.ask(pacer._row.look)
        answer = await pacer._row.ask(pacer._row.reserve, slots=3, late=0)
        after = await pacer._row.ask(pacer._row.look)
        assert before.wait < -59 * 10**9
        assert -(10**9) < answer.wait <= 0
        assert after.wait <= 3 * 10**7


async def test_a_clock_that_was_set_back_holds_nobody_up(tracker_url: str) -> None:
    """The row is an hour ahead of the database's clock: its moments are set back by as much."""
    async with a_pacer(tracker_url, rate=100) as pacer:
        await pacer.hold(0.001)
        await execute(
            tracker_url,
            "UPDATE printnow_paces SET next_ns = next_ns + 3600000000000, held_ns = held_ns + 3600000000000,"
            " clock_ns = clock_ns + 3600000000000",
        )
        async with asyncio.timeout(20):
            await pacer.turn()
        held, clock = await row_of(tracker_url, "held_ns, clock_ns", "shared")
        assert held < clock + 10**9


async def test_the_rate_belongs_to_the_name(tracker_url: str) -> None:
    """The pacer that begins last sets it for all; another name has its own."""
    async with a_pacer(tracker_url, rate=100) as first, a_pacer(tracker_url, rate=250) as second:
        await first.turn()
        await second.turn()
        await first.turn()
        async with a_pacer(tracker_url, rate=7, name="other") as other:
            await other.turn()
        assert (await row_of(tracker_url, "interval_ns", "shared"))[0] == 4_000_000
        assert first._interval == 0.004
        assert (await row_of(tracker_url, "interval_ns", "other"))[0] == round(10**9 / 7)


async def test_a_row_that_somebody_deletes_is_made_again(tracker_url: str) -> None:
    """The next turn comes all the same."""
    async with a_pacer(tracker_url) as pacer:
        await pacer.turn()
        await execute(tracker_url, "DELETE FROM printnow_paces")
        await pacer.turn()
        assert (await row_of(tracker_url, "interval_ns", "shared"))[0] == 1_000_000


async def test_a_connection_that_was_ended_is_replaced(fresh_postgres: str) -> None:
    """A turn after a restart of the database, or of a proxy before it, is a turn like any other."""
    async with a_pacer(fresh_postgres) as pacer:
        await pacer.turn()
        await execute(
            fresh_postgres,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()",
        )
        await pacer.turn()
        await pacer.hold(0.001)


async def test_a_database_that_fails_is_a_pacer_error_for_everyone_who_waits(tracker_url: str) -> None:
    """`PacerError`, nothing sent, with the driver's own error as its cause; and afterwards all is well again."""
    async with a_pacer(tracker_url) as pacer:
        await pacer.turn()
        await execute(tracker_url, "ALTER TABLE printnow_paces RENAME TO elsewhere")
        failures = await asyncio.gather(*[pacer.turn() for _ in range(3)], return_exceptions=True)
        for failure in (*failures, *await asyncio.gather(pacer.hold(1.0), pacer.ping(), return_exceptions=True)):
            assert isinstance(failure, PacerError)
            assert failure.sent is Sent.NEVER
            assert failure.__cause__ is not None
        assert len({id(failure) for failure in failures}) == 3
        await execute(tracker_url, "ALTER TABLE elsewhere RENAME TO printnow_paces")
        await asyncio.sleep(0)
        pacer._held = 0.0
        await pacer.turn()


async def test_a_database_that_is_not_there_is_a_pacer_error() -> None:
    """The operating system's error is its cause."""
    async with a_pacer("postgresql+asyncpg://nobody:hunter2@127.0.0.1:1/nothing") as pacer:
        for use in (pacer.turn, pacer.ping, lambda: pacer.hold(1.0)):
            with pytest.raises(PacerError) as caught:
                await use()
            assert isinstance(caught.value.__cause__, OSError)
            assert "hunter2" not in str(caught.value)


async def test_a_cancelled_turn_gives_its_slot_to_the_next_one(
    tracker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its slot, and between its slot and its run: the one behind it does not wait any longer."""
    monkeypatch.setattr(sql, "LATE", 60.0)  # however slow this machine is, the slot is not lost
    async with a_pacer(tracker_url, rate=2) as pacer:
        await pacer.turn()
        first, second, third = (asyncio.ensure_future(pacer.turn()) for _ in range(3))
        while not pacer._slots:
            await asyncio.sleep(0)
        first.cancel()
        while pacer._slots:
            await asyncio.sleep(0)
        second.cancel()  # it has the slot, and has not run yet
        await asyncio.wait([first, second])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [call.cancelled() for call in (first, second, third)] == [True, True, False]
        assert third.done()


async def test_a_slot_that_falls_due_while_its_only_caller_is_being_cancelled_waits_for_another(tmp_path: Path) -> None:
    """Between the cancellation and the turn of the loop in which the caller notices."""
    async with a_pacer(f"sqlite+aiosqlite:///{tmp_path}/pace.db", rate=0.001) as pacer:
        await pacer.turn()
        call = asyncio.ensure_future(pacer.turn())
        while not pacer._slots:
            await asyncio.sleep(0)
        call.cancel()
        pacer._slots[0] = pacer._heard = asyncio.get_running_loop().time()
        pacer._serve()
        await asyncio.wait([call])
        assert (call.cancelled(), pacer._waiting, len(pacer._slots)) == (True, 0, 1)


async def test_turns_come_in_their_order(tracker_url: str) -> None:
    """First come, first served within a process; one that gives up in the queue is left out."""
    order: list[int] = []
    async with a_pacer(tracker_url) as pacer:

        async def call(number: int) -> None:
            await pacer.turn()
            order.append(number)

        calls = [asyncio.ensure_future(call(number)) for number in range(40)]
        await asyncio.sleep(0)
        for number in (0, 7, 8, 39):
            calls[number].cancel()
        await asyncio.wait(calls)
    assert order == [number for number in range(40) if number not in {0, 7, 8, 39}]


async def test_a_closed_pacer_says_so(tracker_url: str) -> None:
    """ConfigurationError, to those who wait as well; closing again is nothing."""
    pacer = a_pacer(tracker_url, rate=0.001)
    await pacer.turn()
    waiting = asyncio.ensure_future(pacer.turn())
    await asyncio.sleep(0)
    await pacer.aclose()
    await pacer.aclose()
    for use in (lambda: waiting, pacer.turn, pacer.ping, lambda: pacer.hold(1.0)):
        with pytest.raises(ConfigurationError, match="closed"):
            await use()


async def test_verify_only_looks(tracker_url: str) -> None:
    """Missing tables are a ConfigurationError for everyone who waits, and nothing is made."""
    async with SQLPacer(tracker_url, rate=1, name="x", setup="verify") as pacer:
        for failure in await asyncio.gather(pacer.turn(), pacer.turn(), return_exceptions=True):
            assert isinstance(failure, ConfigurationError)
            assert "makes what is missing" in str(failure)


@pytest.mark.parametrize("prefix", ["printnow_", "shop_"])
async def test_the_ddl_makes_what_verify_wants(tracker_url: str, prefix: str) -> None:
    """The printed statements, run by hand."""
    dialect = "sqlite" if tracker_url.startswith("sqlite") else "postgresql"
    for statement in SQLPacer.ddl(dialect, table_prefix=prefix).split(";"):
        if statement.strip():
            await execute(tracker_url, statement)
    async with SQLPacer(tracker_url, rate=100, name="x", table_prefix=prefix, setup="verify") as pacer:
        await pacer.turn()


async def test_an_engine_of_the_callers_own_is_not_disposed_of(tracker_url: str) -> None:
    """It is used, its connection is given back, and it goes on working."""
    engine = create_async_engine(tracker_url)
    for _ in range(2):
        async with SQLPacer(engine, rate=100, name="x", setup="create") as pacer:
            await pacer.turn()
            await pacer.hold(0.001)
    await engine.dispose()


@pytest.mark.parametrize("rate", [0, -1, True, "50", None, float("nan"), float("inf"), 1e-7, 1e7])
def test_a_rate_that_cannot_work_is_refused(rate: Any) -> None:
    with pytest.raises(ConfigurationError, match="rate"):
        SQLPacer("sqlite+aiosqlite:///pace.db", rate=rate, name="x")


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b", 5])
def test_a_name_that_cannot_be_stored_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        SQLPacer("sqlite+aiosqlite:///pace.db", rate=1, name=name)


async def test_a_hold_of_no_length_is_refused(tmp_path: Path) -> None:
    async with a_pacer(f"sqlite+aiosqlite:///{tmp_path}/pace.db") as pacer:
        for seconds in (0, -1, float("inf"), "1"):
            with pytest.raises(ConfigurationError, match="seconds"):
                await pacer.hold(seconds)  # type: ignore[arg-type]


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no RETURNING: better said at once than at the first turn."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(ConfigurationError, match=r"3\.35"):
        SQLPacer("sqlite+aiosqlite:///pace.db", rate=1, name="x")


def test_a_pacer_belongs_to_one_event_loop(tmp_path: Path) -> None:
    """A second one is told."""
    pacer = a_pacer(f"sqlite+aiosqlite:///{tmp_path}/pace.db")

    async def use_in_another() -> None:
        with pytest.raises(ConfigurationError, match="another event loop"):
            await pacer.turn()

    async def main() -> None:
        await pacer.turn()
        await asyncio.to_thread(asyncio.run, use_in_another())
        await pacer.aclose()

    asyncio.run(main())
