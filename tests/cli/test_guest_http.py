"""`printnow guest …` against a sandbox and a tracker in a file."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from printnow_async.sandbox import Fault
from printnow_async.tracking import LifecycleRecord, LifecycleState
from printnow_async.tracking.sql import SQLTracker

POST = "POST /api/v2/customer"
GET = "GET /api/v2/customer/{id}"
PATCH = "PATCH /api/v2/customer/{id}"
TRANSFER = "PATCH /api/v2/customer/{id}/transfer"
JANE = (
    "--username=janesmith", "--email=jane@example.com", "--first-name=Jane", "--last-name=Smith", "--password-stdin",
)  # fmt: skip
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Let repeats follow at once."""
    monkeypatch.setattr("printnow_async._http.retry.random.uniform", lambda *_: 0.0)


@pytest.fixture
def url(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path}/guests.db"


@pytest.fixture
def guest(run, url):
    """Run a `guest` command on the tracker in that file."""
    return lambda *args, **more: run("guest", *args, **{"PRINTNOW_TRACKER": url} | more)


@pytest.fixture
def tracked(url):
    """Put records into the tracker, or read one."""

    async def put(*records):
        async with SQLTracker(url) as tracker:
            for record in records:
                assert await tracker.insert(record)

    async def get(reference):
        async with SQLTracker(url) as tracker:
            return await tracker.load(reference)

    def do(*records):
        return asyncio.run(get(records[0]) if isinstance(records[0], str) else put(*records))

    return do


def record(reference, state=LifecycleState.ACTIVE, *, days=0, **fields):
    then = NOW - timedelta(days=days)
    return LifecycleRecord(
        reference=reference, state=state, storefront_id=1, salt="5a17" * 8, created_at=then, updated_at=then, **fields
    )


def sent(sandbox, route):
    return sum(request.route == route for request in sandbox.requests)


def one_line(result, code=1):
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.count("\n") == 1
    return result.stderr


# ---------------------------------------------------------------- start and show


def test_start_makes_one_guest_and_shows_it_from_then_on(guest, sandbox):
    first = guest("start", "cart-7f3a", "--storefront=1", "--json")
    again = guest("start", "cart-7f3a", "--storefront=1", "--json")
    assert (first.exit_code, first.stderr) == (0, "")
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert list(sandbox.customers) == [json.loads(first.stdout)["temp_id"]]
    assert sent(sandbox, POST) == 1


def test_show_reads_the_tracker_and_needs_no_credentials(guest, sandbox):
    started = json.loads(guest("start", "cart-7f3a", "--storefront=1", "--json").stdout)
    before = len(sandbox.requests)
    result = guest("show", "cart-7f3a", PRINTNOW_TOKEN="", PRINTNOW_KEY="")
    lines = {line[:18].strip(): line[18:].strip() for line in result.stdout.splitlines()}
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines["guest"] == "cart-7f3a"
    assert lines["state"] == "active"
    assert lines["temp id"] == str(started["temp_id"])
    assert lines["account id"] == "-"
    assert lines["unsettled"] == "no"
    assert lines["updated at"].endswith(" UTC")
    assert len(sandbox.requests) == before


def test_neither_salt_nor_digests_are_shown(guest, tracked):
    tracked(record("cart-7f3a", username_digest="d16e57", email_digest="e16e57", lease_holder="abcdef"))
    for args in ((), ("--json",)):
        shown = guest("show", "cart-7f3a", *args).output
        assert [word for word in ("5a17", "d16e57", "e16e57", "abcdef", "salt", "digest") if word in shown] == []


def test_a_reference_cannot_reach_the_terminal_as_a_command(guest, tracked):
    tracked(record("[red]\x1b[31mcart"))
    assert r"[red]\x1b[31mcart" in guest("show", "[red]\x1b[31mcart").stdout


