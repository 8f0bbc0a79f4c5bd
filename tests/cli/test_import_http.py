"""`printnow import`: what it shows, its exit codes, and how it is interrupted."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import threading
from asyncio import CancelledError
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from printnow_async import spreadsheets
from printnow_async.cli import progress
from printnow_async.cli.failures import CommandFailed
from printnow_async.cli.imported import failure_of
from printnow_async.cli.progress import InPipe, OnTerminal, duration, progress_told
from printnow_async.errors import ConfigurationError
from printnow_async.sandbox import Fault
from printnow_async.spreadsheets import ImportProgress, ImportReport
from tests.cli.test_commands_process import NEEDS_POSIX, terminal

CHILD_SECONDS = 30.0
"""Seconds in which a child process has ended, or done what a test waits for."""
HEADINGS = ("Username", "Password", "Email", "First Name", "Last Name")
PASSWORD = "Example-104729"
CREATE = "POST /api/v2/customer"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRINTNOW_JOURNAL", raising=False)


def sheet(count=3, *, name="customers.csv", headings=HEADINGS, wrong=()):
    """Write a spreadsheet; rows whose number (the first is 2) is in `wrong` have no password."""
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(headings)
        for number in range(2, count + 2):
            password = "" if number in wrong else PASSWORD
            row = [f"user{number:05}", password, f"u{number}@example.com", "Jane", "Smith"]
            rows.writerow(row + [f"extra{number}"] * (len(headings) - len(row)))
    return name


def a_report(**values):
    counts = {"total": 5, "created": 5, "exists": 0, "rejected": 0, "unknown": 0, "invalid": 0, "unsettled": 0}
    other = {"edited": 0, "sent": 5, "halted": None, "interrupted": False, "elapsed": 71.2, "ignored_columns": ()}
    places = {"created_csv": Path("created.csv"), "failed_csv": Path("failed.csv")}
    return ImportReport(
        **{"source": "customers.csv", "journal": "customers.csv.journal"} | counts | other | places | values
    )


def a_progress(done, total=1000, **values):
    counts = {"created": done, "failed": 0, "unknown": 0, "in_flight": 16, "rate": 48.0, "elapsed": 1.0}
    return ImportProgress(**{"done": done, "total": total, "remaining": 118.0} | counts | values)


@pytest.fixture
def fake(monkeypatch):
    """Put another function in place of `import_accounts`; what it was called with is kept."""
    seen = SimpleNamespace(report=a_report(), arguments=None, client=None)

    async def import_accounts(client, source, **arguments):
        seen.client, seen.source, seen.arguments = client, source, arguments
        if isinstance(seen.report, Exception):
            raise seen.report
        return seen.report

    monkeypatch.setattr(spreadsheets, "import_accounts", import_accounts)
    return seen


# ---------------------------------------------------------------- the check


def test_a_file_in_order_passes_the_check_without_credentials_and_without_a_trace(run_alone):
    result = run_alone("import", sheet(), "--check")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "customers.csv: 3 rows, 3 valid, 0 invalid\n", "")
    assert list(Path().iterdir()) == [Path("customers.csv")]


def test_the_check_lists_every_problem_by_its_row(run_alone):
    result = run_alone("import", sheet(30, wrong=range(3, 28)), "--check")
    first, *problems = result.stdout.splitlines()
    assert first == "customers.csv: 30 rows, 5 valid, 25 invalid"
    assert problems == [f"  row {number}: password must have at least 6 characters" for number in range(3, 28)]
    assert result.exit_code == 1
    assert result.stderr == "printnow: 25 of 30 rows have problems: correct them, then check again\n"


def test_the_check_in_json_is_one_object(run_alone):
    result = run_alone("import", sheet(4, wrong=(3, 4)), "--check", "--json")
    reason = "password must have at least 6 characters"
    assert json.loads(result.stdout) == {
        "source": "customers.csv", "total": 4, "valid": 2, "invalid": 2, "ignored_columns": [],
        "problems": [{"row": 3, "problems": [reason]}, {"row": 4, "problems": [reason]}],
    }  # fmt: skip
    assert result.exit_code == 1


def test_a_column_that_is_ignored_is_named_once(run_alone):
    result = run_alone("import", sheet(headings=(*HEADINGS, "Fax\x1b[31m", "Notes")), "--check")
    assert result.exit_code == 0
    assert result.stderr == 'printnow: note: ignored, being no field of an account: "Fax\\x1b[31m", "Notes"\n'


def test_a_spreadsheet_may_come_from_standard_input(run_alone):
    result = run_alone("import", "-", "--check", stdin=Path(sheet()).read_text())
    assert (result.exit_code, result.stdout) == (0, "standard input: 3 rows, 3 valid, 0 invalid\n")


def test_a_terminal_is_no_spreadsheet(run_alone, monkeypatch):
    monkeypatch.setattr("printnow_async.cli.importing.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    result = run_alone("import", "-", "--check")
    assert result.exit_code == 2
    assert result.stderr == "printnow: standard input is a terminal: pipe a file into it, or name the file\n"


def test_a_column_may_have_another_heading(run_alone):
    name = sheet(headings=("Login", "Secret", *HEADINGS[2:]))
    result = run_alone("import", name, "--check", "--column", "username=Login", "--column", " password = secret ")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--column", "username"], "Invalid value for '--column': must be FIELD=HEADING, as in username=Login."),
        (["--column", "=Login"], "Invalid value for '--column': must be FIELD=HEADING, as in username=Login."),
        (["--column", "email= "], "Invalid value for '--column': must be FIELD=HEADING, as in username=Login."),
        (["--column=email=A", "--column=email=B"], "Invalid value for '--column': email has two headings."),
        ([], "Missing option '--storefront'."),
        (["--storefront=0"], "Invalid value for '--storefront': 0 is not in the range 1<=x<=9223372036854775807."),
        (["--max-rate=0"], "Invalid value for '--max-rate': 0.0 is not in the range x>0."),
        (["--max-failures=0"], "Invalid value for '--max-failures': 0 is not in the range x>=1."),
    ],
)
def test_bad_usage_is_one_line_and_sends_nothing(args, said, run, sandbox):
    result = run("import", sheet(), *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"printnow: {said} See: printnow import --help\n"
    assert sandbox.requests == []


@pytest.mark.parametrize("args", [["--check"], ["--storefront=1"]], ids=["check", "send"])
def test_a_file_that_cannot_be_read_is_bad_usage(args, run, sandbox):
    result = run("import", "nothing.csv", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "printnow: nothing.csv cannot be read: No such file or directory\n"
    assert sandbox.requests == []


@pytest.mark.parametrize("args", [["--check"], ["--storefront=1"]], ids=["check", "send"])
def test_without_sqlalchemy_the_command_says_what_to_install(args, command, credentials):
    sheet()
    command.environment = credentials
    program = "import sys; sys.modules['sqlalchemy'] = None; from printnow_async.cli import main; main()"
    done = command.run("import", "customers.csv", *args, python=("-c", program))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("printnow: SQLAlchemy is missing: install printnow-async[sql]")


def test_missing_credentials_are_told_before_anything_is_read(run_alone):
    result = run_alone("import", "nothing.csv", "--storefront", "1")
    assert result.exit_code == 2
    assert result.stderr.startswith("printnow: PRINTNOW_TOKEN and PRINTNOW_KEY are not set")


# ---------------------------------------------------------------- what is passed on


def test_the_options_reach_the_client_and_the_import(run, fake):
    args = [
        "--concurrency=7",
        "--max-rate=2.5",
        "--max-failures=9",
        "--retry-failed",
        "--journal=j",
        "--column=email=M",
    ]
    assert run("import", "some.csv", "--storefront=4", *args).exit_code == 0
    arguments = fake.arguments
    assert {name: arguments[name] for name in arguments if not name.startswith("on_") and name != "stop"} == {
        "storefront_id": 4, "journal": "j", "columns": {"email": "M"}, "concurrency": 7, "retry_failed": True,
        "max_failures": 9,
    }  # fmt: skip
    assert fake.source == "some.csv"
    limits = fake.client.limits
    assert (limits.max_concurrency, limits.max_rate, limits.adaptive) == (7, 2.5, False)
    assert fake.client._caller.timeout.total is None


def test_what_is_not_given_is_left_to_the_import(run, fake):
    assert run("import", "some.csv", "--storefront=1").exit_code == 0
    assert (fake.arguments["journal"], fake.arguments["max_failures"], fake.arguments["columns"]) == (None, None, {})


def test_a_journal_with_a_password_comes_from_the_environment_and_is_never_shown(run, fake):
    url = "postgresql+asyncpg://me:s3%C3%A9ret@localhost/imports"
    result = run("import", "some.csv", "--storefront=1", "--journal", url)
    assert result.exit_code == 2
    assert "s3" not in result.output
    assert result.stderr.startswith("printnow: a password is never an argument: put the URL of the journal into")
    fake.report = ConfigurationError(f"{url} s3éret cannot be reached")
    result = run("import", "some.csv", "--storefront=1", "--debug", PRINTNOW_JOURNAL=url)
    assert fake.arguments["journal"] == url
    assert result.exit_code == 2
    assert "s3" not in result.output


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        ({}, 0, ""),
        (
            {"created": 4, "invalid": 1},
            1,
            "1 of 5 rows not created: correct in the spreadsheet what failed.csv names, then run it again.",
        ),
        (
            {"created": 2, "exists": 1, "rejected": 1, "unknown": 1},
            1,
            (
                "3 of 5 rows not created: correct in the spreadsheet what failed.csv names, look the unknown ones "
                "up in the admin, then run it again with --retry-failed."
            ),
        ),
        (
            {"created": 4, "unknown": 1},
            1,
            "1 of 5 rows not created: look the unknown ones up in the admin, then run it again with --retry-failed.",
        ),
        ({"created": 4, "unsettled": 1}, 1, "1 of 5 rows not created: run it again."),
        (
            {"edited": 1},
            1,
            (
                "1 row edited since and not sent again: --retry-failed sends those that failed; customers that are "
                "there are edited in the admin."
            ),
        ),
        (
            {"created": 1, "unsettled": 4, "halted": "The API token is unknown"},
            3,
            (
                "halted: The API token is unknown. When that is mended, run the same command again: it goes on where "
                "this one ended."
            ),
        ),
        (
            {"created": 0, "rejected": 3, "unsettled": 2, "halted": "3 rows failed.", "interrupted": True},
            3,
            (
                "halted: 3 rows failed. When that is mended, run the same command again: it goes on where this one "
                "ended. Rows that failed are sent again with --retry-failed."
            ),
        ),
        (
            {"created": 1, "unsettled": 4, "interrupted": True},
            130,
            "interrupted: 4 rows without an outcome. To go on, run the same command again.",
        ),
    ],
)
def test_the_end_has_an_exit_code_and_says_in_one_line_what_to_do(values, code, said, run, fake):
    fake.report = a_report(**values)
    result = run("import", "customers.csv", "--storefront=1")
    assert result.exit_code == code
    assert result.stderr == (f"printnow: {said}\n" if said else "")


def test_a_hidden_control_character_does_not_come_out_of_a_reason(fake):
    failed = failure_of(a_report(halted="bad \x1b[31m news"))
    assert isinstance(failed, CommandFailed)
    assert "bad \\x1b[31m news. When" in failed.message


def test_the_report_counts_every_outcome_and_says_where_things_are(run, fake):
    fake.report = a_report(
        total=1234, created=1200, exists=9, rejected=8, unknown=7, invalid=6, unsettled=4, edited=3, sent=1
    )
    lines = run("import", "customers.csv", "--storefront=1").stdout.splitlines()
    assert [line.split(maxsplit=2) for line in lines if re.match(r"[a-z]+ +[0-9,]+( |$)", line)] == [
        ["created", "1,200"],
        ["exists", "9", "username or e-mail is taken"],
        ["rejected", "8", "refused for another reason"],
        ["unknown", "7", "may have been created"],
        ["invalid", "6", "breaks a rule, was not sent"],
        ["edited", "3", "changed since, was not sent again"],
    ]
    assert ["not settled", "4", "has no outcome yet"] in [re.split("   +", line) for line in lines]
    assert ["rows in all", "1,234"] in [re.split("  +", line) for line in lines]
    assert lines[-4:] == [
        "1 row sent in 1:11",
        "journal     customers.csv.journal",
        "created     created.csv",
        "all others  failed.csv",
    ]


def test_json_is_one_object_and_nothing_else_on_standard_output(run, sandbox):
    result = run("import", sheet(5, headings=(*HEADINGS, "Fax"), wrong=(3,)), "--storefront=1", "--json")
    summary = json.loads(result.stdout)
    assert summary.pop("elapsed") >= 0
    assert summary == {
        "source": "customers.csv", "journal": "customers.csv.journal", "total": 5, "created": 4, "exists": 0,
        "rejected": 0, "unknown": 0, "invalid": 1, "unsettled": 0, "edited": 0, "sent": 4, "halted": None,
        "interrupted": False, "ignored_columns": ["Fax"], "created_csv": "created.csv", "failed_csv": "failed.csv",
        "complete": True, "all_created": False,
    }  # fmt: skip
    note, found, failed = result.stderr.splitlines()
    assert note == 'printnow: note: ignored, being no field of an account: "Fax"'
    assert found == "printnow: customers.csv: 5 rows, 4 valid, 1 invalid"
    assert failed.startswith("printnow: 1 of 5 rows not created")
    assert len(sandbox.customers) == 4


# ---------------------------------------------------------------- against a sandbox


def test_every_row_becomes_a_customer(run, sandbox):
    result = run("import", sheet(40), "--storefront=2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("customers.csv: 40 rows, 40 valid, 0 invalid\n\noutcome")
    assert sorted(customer.username for customer in sandbox.customers.values()) == [
        f"user{number:05}" for number in range(2, 42)
    ]
    assert {customer.password for customer in sandbox.customers.values()} == {PASSWORD}
    assert Path("customers.csv.journal").exists()


def test_the_same_command_again_sends_nothing(run, sandbox):
    run("import", sheet(5), "--storefront=1")
    sent = len(sandbox.requests)
    result = run("import", "customers.csv", "--storefront=1")
    assert result.exit_code == 0
    assert "0 rows sent in" in result.stdout
    assert len(sandbox.requests) == sent


def test_rows_with_problems_are_listed_up_to_twenty(run, sandbox):
    result = run("import", sheet(40, wrong=range(10, 35)), "--storefront=1")
    listed = [line for line in result.stdout.splitlines() if line.startswith("  ")]
    assert listed == [
        *(f"  row {number}: password must have at least 6 characters" for number in range(10, 30)),
        "  and 5 more, in failed.csv",
    ]
    assert result.exit_code == 1
    assert len(sandbox.customers) == 15


def test_wrong_credentials_halt_it(run, sandbox):
    result = run("import", sheet(), "--storefront=1", PRINTNOW_KEY="wr0ng-wr0ng")
    assert result.exit_code == 3
    assert result.stderr.startswith("printnow: halted: ")
    assert "not settled      3   has no outcome yet" in result.stdout
    assert sandbox.customers == {}
    assert "wr0ng" not in result.output


def test_no_password_and_no_key_comes_out_whatever_is_asked_for(run, sandbox):
    sandbox.inject(Fault.drop(), CREATE, every=2)
    sandbox.inject(Fault.apply_then_drop(), CREATE, every=3)
    for args in ([], ["--json"], ["--debug"], ["--check"], ["--check", "--json"]):
        result = run("import", sheet(4), "--storefront=1", "--retry-failed", *args)
        for secret in (PASSWORD, sandbox.token, sandbox.key):
            assert secret not in result.output


def test_with_debug_the_requests_are_told(run):
    result = run("import", sheet(2), "--storefront=1", "--debug")
    assert result.stderr.count("customers.create attempt 1") == 2


# ---------------------------------------------------------------- progress


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def told(clock, capsys, *steps, total=1000):
    """Tell a pipe of progress, each step so many seconds after the one before; give what it wrote."""
    teller = InPipe(clock)
    teller.checking("customers.csv")
    for seconds, done in steps:
        clock.now += seconds
        teller.progress(a_progress(done, total))
    teller.clear()
    return capsys.readouterr().err.splitlines()


def test_in_a_pipe_progress_is_one_plain_line(clock, capsys):
    teller = InPipe(clock)
    clock.now = 20.0
    teller.progress(a_progress(4312, 10000, created=4200, failed=100, unknown=12))
    teller.progress(a_progress(4313, 10000))
    clock.now = 40.0
    teller.progress(a_progress(4400, 10000, rate=0.5, remaining=None))
    assert capsys.readouterr().err.splitlines() == [
        "printnow: 4,312 of 10,000 (43 %), 48/s, 1:58 left: 4,200 created, 100 failed, 12 unknown",
        "printnow: 4,400 of 10,000 (44 %), 0.5/s: 4,400 created, 0 failed, 0 unknown",
    ]


def test_in_a_pipe_a_slow_import_gives_a_line_every_fifteen_seconds(clock, capsys):
    assert len(told(clock, capsys, *((1.0, at) for at in range(60)), total=1_000_000)) == 4


def test_in_a_pipe_a_quick_import_gives_a_line_for_each_tenth(clock, capsys):
    assert len(told(clock, capsys, *((0.1, at) for at in range(0, 1001, 4)))) == 9


def test_in_a_pipe_a_very_quick_import_gives_no_line(clock, capsys):
    assert told(clock, capsys, *((0.01, at) for at in range(0, 1001, 10))) == []


def test_in_a_pipe_rows_of_earlier_runs_are_no_news(clock, capsys):
    assert told(clock, capsys, (3.0, 800), (3.0, 801)) == []


def test_the_end_needs_no_line_and_an_empty_import_none_at_all(clock, capsys):
    assert told(clock, capsys, (20.0, 1000)) == []
    assert told(clock, capsys, (20.0, 0), total=0) == []


def test_a_reader_of_progress_that_has_gone_ends_nothing(clock, monkeypatch):
    def gone(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr(progress.click, "echo", gone)
    InPipe(clock).say("something")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.3, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (118, "1:58"), (7390, "2:03:10")]
)
def test_a_duration_reads_as_people_say_it(seconds, text):
    assert duration(seconds) == text


def test_force_color_makes_no_terminal_of_a_pipe(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_told(plain=False) as teller:
        assert isinstance(teller, InPipe)


def test_a_terminal_on_which_nothing_is_drawn_has_nothing_to_clear():
    console = Console(file=io.StringIO(), force_terminal=True)
    OnTerminal(console).clear()
    assert console.file.getvalue() == ""


# ---------------------------------------------------------------- a terminal

BAR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def shown(tty):
    """Everything that was written, without its control sequences, line by line."""
    return BAR.sub("", tty.seen).replace("\r", "\n").split("\n")


@NEEDS_POSIX
@pytest.mark.parametrize("columns", [60, 110])
def test_on_a_terminal_progress_is_drawn_and_fits(command, credentials, columns):
    sheet(150, wrong=(9,))
    args = ("--storefront=1", "--max-rate=100")
    with terminal(command, "import", "customers.csv", *args, columns=columns, **credentials) as tty:
        assert tty.rest() == 1
    lines = shown(tty)
    assert any(re.fullmatch(r"  ━[━╸╺]+ +\d+/149  [0-9.]+/s  \d+ s left *", line) for line in lines)
    assert any(re.fullmatch(r"  \d+ created  0 failed  0 unknown  \d+ in flight", line) for line in lines)
    drawn = [line for line in lines if not line.startswith("printnow: ")]
    assert [line for line in drawn if len(line) > columns - 2] == []
    assert "\x1b[?25h" in tty.seen.rpartition("\x1b[?25l")[2]  # the cursor is back


@NEEDS_POSIX
def test_ctrl_c_on_a_terminal_leaves_one_line_above_the_bar(command, credentials, sandbox):
    sheet(300)
    args = ("--storefront=1", "--max-rate=50")
    with terminal(command, "import", "customers.csv", *args, columns=60, **credentials) as tty:
        tty.wait_for("/300  ")
        os.killpg(tty.child.pid, signal.SIGINT)
        assert tty.rest() == 130
    assert shown(tty).count("printnow: finishing rows in flight; Ctrl-C again cancels") == 1
    assert 0 < len(sandbox.customers) < 300


# ---------------------------------------------------------------- Ctrl-C


def wait_for(condition):
    """Wait until something is so in another thread."""
    tick = threading.Event()
    for _ in range(int(CHILD_SECONDS / 0.02)):
        if condition():
            return
        tick.wait(0.02)
    pytest.fail("it did not happen")


@NEEDS_POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight_and_the_same_command_goes_on(number, command, credentials, sandbox):
    sheet(400)
    command.environment = credentials
    with command.start("import", "customers.csv", "--storefront=1", "--max-rate=100", "--json") as child:
        wait_for(lambda: len(sandbox.customers) > 10)
        child.send_signal(number)
        out, err = child.communicate(timeout=CHILD_SECONDS)
    summary = json.loads(out)
    assert child.returncode == 130
    assert err.splitlines()[-2:] == [
        "printnow: finishing rows in flight; Ctrl-C again cancels",
        f"printnow: interrupted: {summary['unsettled']} rows without an outcome. To go on, run the same command again.",
    ]
    assert summary["interrupted"]
    assert summary["created"] == len(sandbox.customers) < 400
    done = command.run("import", "customers.csv", "--storefront=1", "--json")
    assert done.returncode == 0
    assert len(sandbox.customers) == 400
    assert sum(request.method == "POST" for request in sandbox.requests) == 400


@NEEDS_POSIX
def test_a_second_ctrl_c_cancels_and_says_what_the_rows_in_flight_become(command, credentials, sandbox):
    sandbox.inject(Fault.latency(60.0), CREATE)
    sheet(400)
    command.environment = credentials
    with command.start("import", "customers.csv", "--storefront=1") as child:
        wait_for(lambda: sandbox.requests or Path("customers.csv.journal-wal").exists())
        child.send_signal(signal.SIGINT)
        assert child.stderr.readline() == "printnow: finishing rows in flight; Ctrl-C again cancels\n"
        child.send_signal(signal.SIGTERM)  # asks for the same as before
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=CHILD_SECONDS)
    assert child.returncode == 130
    assert err.startswith("printnow: interrupted: rows that were in flight may have been created. To go on, run the")
    assert err.count("\n") == 1


FAKE = """
import asyncio, sys, time
from types import SimpleNamespace
from printnow_async import spreadsheets
from printnow_async.cli import main

