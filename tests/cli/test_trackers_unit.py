"""Which tracker the `guest` commands use, and what is said when its database fails."""

from __future__ import annotations

import json
import sys

import pytest

from printnow_async.cli.trackers import _database_failure
from printnow_async.errors import TablesMissingError

SECRET = "hunter2hunter2"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRINTNOW_TRACKER", raising=False)


def said(result, code):
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_without_a_word_it_is_a_file_in_the_current_directory(run, tmp_path):
    assert run("guest", "start", "cart", "--storefront=1").exit_code == 0
    assert (tmp_path / "printnow-guests.db").exists()
    assert run("guest", "show", "cart").exit_code == 0


@pytest.mark.parametrize("args", [("show", "cart"), ("recover", "cart"), ("stale",), ("transfer", "cart", "--to=5")])
def test_nothing_but_a_start_makes_that_file(run, tmp_path, args):
    assert "there is no printnow-guests.db in this directory" in said(run("guest", *args), 2)
    assert list(tmp_path.iterdir()) == []


def test_the_option_wins_over_the_environment_and_that_over_the_file(run, tmp_path):
    names = ("option", "environment", "file")
    option, environment, file = (f"sqlite+aiosqlite:///{name}.db" for name in names)
    env_file = tmp_path / "some.env"
    env_file.write_text(f"PRINTNOW_TRACKER={file}\n", encoding="utf-8")
    start = ("guest", "start", "cart", "--storefront=1", "--env-file", str(env_file))
    run(*start, "--tracker", option, PRINTNOW_TRACKER=environment)
    assert [name for name in names if (tmp_path / f"{name}.db").exists()] == ["option"]
    noted = run(*start, PRINTNOW_TRACKER=environment)
    assert "PRINTNOW_TRACKER is taken from the environment, not from" in noted.stderr
    run(*start)
    assert [name for name in names if (tmp_path / f"{name}.db").exists()] == list(names)


@pytest.mark.parametrize("url", ["postgresql+asyncpg://jane:{}@localhost/shop", "postgresql+asyncpg:///x?password={}"])
def test_a_password_in_an_argument_is_refused_and_not_shown(run_alone, url):
    result = run_alone("guest", "show", "cart", "--tracker", url.format(SECRET))
    assert said(result, 2).startswith("printnow: a password is never an argument")
    assert SECRET not in result.output


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_the_password_of_a_tracker_does_not_come_out(run_alone, monkeypatch, debug):
    async def fail(*_):
        raise RuntimeError(f"{SECRET}%21; {SECRET}!")

    monkeypatch.setattr("printnow_async.tracking.sql.SQLTracker.load", fail)
    url = f"postgresql+asyncpg://jane:{SECRET}%21@localhost/shop"
    result = run_alone("guest", "show", "cart", *debug, PRINTNOW_TRACKER=url)
    assert result.exit_code == 1
    assert "RuntimeError" in result.stderr
    assert f"{SECRET}!" not in result.output
    assert f"{SECRET}%21" not in result.output


def test_a_reader_that_has_gone_is_no_failure_of_the_database():
    assert _database_failure(BrokenPipeError()) is None


@pytest.mark.parametrize(
    ("url", "code", "line"),
    [
        ("sqlite+aiosqlite:///no/such/folder.db", 1, "the tracker's database has failed: unable to open database file"),
        ("postgresql+asyncpg://jane@127.0.0.1:{}/shop", 1, "the tracker's database has failed: Connect call failed"),
        ("sqlite:///guests.db", 2, "the URL must name an asynchronous driver: sqlite+aiosqlite://"),
        ("guests.db", 2, "not a database URL"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(run, url, code, line, unused_tcp_port):
    assert line in said(run("guest", "show", "cart", PRINTNOW_TRACKER=url.format(unused_tcp_port)), code)


def test_a_database_that_fails_says_how_to_settle_what_was_cut_off(run):
    line = said(run("guest", "show", "cart", "--tracker", "sqlite+aiosqlite:///no/such/folder.db"), 1)
    assert line.endswith("To finish a step that was cut off: printnow guest recover cart.\n")


@pytest.mark.parametrize("missing", ["sqlalchemy", "printnow_async._sql"])
def test_without_sqlalchemy_the_command_says_what_to_install(run_alone, monkeypatch, missing):
    for loaded in ("printnow_async.tracking.sql", "printnow_async._sql"):
        monkeypatch.delitem(sys.modules, loaded, raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    if missing != "sqlalchemy":
        result = run_alone("guest", "schema")
        assert said(result, 1).startswith("printnow: unexpected ModuleNotFoundError")
        return
    for args in (("schema",), ("show", "cart"), ("stale",)):
        line = said(run_alone("guest", *args), 2)
        assert line.startswith("printnow: SQLAlchemy is missing: install printnow-async[sql]")


def test_missing_tables_are_one_line_that_names_the_option_and_the_command(run, monkeypatch):
    async def not_there(*_):
        raise TablesMissingError('setup="create" makes them')

    monkeypatch.setattr("printnow_async.tracking.sql.SQLTracker.load", not_there)
    line = said(run("guest", "show", "cart", PRINTNOW_TRACKER="sqlite+aiosqlite:///other.db"), 2)
    assert line == (
        "printnow: the tracker's database has no tables for guests: make them with --create-tables, or run the SQL "
        "that this prints: printnow guest schema\n"
    )


def test_postgresql_gets_its_tables_when_told_to(run, fresh_postgres):
    start = ("guest", "start", "cart", "--storefront=1", "--json")
    assert "--create-tables" in said(run(*start, PRINTNOW_TRACKER=fresh_postgres), 2)
    assert json.loads(run(*start, "--create-tables", PRINTNOW_TRACKER=fresh_postgres).stdout)["state"] == "active"
    assert run("guest", "show", "cart", PRINTNOW_TRACKER=fresh_postgres).exit_code == 0
