"""Where the commands remember guests: which tracker, and what its database says when it fails."""

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
from printnow_async.errors import ConfigurationError

if TYPE_CHECKING:
    from printnow_async.tracking.sql import SQLTracker

__all__ = ["Guests", "PATIENCE", "sql_needed", "sql_tracker", "tracked"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

PATIENCE: Final = 20.0
"""Seconds for which a guest's end is waited for: more than a lease lasts whose holder has died."""

_SETTLING: Final = 0.1
"""Seconds that aiosqlite's thread gets to end after a failure, since with its loop closed it ends in a traceback."""

_TRACKER: Final = "PRINTNOW_TRACKER"
_FILE: Final = "printnow-guests.db"
_DEFAULT: Final = f"sqlite+aiosqlite:///{_FILE}"


@contextmanager
def sql_needed() -> Generator[None, None, None]:
    """What is imported here needs SQLAlchemy; bad configuration where that is missing."""
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
    """The class `SQLTracker`; bad configuration where SQLAlchemy is missing."""
    with sql_needed():
        from printnow_async.tracking.sql import SQLTracker
    return SQLTracker


@attrs.frozen
class Guests:
    """The tracker that a command was told of, and the way to credentials for one that sends requests."""

    url: str = attrs.field(repr=False)
    """Its database: an SQLAlchemy URL."""
    create_tables: bool
    """Whether missing tables are made where SQLTracker by itself would only look."""
    env_file: Path | None
    """Where credentials may be besides the environment."""

    def connection(self) -> Connection:
        """Whose credentials, and which address."""
        return Connection.found(self.env_file)

    def must_exist(self) -> None:
        """Bad usage where nothing was said of a tracker and there is none here yet: reading makes no empty file."""
        if self.url == _DEFAULT and not Path(_FILE).exists():
            raise BadUsage(
                f"there is no {_FILE} in this directory: name another tracker with --tracker or {_TRACKER}, or begin "
                "with: printnow guest start"
            )

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[SQLTracker]:
        """The tracker, for as long as the block lasts; what its database says is a `TrackerFailed`."""
        try:
            async with sql_tracker()(self.url, setup="create" if self.create_tables else None) as tracker:
                yield tracker
        except ConfigurationError as error:
            message = error.message.replace("have setup='create' make them", "make them with --create-tables")
            raise ConfigurationError(message) from error
        except Exception as error:
            said = _said_by_a_database(error)
            if said is None:
                raise
            await asyncio.sleep(_SETTLING)
            raise TrackerFailed(f"the tracker's database has failed: {said}") from error


def _said_by_a_database(error: Exception) -> str | None:
    """The line that tells it, or None for an error of another origin."""
    if isinstance(error, BrokenPipeError):
        return None  # whoever read our output has gone
    if isinstance(error, OSError):  # a server that cannot be reached; the SDK's own requests end in errors of its own
        return error.strerror or type(error).__name__
    if type(error).__module__.partition(".")[0] not in {"sqlalchemy", "asyncpg"}:
        return None
    # SQLAlchemy's own text is long and has the statement in it; that of the driver is one line
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0].removeprefix("<class '").replace("'>:", ":") if lines else type(error).__name__


def tracked(command: Callable[Concatenate[Guests, _P], _R]) -> Callable[..., _R]:
    """Give a command the options of a tracker and `--env-file`, and as its first argument the `Guests` of it."""

    @click.option(
        "--tracker",
        metavar="URL",
        help=f"The database that remembers guests, an SQLAlchemy URL; else {_TRACKER}, of the environment or the "
        f"--env-file, or {_DEFAULT}, a file in the current directory.",
    )
    @click.option("--create-tables", is_flag=True, help="Make missing tables in PostgreSQL; SQLite does so anyway.")
    @env_file_option
    @functools.wraps(command)
    def with_guests(
        tracker: str | None,
        create_tables: bool,  # noqa: FBT001 - click's call
        env_file: Path | None,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _R:
        sql_tracker()  # where it is missing, that is said before anything is asked
        return command(Guests(_url(tracker, env_file), create_tables, env_file), *args, **kwargs)

    return with_guests


def _url(given: str | None, env_file: Path | None) -> str:
    """Which database, its password remembered as a secret."""
    if given and has_password(given):
        raise BadUsage(f"a password is never an argument: put the URL of the tracker into {_TRACKER}, or an --env-file")
    url = given or variables((_TRACKER,), env_file).get(_TRACKER, _DEFAULT)
    remember_password(url)
    return url