def test_a_guest_that_nobody_tracks_is_one_line(guest, tracked):
    tracked(record("another"))
    for command in (("show",), ("recover",), ("abandon",), ("transfer", "--to=5")):
        said = one_line(guest(command[0], "cart-7f3a", *command[1:]))
        assert said.startswith("printnow: no guest is tracked under this reference. Check the reference")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("", "a reference must be a string of 1 to 200 characters"),
        ("x" * 201, "a reference must be a string of 1 to 200 characters"),
        ("\udcff", "a reference must hold neither NUL nor a lone surrogate"),
        ("cart\0", "a reference must hold neither NUL nor a lone surrogate"),
    ],
)
def test_a_reference_that_no_tracker_takes_is_bad_usage(guest, reference, said):
    line = one_line(guest("show", reference), code=2)
    assert line == f"printnow: Invalid value for 'REFERENCE': {said}. See: printnow guest show --help\n"


def test_a_start_at_another_storefront_is_a_conflict(guest):
    guest("start", "cart-7f3a", "--storefront=1")
    assert "belongs to storefront 1, not 2. See: printnow guest show." in one_line(
        guest("start", "cart-7f3a", "--storefront=2")
    )


def test_a_start_whose_answer_got_lost_names_the_command_that_settles_it(guest, sandbox):
    sandbox.inject(Fault.apply_then_drop(), POST)
    said = one_line(guest("start", "cart 7", "--storefront=1"))
    assert said.endswith("It may have been applied: find out with: printnow guest recover 'cart 7'.\n")
    recovered = json.loads(guest("recover", "cart 7", "--json").stdout)
    assert (recovered["state"], recovered["possible_orphans"]) == ("active", 1)
    assert recovered["temp_id"] in sandbox.customers


# ---------------------------------------------------------------- convert and transfer


def test_convert_makes_the_guest_a_customer_and_once_more_writes_nothing(guest, sandbox):
    started = json.loads(guest("start", "cart-7f3a", "--storefront=1", "--json").stdout)
    for _ in range(2):
        result = guest("convert", "cart-7f3a", *JANE, "--json", stdin="hunter2\n")
        assert (result.exit_code, result.stderr) == (0, "")
        assert json.loads(result.stdout)["id"] == started["temp_id"]
        assert "hunter2" not in result.output
    assert sandbox.customers[started["temp_id"]].password == "hunter2"
    assert sent(sandbox, PATCH) == 1
    shown = json.loads(guest("show", "cart-7f3a", "--json").stdout)
    assert (shown["state"], shown["account_id"]) == ("converted", started["temp_id"])


def test_a_second_intent_is_one_line_and_not_sent(guest, sandbox):
    guest("start", "cart-7f3a", "--storefront=1")
    guest("convert", "cart-7f3a", *JANE, stdin="hunter2\n")
    before = len(sandbox.requests)
    for args in (("transfer", "cart-7f3a", "--to=5"), ("convert", "cart-7f3a", *JANE, "--username=other")):
        assert "converted already, with another intent" in one_line(guest(*args, stdin="hunter2\n"))
    assert len(sandbox.requests) == before


@pytest.mark.parametrize(
    ("taken", "advice"),
    [
        ({"username": "janesmith"}, "The guest is active again. Choose another username.\n"),
        ({"email": "jane@example.com"}, "move it to the account with: printnow guest transfer cart-7f3a --to ID.\n"),
    ],
)
def test_a_name_that_is_taken_says_what_to_do(guest, sandbox, taken, advice):
    sandbox.add_customer(**taken)
    guest("start", "cart-7f3a", "--storefront=1")
    assert one_line(guest("convert", "cart-7f3a", *JANE, stdin="hunter2\n")).endswith(advice)
    assert json.loads(guest("show", "cart-7f3a", "--json").stdout)["state"] == "active"


def test_transfer_moves_the_work_and_shows_the_customer(guest, sandbox):
    jane = sandbox.add_customer()
    started = json.loads(guest("start", "cart-7f3a", "--storefront=1", "--json").stdout)
    sandbox.add_work(started["temp_id"], albums=3)
    for _ in range(2):
        result = guest("transfer", "cart-7f3a", "--to", str(jane.id), "--json")
        assert json.loads(result.stdout)["id"] == jane.id
    assert sandbox.customers[jane.id].albums == 3
    assert sent(sandbox, TRANSFER) == 1


