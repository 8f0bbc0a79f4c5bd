"""The import as a whole, over real sockets and a real journal: outcomes, going on, and everything that may go wrong."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from printnow_async import ConfigurationError, Limits, PrintNowClient, RetryPolicy, Timeout
from printnow_async.sandbox import Fault, Sandbox
from printnow_async.spreadsheets import ImportReport, import_accounts
from printnow_async.testing import run_instantly

CREATE = "POST /api/v2/customer"
HEADINGS = ["Username", "Password", "Email", "First Name", "Last Name", "Notes"]
PASSWORD = "tops3cret-"


def rows(count: int, first: int = 0) -> list[list[str]]:
    return [
        [f"user-{n}", f"{PASSWORD}{n}", f"user-{n}@example.com", "Ada", f"Ash {n}", "vip"]
        for n in range(first, first + count)
    ]


def write(path: Path, table: list[list[str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADINGS, *table])
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def outcomes(report: ImportReport) -> dict[str, str]:
    return {row["Username"]: row["outcome"] for path in (report.created_csv, report.failed_csv) for row in read(path)}


def client_of(sandbox: Sandbox, key: str | None = None, **options: Any) -> PrintNowClient:
    settings = {"retry": RetryPolicy(base_delay=0.01), "timeout": Timeout(total=None), **options}
    return PrintNowClient(sandbox.token, key or sandbox.key, base_url=sandbox.url, **settings)


async def run(sandbox: Sandbox, source: Any, journal: Any, **options: Any) -> ImportReport:
    async with client_of(sandbox) as client:
        return await import_accounts(client, source, storefront_id=1, journal=journal, **options)


# ---------------------------------------------------------------- outcomes


async def test_each_row_has_the_outcome_that_it_had_at_the_server(tmp_path: Path) -> None:
    table = rows(40)
    table[5][1] = "short"
    table[6][0] = "USER-3"
    source = write(tmp_path / "in.csv", table)
    async with Sandbox() as sandbox:
        sandbox.add_customer(storefront_id=1, username="user-7", email="other@example.com")
        sandbox.add_customer(storefront_id=1, username="other", email="user-8@example.com")
        sandbox.add_customer(storefront_id=2, username="user-9", email="user-9@example.com")
        report = await run(sandbox, source, tmp_path / "journal")
        held = {
            customer.username: customer.id for customer in sandbox.customers.values() if customer.storefront_id == 1
        }
    found = outcomes(report)
    assert {found.pop(name) for name in ("user-7", "user-8")} == {"exists"}
    assert {found.pop(name) for name in ("user-5", "USER-3")} == {"invalid"}
    assert set(found.values()) == {"created"}
    created = read(report.created_csv)
    assert {row["Username"]: int(row["id"]) for row in created} == {
        name: held[name] for name in held if name not in {"user-7", "other"}
    }
    assert (report.total, report.created, report.exists, report.invalid) == (40, 36, 2, 2)
    assert (report.unsettled, report.edited, report.sent, report.halted) == (0, 0, 38, None)
    assert report.ignored_columns == ("Notes",)
    assert report.complete
    assert not report.all_created


async def test_the_reports_have_every_column_but_the_password(tmp_path: Path) -> None:
    """A column that repeats the password, by its heading or by its content, is left out or empty."""
    source = tmp_path / "in.csv"
    source.write_text(
        "Username,Password,Email,First Name,Last Name,Confirm Password,Hint\n"
        "jane,secret-1,jane@example.com,Jane,Smith,secret-1,secret-1\n"
        "jo,secret-2,jo@example.com,Jo,Smith,secret-2,a hint\n"
    )
    async with Sandbox() as sandbox:
        report = await run(sandbox, source, tmp_path / "journal")
    (created,), (failed,) = read(report.created_csv), read(report.failed_csv)
    assert list(created) == ["row", "Username", "Email", "First Name", "Last Name", "Hint", "outcome", "id"]
    assert list(failed) == ["row", "Username", "Email", "First Name", "Last Name", "Hint", "outcome", "reason"]
    assert (created["row"], created["Hint"], failed["row"], failed["Hint"]) == ("2", "", "3", "a hint")
    assert failed["reason"] == "username must have 3 to 50 characters, not 2"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.status(400, body='{"Message": "Bad company."}'), "rejected"),
        (Fault.status(422), "rejected"),
        (Fault.status(403), "rejected"),
        (Fault.apply_then_drop(), "unknown"),
        (Fault.apply_then_status(502), "unknown"),
        (Fault.garbage("not JSON", "text/plain", status=201), "unknown"),
        (Fault.drop(), "created"),
        (Fault.status(503, retry_after=0), "created"),
        (Fault.truncate(), "unknown"),
    ],
    ids=["400", "422", "403", "applied, dropped", "applied, 502", "no JSON", "dropped", "503", "truncated"],
)
async def test_what_a_failure_is_for_its_row(tmp_path: Path, fault: Fault, outcome: str) -> None:
    """A repeat that finds the name taken cannot tell by whom: `unknown`, never `exists`."""
    source = write(tmp_path / "in.csv", rows(1))
    async with Sandbox() as sandbox:
        sandbox.inject(fault, route=CREATE, times=1)
        report = await run(sandbox, source, tmp_path / "journal")
        assert outcomes(report) == {"user-0": outcome}
        if outcome == "unknown":
            assert len(sandbox.customers) == 1
            assert read(report.failed_csv)[0]["reason"]


def test_a_row_that_was_never_answered_is_sent_until_it_is(tmp_path: Path) -> None:
    """The client gives up after four attempts; the import asks again, since a username exists once."""
    source = write(tmp_path / "in.csv", rows(3))

    async def main() -> None:
        async with Sandbox() as sandbox:
            sandbox.inject(Fault.drop(), route=CREATE, times=9)
            report = await run(sandbox, source, tmp_path / "journal")
            assert outcomes(report) == {f"user-{n}": "created" for n in range(3)}
            assert len(sandbox.customers) == 3

    run_instantly(main())


# ---------------------------------------------------------------- going on


async def test_a_second_run_sends_nothing_and_says_the_same(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows(50))
    async with Sandbox() as sandbox:
        first = await run(sandbox, source, tmp_path / "journal")
        before, files = len(sandbox.requests), [first.created_csv.read_bytes(), first.failed_csv.read_bytes()]
        second = await run(sandbox, source, tmp_path / "journal")
        assert len(sandbox.requests) == before
    assert attrs.evolve(second, sent=50, elapsed=first.elapsed) == first
    assert [second.created_csv.read_bytes(), second.failed_csv.read_bytes()] == files


async def test_interrupted_runs_together_equal_one_that_was_not(tmp_path: Path) -> None:
    """Asked to stop: what is in flight is finished, what was only journalled is taken back, and the rest is left."""
    table = rows(300)
    table[100][2] = "nobody"
    source = write(tmp_path / "in.csv", table)
    async with Sandbox() as sandbox:
        clean = await run(sandbox, source, tmp_path / "clean", reports=tmp_path)
        whole = outcomes(clean)
    async with Sandbox(latency=0.005) as sandbox:
        runs = 0
        while True:
            runs += 1
            stop = asyncio.Event()
            sent = len(sandbox.requests)

            async def pull(stop: asyncio.Event = stop, sent: int = sent, sandbox: Sandbox = sandbox) -> None:
                while len(sandbox.requests) < sent + 60:
                    await asyncio.sleep(0)
                stop.set()

            waiting = asyncio.ensure_future(pull())
            report = await run(sandbox, source, tmp_path / "journal", stop=stop, concurrency=8)
            waiting.cancel()
            if report.complete:
                break
            assert report.interrupted
            assert report.halted is None
            assert report.created == len(sandbox.customers)
        assert runs >= 4
        assert len(sandbox.requests) == 299  # each row once
    assert outcomes(report) == whole


async def test_a_cancelled_run_writes_what_it_knows_and_leaves_the_rest(tmp_path: Path) -> None:
    """Rows in flight are open; the next run sends those again, and a name that is taken then is `unknown`."""
    source = write(tmp_path / "in.csv", rows(200))
    async with Sandbox() as sandbox:
        sandbox.inject(Fault.latency(30, after=True), route=CREATE, every=10)
        running = asyncio.ensure_future(run(sandbox, source, tmp_path / "journal", concurrency=8))
        while len(sandbox.customers) < 70:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        sandbox.clear_faults()
        report = await run(sandbox, source, tmp_path / "journal")
        assert len(sandbox.customers) == 200
    assert report.complete
    assert report.exists == 0
    assert 1 <= report.unknown <= 8
    assert all("sent before" in row["reason"] for row in read(report.failed_csv))


async def test_rows_that_failed_are_sent_again_when_told_to(tmp_path: Path) -> None:
    table = rows(4)
    source = write(tmp_path / "in.csv", table)
    async with Sandbox() as sandbox:
        sandbox.add_customer(storefront_id=1, username="user-1", email="other@example.com")
        sandbox.inject(Fault.status(422), route=CREATE, times=1)
        first = await run(sandbox, source, tmp_path / "journal", concurrency=1)
        assert outcomes(first) == {"user-0": "rejected", "user-1": "exists", "user-2": "created", "user-3": "created"}
    async with Sandbox() as sandbox:  # where the name is free
        again = await run(sandbox, source, tmp_path / "journal", retry_failed=True)
        assert set(outcomes(again).values()) == {"created"}
        assert again.sent == 2
        assert again.all_created


async def test_a_row_that_was_edited_since_is_told_and_not_sent(tmp_path: Path) -> None:
    """A changed password is no change that could be seen: nothing of it is kept."""
    table = rows(6)
    source = write(tmp_path / "in.csv", table)
    async with Sandbox() as sandbox:
        sandbox.add_customer(storefront_id=1, username="user-5", email="other@example.com")
        await run(sandbox, source, tmp_path / "journal")
        table[1][3], table[2][1], table[5][4] = "Eve", "another-password", "Newname"
        write(source, [*reversed(table), *rows(1, first=6)])
        before = len(sandbox.requests)
        report = await run(sandbox, source, tmp_path / "journal")
        assert len(sandbox.requests) == before + 1
        assert (report.created, report.exists, report.edited, report.sent) == (6, 1, 2, 1)
        reasons = {row["Username"]: row["reason"] for row in read(report.failed_csv)}
        assert reasons.keys() == {"user-1", "user-5"}
        assert "edited since it was created as customer" in reasons["user-1"]
        assert not report.all_created
    async with Sandbox() as sandbox:  # where the name is free
        fixed = await run(sandbox, source, tmp_path / "journal", retry_failed=True)
        assert outcomes(fixed)["user-5"] == "created"
        assert fixed.edited == 1


async def test_a_journal_goes_on_under_another_name_of_the_file(tmp_path: Path) -> None:
    """If it knows one of its rows. A file it knows nothing of is another import."""
    async with Sandbox() as sandbox:
        await run(sandbox, write(tmp_path / "in.csv", rows(10)), tmp_path / "journal")
        renamed = await run(sandbox, write(tmp_path / "renamed.csv", rows(12)), tmp_path / "journal")
        assert (renamed.created, renamed.sent) == (12, 2)
        before = len(sandbox.requests)
        with pytest.raises(ConfigurationError, match=r"is the journal of in\.csv and knows no row of this one"):
            await run(sandbox, write(tmp_path / "other.csv", rows(12, first=100)), tmp_path / "journal")
        assert len(sandbox.requests) == before


async def test_a_row_is_known_by_its_storefront_too(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows(3))
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        for storefront in (1, 2):
            report = await import_accounts(client, source, storefront_id=storefront, journal=tmp_path / "journal")
            assert (report.created, report.sent) == (3, 3)
        assert len(sandbox.customers) == 6


# ---------------------------------------------------------------- what ends it early


async def test_the_first_401_halts_everything_and_settles_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows(500))
    async with Sandbox() as sandbox:
        async with client_of(sandbox, key="wrong") as client:
            report = await import_accounts(client, source, storefront_id=1, journal=tmp_path / "journal", concurrency=4)
        assert report.halted is not None
        assert (report.unsettled, report.sent, len(sandbox.customers)) == (500, 0, 0)
        assert len(sandbox.requests) <= 4
        assert not report.interrupted
        whole = await run(sandbox, source, tmp_path / "journal")
        assert whole.all_created


def test_a_server_that_takes_nothing_halts_it_and_settles_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows(100))

    async def main() -> None:
        async with Sandbox() as sandbox:
            sandbox.inject(Fault.status(503, retry_after=1), every=1)
            report = await run(sandbox, source, tmp_path / "journal", concurrency=4)
            assert report.halted is not None
            assert (report.unsettled, report.sent, len(sandbox.customers)) == (100, 0, 0)
            sandbox.clear_faults()
            whole = await run(sandbox, source, tmp_path / "journal")
            assert whole.all_created

    run_instantly(main())


async def test_it_stops_after_as_many_failures_as_are_allowed(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows(500))
    async with Sandbox() as sandbox:
        sandbox.inject(Fault.status(422), route=CREATE, every=1)
        report = await run(sandbox, source, tmp_path / "journal", max_failures=10, concurrency=4)
    assert report.halted == "10 failed rows were allowed"
    assert 10 <= report.rejected <= 13
    assert report.unsettled == 500 - report.rejected


async def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path) -> None:
    """By another process, and by this one; the first goes on unharmed."""
    source = write(tmp_path / "in.csv", rows(100))
    async with Sandbox() as sandbox:
        slow = Fault.latency(60, after=True)
        sandbox.inject(slow, route=CREATE, times=1)  # the first run ends no sooner than the test wants it to
        running = asyncio.ensure_future(run(sandbox, source, tmp_path / "journal", concurrency=2))
        while len(sandbox.customers) < 100:
            await asyncio.sleep(0.001)
        with pytest.raises(ConfigurationError, match="another run is using it"):
            await run(sandbox, source, tmp_path / "journal")
        program = (
            "import asyncio, sys\nfrom printnow_async.spreadsheets.journal import Journal\n"
            "async def main():\n    async with Journal(sys.argv[1], storefront_id=1, source='in.csv'):\n        pass\n"
            "try:\n    asyncio.run(main())\nexcept ValueError as error:\n    print(error)\n"
        )
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, str(tmp_path / "journal"), stdout=subprocess.PIPE
        )
        said, _ = await other.communicate()
        assert "another run is using it: wait for its end" in said.decode()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        report = await run(sandbox, source, tmp_path / "journal")
    assert (report.created, report.unknown, report.sent) == (99, 1, 1)


# ---------------------------------------------------------------- journals that cannot be used


async def refused(tmp_path: Path, journal: Any, says: str) -> None:
    """Before any request, in one line."""
    source = write(tmp_path / "in.csv", rows(10))
    async with Sandbox() as sandbox:
        with pytest.raises(ConfigurationError, match=says) as caught:
            await run(sandbox, source, journal)
        assert sandbox.requests == []
    assert "\n" not in str(caught.value)


async def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("something else")
    await refused(tmp_path, path, "it is not a journal")
    assert path.read_text() == "something else"


async def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER)")
    database.close()
    await refused(tmp_path, tmp_path / "shop.db", "is the database of something else")
    database = sqlite3.connect(tmp_path / "shop.db")
    assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]
    database.close()


@pytest.mark.parametrize("tear", ["cut short", "overwritten"])
async def test_a_torn_journal_is_told_and_nothing_is_sent(tmp_path: Path, tear: str) -> None:
    path = tmp_path / "journal"
    async with Sandbox() as sandbox:
        await run(sandbox, write(tmp_path / "in.csv", rows(500)), path)
    content = path.read_bytes()
    if tear == "cut short":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:8192] + bytes(4096 * 2) + content[16384:])
    await refused(tmp_path, path, "is damaged")


async def test_a_folder_that_is_not_there_or_is_no_folder_is_told(tmp_path: Path) -> None:
    await refused(tmp_path, tmp_path / "nowhere" / "journal", "there is no such folder")
    await refused(tmp_path, tmp_path, "is a folder, not a journal")


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Not even by root."""
    folder = Path("/proc/self")
    if not folder.is_dir():
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    await refused(tmp_path, folder / "journal", "cannot be written here")