async def import_accounts(client, source, *, on_checked, stop, **_):
    {body}

spreadsheets.import_accounts = import_accounts
main()
"""


def start_fake(command, body):
    command.environment = {"PRINTNOW_TOKEN": "t0ken-t0ken", "PRINTNOW_KEY": "k3y-k3y-k3y"}
    return command.start("import", "some.csv", "--storefront=1", python=("-c", FAKE.format(body=body)))


@NEEDS_POSIX
@pytest.mark.parametrize("wait", ["await asyncio.sleep(60)", "time.sleep(60)"], ids=["waiting", "busy"])
def test_ctrl_c_while_rows_are_checked_ends_at_once(wait, command):
    with start_fake(command, f"print('checking', flush=True); {wait}") as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=CHILD_SECONDS)
    assert (child.returncode, out, err) == (130, "", "printnow: interrupted; nothing was sent\n")


@NEEDS_POSIX
def test_a_third_ctrl_c_ends_what_does_not_let_itself_be_cancelled(command):
    body = """
    columns = SimpleNamespace(unknown=())
    on_checked(SimpleNamespace(total=1, valid=1, invalid=0, columns=columns, problems=tuple))
    await stop.wait()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print('deaf', flush=True)
        await asyncio.sleep(60)
"""
    with start_fake(command, body.strip()) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        child.stderr.readline()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "deaf\n"
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=CHILD_SECONDS)
    assert child.returncode == 130
    assert err.startswith("printnow: interrupted: rows that were in flight may have been created.")


def test_a_cancellation_from_elsewhere_stays_one(run, monkeypatch):
    async def import_accounts(*_, **__):
        raise CancelledError

    monkeypatch.setattr(spreadsheets, "import_accounts", import_accounts)
    with pytest.raises(CancelledError):
        run("import", "some.csv", "--storefront=1")


def test_the_signals_are_given_back(run, fake):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert run("import", "some.csv", "--storefront=1").exit_code == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