def test_a_transfer_to_the_guest_itself_is_bad_usage_and_changes_nothing(guest):
    started = json.loads(guest("start", "cart-7f3a", "--storefront=1", "--json").stdout)
    said = one_line(guest("transfer", "cart-7f3a", "--to", str(started["temp_id"])), code=2)
    assert said == (
        "printnow: the guest and --to are the same customer. See: printnow guest transfer --help\n"
    )  # fmt: skip
    assert json.loads(guest("show", "cart-7f3a", "--json").stdout) == started


def test_missing_credentials_are_said_before_anybody_is_asked_for_a_password(guest, tracked):
    tracked(record("cart-7f3a", temp_id=5))
    said = one_line(guest("convert", "cart-7f3a", *JANE[:-1], PRINTNOW_KEY=""), code=2)
    assert said.startswith("printnow: PRINTNOW_KEY is not set")


# ---------------------------------------------------------------- recover and abandon


def test_recover_finds_out_that_a_convert_was_applied(guest, sandbox, tracked):
    guest("start", "cart-7f3a", "--storefront=1")
    sandbox.inject(Fault.garbage(), PATCH)  # a 2xx that nobody can read: the guest stays converting
    one_line(guest("convert", "cart-7f3a", *JANE, stdin="hunter2\n"))
    assert tracked("cart-7f3a").state is LifecycleState.CONVERTING
    recovered = json.loads(guest("recover", "cart-7f3a", "--json").stdout)
    assert (recovered["state"], recovered["unsettled"]) == ("converted", False)
    assert sent(sandbox, PATCH) == 1


def test_a_step_that_another_process_holds_is_waited_for_and_then_one_line(guest, tracked, monkeypatch):
    monkeypatch.setattr("printnow_async.cli.guest.HELD_STEP_WAIT", 0.0)
    until = NOW + timedelta(hours=1)
    tracked(record("cart-7f3a", LifecycleState.CONVERTING, temp_id=5, lease_holder="other", lease_until=until))
    said = one_line(guest("recover", "cart-7f3a"))
    assert "another process has been converting this guest" in said


def test_abandon_ends_it_and_a_move_after_that_is_one_line(guest):
    guest("start", "cart-7f3a", "--storefront=1")
    for _ in range(2):
        assert json.loads(guest("abandon", "cart-7f3a", "--json").stdout)["state"] == "abandoned"
    said = one_line(guest("transfer", "cart-7f3a", "--to=5"))
    assert said == "printnow: an abandoned guest cannot be transferred. See: printnow guest show.\n"


def test_abandoning_a_start_that_was_cut_off_makes_no_temporary_user(guest, sandbox, tracked):
    tracked(record("cart-7f3a", LifecycleState.CREATING, unsettled=True))
    abandoned = json.loads(guest("abandon", "cart-7f3a", "--json").stdout)
    assert (abandoned["state"], abandoned["possible_orphans"]) == ("abandoned", 1)
    assert sandbox.requests == []


# ---------------------------------------------------------------- stale


def test_stale_lists_the_live_ones_oldest_first_and_needs_no_credentials(guest, tracked, sandbox):
    tracked(
        record("older", days=90, temp_id=5),
        record("old", days=40, temp_id=6),
        record("new", days=2),
        record("settled", LifecycleState.CONVERTED, days=90),
    )
    nobody = {"PRINTNOW_TOKEN": "", "PRINTNOW_KEY": ""}
    table = guest("stale", **nobody)
    assert (table.exit_code, table.stderr) == (0, "")
    assert [line.split()[:3] for line in table.stdout.splitlines()[2:]] == [
        ["older", "active", "5"], ["old", "active", "6"],
    ]  # fmt: skip
    lines = guest("stale", "--days=1", "--json", **nobody).stdout.splitlines()
    assert [json.loads(line)["reference"] for line in lines] == ["older", "old", "new"]
    assert sandbox.requests == []


@pytest.mark.parametrize(("args", "said"), [((), "no live guest has stood still for 30 days\n"), (("--json",), "")])
def test_no_stale_guest_is_no_error(guest, tracked, args, said):
    tracked(record("new"))
    for more in ((), ("--abandon", "--yes")):
        result = guest("stale", *args, *more)
        assert (result.exit_code, result.stdout, result.stderr) == (0, said, "")