async def test_a_report_never_overwrites_the_file_it_is_of(tmp_path: Path) -> None:
    """Somebody mends failed.csv, adds passwords, and imports that."""
    source = write(tmp_path / "failed.csv", rows(3))
    before = source.read_bytes()
    async with Sandbox() as sandbox:
        with pytest.raises(ConfigurationError, match=r"failed\.csv would be overwritten"):
            await run(sandbox, source, tmp_path / "journal")
    assert source.read_bytes() == before


FULL = """
import asyncio, resource, signal, sys
from printnow_async import PrintNowClient, Timeout
from printnow_async.spreadsheets import import_accounts
async def main(url, token, key, source, journal):
    async with PrintNowClient(token, key, base_url=url, timeout=Timeout(total=None)) as client:
        report = await import_accounts(client, source, storefront_id=1, journal=journal, concurrency=4)
        print(report.halted)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
async def test_a_full_disk_halts_it_and_nothing_is_lost(tmp_path: Path) -> None:
    """No file of that process may grow past 200 kB: no row is sent that the journal does not have."""
    source = write(tmp_path / "in.csv", rows(3_000))
    journal = tmp_path / "journal"
    async with Sandbox() as sandbox:
        other = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FULL, sandbox.url, sandbox.token, sandbox.key, str(source), str(journal)),
            stdout=subprocess.PIPE,
        )
        said, _ = await other.communicate()
        assert other.returncode == 0
        assert "cannot be written: the disk is full, or fails" in said.decode()
        sent = len(sandbox.customers)
        assert 0 < sent < 3_000
        report = await run(sandbox, source, journal)
        assert len(sandbox.customers) == 3_000
    assert report.complete
    assert report.exists == 0
    assert report.unknown < sent


# ---------------------------------------------------------------- sources, stores, secrets


async def test_a_binary_file_may_be_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its journal has a name of its own; nothing of the rows is kept on disk but the journal and the reports."""
    monkeypatch.chdir(tmp_path)
    text = io.StringIO()
    csv.writer(text).writerows([HEADINGS, *rows(20)])
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        report = await import_accounts(client, io.BytesIO(text.getvalue().encode()), storefront_id=1)
    assert report.all_created
    assert {path.name for path in tmp_path.iterdir()} == {"import.journal", "created.csv", "failed.csv"}


