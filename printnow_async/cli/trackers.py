"""The tracker of the `guest` commands: which database it is, and what is shown when that database fails."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

import attrs
import click

from printnow_async.cli.connection import Connection, env_file_option, variables
from printnow_async.cli.failures import BadUsage, TrackerFailed
from printnow_async.cli.secrecy import has_password, remember_password
from printnow_async.errors import TablesMissingError

if TYPE_CHECKING:
    from printnow_async.tracking.sql import SQLTracker

__all__ = ["ChosenTracker", "HELD_STEP_WAIT", "database_url", "sql_needed", "sql_tracker", "tracked"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

HELD_STEP_WAIT: Final = 20.0
"""Seconds to wait for a step that another process holds. A process that has died holds its lease for 15 s at most."""

_THREAD_END: Final = 0.1
"""Seconds in which aiosqlite's thread can end after a failure. Once the event loop is closed, the thread would end with
a traceback on standard error."""

_TRACKER: Final = "PRINTNOW_TRACKER"
_FILE: Final = "printnow-guests.db"
_DEFAULT: Final = f"sqlite+aiosqlite:///{_FILE}"


@contextmanager
def sql_needed() -> Generator[None, None, None]:
    """Report a missing SQLAlchemy as bad usage. The imports that need SQLAlchemy stand inside the block."""
    try:
        yield
    except ImportError as error:
        cause = error.__cause__
        if "sqlalchemy" not in {error.name, cause.name if isinstance(cause, ImportError) else None}:
            raise
        raise BadUsage(
            "SQLAlchemy is missing: install printnow-async[sql], or printnow-async[postgres] for PostgreSQL, as in: "
            "pip install 'printnow-async[sql]'"
        ) from None


def sql_tracker() -> type[SQLTracker]:
    """Give the class `SQLTracker`. A missing SQLAlchemy is bad usage."""
    with sql_needed():
        from printnow_async.tracking.sql import SQLTracker
    return SQLTracker


@attrs.frozen
class ChosenTracker:
    """The tracker that the options of a command name."""

    url: str = attrs.field(repr=False)
    """The SQLAlchemy URL of the tracker's database."""
    create_tables: bool
    """Whether missing tables are made in PostgreSQL too."""
    env_file: Path | None
    """The file of `--env-file`, which may hold the credentials."""

    def connection(self) -> Connection:
        """Give the credentials and the address of the API, for a command that sends requests."""
        return Connection.found(self.env_file)

    def must_exist(self) -> None:
        """Report it as bad usage if the tracker is the default file and that file does not exist.

        A command that reads would otherwise make an empty file.
        """
        if self.url == _DEFAULT and not Path(_FILE).exists():
            raise BadUsage(
                f"there is no {_FILE} in this directory: name another tracker with --tracker or {_TRACKER}, or begin "
                "with: printnow guest start"
            )

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[SQLTracker]:
        """Open the tracker for the block. An error of the database becomes a `TrackerFailed`."""
        try:
            async with sql_tracker()(self.url, setup="create" if self.create_tables else None) as tracker:
                yield tracker
        except TablesMissingError as error:
            raise BadUsage(
                "the tracker's database has no tables for guests: make them with --create-tables, or run the SQL that "
                "this prints: printnow guest schema"
            ) from error
        except Exception as error:
            reason = _database_failure(error)
            if reason is None:
                raise
            await asyncio.sleep(_THREAD_END)
            raise TrackerFailed(f"the tracker's database has failed: {reason}") from error


def _database_failure(error: Exception) -> str | None:
    """Give the reason for which a database failed, in one line; None for an error that comes from elsewhere."""
    if isinstance(error, BrokenPipeError):
        return None  # the program that reads our output has ended
    if isinstance(error, OSError):  # the server cannot be reached; a request to the API never ends in an OSError
        return error.strerror or type(error).__name__
    if type(error).__module__.partition(".")[0] not in {"sqlalchemy", "asyncpg"}:
        return None
    # SQLAlchemy's own text is long and contains the statement. The driver's text is one line.
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0].removeprefix("<class '").replace("'>:", ":") if lines else type(error).__name__


def tracked(command: Callable[Concatenate[ChosenTracker, _P], _R]) -> Callable[..., _R]:
    """Give a command `--tracker`, `--create-tables` and `--env-file`, and the `ChosenTracker` as first argument."""

    @click.option(
        "--tracker",
        metavar="URL",
        help=f"The SQLAlchemy URL of the database that remembers guests. Without this option: {_TRACKER} of the "
        f"environment or the --env-file, else {_DEFAULT}, a file in the current directory.",
    )
    @click.option(
        "--create-tables", is_flag=True, help="Make missing tables in PostgreSQL. In SQLite they are always made."
    )
    @env_file_option
    @functools.wraps(command)
    def with_tracker(
        tracker: str | None,
        create_tables: bool,  # noqa: FBT001 - click's call
        env_file: Path | None,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _R:
        sql_tracker()  # a missing SQLAlchemy is reported before the command asks for a password
        url = database_url("tracker", tracker, _TRACKER, env_file) or _DEFAULT
        return command(ChosenTracker(url, create_tables, env_file), *args, **kwargs)

    return with_tracker


def database_url(what: str, given: str | None, variable: str, env_file: Path | None) -> str | None:
    """Give the URL of a database: from an option, else from a variable of the environment or the env file.

    `what` is the word for the database in the error. A password in the option is bad usage, because other users of the
    machine can see the arguments of a process. A password in the variable is kept out of every error.
    """
    if given and has_password(given):
        raise BadUsage(f"a password is never an argument: put the URL of the {what} into {variable}, or an --env-file")
    url = given or variables((variable,), env_file).get(variable)
    if url:
        remember_password(url)
    return url