def test_stale_guests_are_abandoned_with_a_yes(guest, tracked):
    tracked(record("older", days=90, temp_id=5), record("old", days=40, temp_id=6), record("new"))
    result = guest("stale", "--abandon", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "2 guests abandoned"
    assert [tracked(name).state.value for name in ("older", "old", "new")] == ["abandoned", "abandoned", "active"]


def test_json_of_abandoned_guests_is_a_line_for_each(guest, tracked):
    tracked(record("older", days=90, temp_id=5), record("old", days=40, temp_id=6))
    lines = guest("stale", "--abandon", "--yes", "--json").stdout.splitlines()
    assert [(json.loads(line)["reference"], json.loads(line)["state"]) for line in lines] == [
        ("older", "abandoned"), ("old", "abandoned"),
    ]  # fmt: skip


def test_abandoning_without_a_terminal_needs_a_yes(guest, tracked):
    tracked(record("old", days=40))
    said = one_line(guest("stale", "--abandon", stdin="y\n"), code=2)
    assert said == "printnow: there is no terminal to confirm it on: add --yes\n"
    assert tracked("old").state is LifecycleState.ACTIVE


@pytest.mark.parametrize(("answer", "state"), [(True, "abandoned"), (False, "active")])
def test_on_a_terminal_it_is_asked(guest, tracked, monkeypatch, answer, state):
    tracked(record("old", days=40))
    asked = []
    monkeypatch.setattr("printnow_async.cli.stale._is_terminal", lambda: True)
    monkeypatch.setattr("click.confirm", lambda question, **_: asked.append(question) or answer)
    result = guest("stale", "--abandon")
    assert result.exit_code == (0 if answer else 1)
    assert asked == ["Abandon 1 guest? The API keeps their temporary users."]
    assert ("nothing was abandoned" in result.stderr) is not answer
    assert tracked("old").state.value == state


def test_a_guest_that_moved_since_it_was_listed_stays_as_it_is(guest, tracked, url, monkeypatch):
    tracked(record("old", days=40, temp_id=5))

    async def move():
        async with SQLTracker(url) as tracker:
            old = await tracker.load("old")
            await tracker.replace(attrs.evolve(old, version=2, updated_at=NOW), 1)

    monkeypatch.setattr("printnow_async.cli.stale._is_terminal", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: asyncio.run(move()) is None)
    result = guest("stale", "--abandon")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "0 guests abandoned")
    assert result.stderr == "printnow: note: not abandoned, having moved in the meantime: 1 guest\n"
    assert tracked("old").state is LifecycleState.ACTIVE


def test_a_stale_step_that_had_been_applied_is_settled_and_not_abandoned(guest, tracked, sandbox, run):
    started = json.loads(guest("start", "old", "--storefront=1", "--json").stdout)
    sandbox.inject(Fault.garbage(), PATCH)
    guest("convert", "old", *JANE, stdin="hunter2\n")
    assert started["temp_id"] in sandbox.customers
    result = guest("stale", "--days=0", "--abandon", "--yes")
    assert result.stderr.startswith("printnow: note: not abandoned, having moved in the meantime: 1 guest")
    assert tracked("old").state is LifecycleState.CONVERTED


def test_one_that_cannot_be_settled_keeps_none_of_the_others_back(guest, tracked, sandbox):
    sandbox.inject(Fault.status(500), GET, times=50)
    tracked(record("stuck", LifecycleState.CONVERTING, days=90, temp_id=5, unsettled=True))
    tracked(record("old", days=40, temp_id=6))
    result = guest("stale", "--abandon", "--yes")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "1 guest abandoned"
    assert result.stderr.startswith("printnow: 1 guest could not be abandoned, the first is stuck: ")
    assert result.stderr.count("\n") == 1
    assert tracked("old").state is LifecycleState.ABANDONED


# ---------------------------------------------------------------- schema


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
def test_schema_prints_the_tables_and_needs_nothing(run_alone, dialect):
    result = run_alone("guest", "schema", "--dialect", dialect)
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", SQLTracker.ddl(dialect))


def test_schema_is_for_postgresql_unless_told_otherwise(run_alone):
    assert run_alone("guest", "schema").stdout == SQLTracker.ddl("postgresql")