async def test_the_journal_of_a_file_stands_beside_it(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows(2))
    async with Sandbox() as sandbox:
        report = await run(sandbox, source, None)
    assert report.journal == str(tmp_path / "in.csv.journal")
    assert report.created_csv == tmp_path / "created.csv"


async def test_a_journal_may_be_in_postgresql(tmp_path: Path, fresh_postgres: str) -> None:
    """One run at a time there, too."""
    source = write(tmp_path / "in.csv", rows(150))
    async with Sandbox(latency=0.005) as sandbox:
        running = asyncio.ensure_future(run(sandbox, source, fresh_postgres, reports=tmp_path, concurrency=4))
        while not sandbox.customers:
            await asyncio.sleep(0.001)
        with pytest.raises(ConfigurationError, match="another run is using it"):
            await run(sandbox, source, fresh_postgres, reports=tmp_path)
        first = await running
        assert first.all_created
        again = await run(sandbox, source, fresh_postgres, reports=tmp_path)
    assert (again.created, again.sent) == (150, 0)


async def test_no_password_and_no_person_is_in_the_journal_or_in_a_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the server says them back, and in what is left of a killed transaction."""
    caplog.set_level(logging.DEBUG)
    source = write(tmp_path / "in.csv", rows(100))
    async with Sandbox() as sandbox:
        sandbox.inject(Fault.status(400, body=f'{{"Message": "Bad: {PASSWORD}0"}}'), route=CREATE, times=1)
        sandbox.inject(Fault.apply_then_drop(), route=CREATE, probability=0.1)
        report = await run(sandbox, source, tmp_path / "journal", concurrency=1)
    assert outcomes(report)["user-0"] == "rejected"
    for path in tmp_path.iterdir():
        if path != source:
            assert PASSWORD.encode() not in path.read_bytes()
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("journal"))
    assert b"@example.com" not in left
    assert b"user-" not in left
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(report)


async def test_the_reports_are_for_their_owner_alone(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        report = await run(sandbox, write(tmp_path / "in.csv", rows(2)), tmp_path / "journal")
    assert {path.stat().st_mode & 0o777 for path in (report.created_csv, report.failed_csv)} == {0o600}


async def test_progress_counts_rows_of_all_runs(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows(60))
    seen: list[Any] = []
    checked: list[Any] = []
    async with Sandbox() as sandbox:
        await run(sandbox, write(tmp_path / "part.csv", rows(20)), tmp_path / "journal")
        await run(sandbox, source, tmp_path / "journal", on_progress=seen.append, on_checked=checked.append)
    assert [found.valid for found in checked] == [60]
    last = seen[-1]
    assert (last.done, last.total, last.created, last.failed, last.unknown, last.in_flight) == (60, 60, 60, 0, 0, 0)
    assert last.rate > 0


async def test_a_progress_callback_that_fails_is_logged_and_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also while rows of earlier runs are passed over."""
    source = write(tmp_path / "in.csv", rows(30))

    def fail(_: Any) -> None:
        raise ValueError("no")

    async with Sandbox() as sandbox:
        for _ in range(2):
            report = await run(sandbox, source, tmp_path / "journal", on_progress=fail)
            assert report.all_created
    assert "on_progress failed and is ignored" in caplog.text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"storefront_id": 0}, "storefront_id must be a whole number"),
        ({"storefront_id": True}, "storefront_id must be a whole number"),
        ({"concurrency": 0}, "concurrency must be a whole number"),
        ({"max_failures": 0}, "max_failures must be a whole number"),
        ({"columns": {"usrname": "Username"}}, 'there is no field "usrname"'),
        ({"journal": "mysql+aiomysql://host/db"}, "no such database|no asynchronous driver|aiomysql|supported"),
    ],
)
async def test_what_cannot_be_right_is_refused_before_any_request(
    tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    source = write(tmp_path / "in.csv", rows(2))
    async with Sandbox() as sandbox, client_of(sandbox, limits=Limits(4)) as client:
        settings = {"storefront_id": 1, "journal": tmp_path / "journal", "reports": tmp_path, **options}
        with pytest.raises(ConfigurationError, match=says):
            await import_accounts(client, source, **settings)
        assert sandbox.requests == []


async def test_a_refusal_whose_words_got_lost_is_asked_for_again(tmp_path: Path) -> None:
    """The name is taken, and the answer that says so breaks off: the report says `exists` all the same."""
    source = write(tmp_path / "in.csv", rows(1))
    async with Sandbox() as sandbox:
        sandbox.add_customer(storefront_id=1, username="user-0", email="other@example.com")
        sandbox.inject(Fault.truncate(), route=CREATE, times=2)
        report = await run(sandbox, source, tmp_path / "journal")
    assert outcomes(report) == {"user-0": "exists"}
