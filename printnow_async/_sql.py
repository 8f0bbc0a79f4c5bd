"""A database behind SQLAlchemy's asyncio: the engine, its tables, and one statement at a time.

Every statement is a transaction of its own (autocommit), so no lock is held while something else waits. SQLite is
opened in WAL mode with `synchronous=FULL`, so that a record survives a power cut. Where another process is writing,
SQLite waits instead of failing. A SQLite file that is made here can be read and written by its owner only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit

try:
    import sqlalchemy as sa
    from sqlalchemy import event, exc
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
except ImportError as error:
    raise ImportError(
        "SQLAlchemy is missing: pip install 'printnow-async[sql]' for SQLite, 'printnow-async[postgres]' for PostgreSQL"
    ) from error

from printnow_async.errors import ConfigurationError, TablesMissingError

__all__ = ["AsyncConnection", "Database", "Setup", "UTCDateTime", "ddl", "exc", "insert_if_absent", "sa"]

_T = TypeVar("_T")

Setup: TypeAlias = Literal["create", "verify"]

BUSY_MILLISECONDS: Final = 30_000
"""How long SQLite waits for another writer before it fails."""

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_EXTRAS: Final = {"sqlite": "sql", "postgresql": "postgres"}


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime with microseconds: `timestamptz` on PostgreSQL, text that sorts in SQLite."""

    impl = sa.String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The type of the column in this dialect."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.String(32))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """The value to store."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """The stored value as an aware UTC datetime."""
        if value is None:
            return None
        return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone(UTC)


def insert_if_absent(table: sa.Table, dialect: str) -> sa.Insert:
    """An INSERT that does nothing where the key exists already; its row count is 0 then."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(table).on_conflict_do_nothing()


def ddl(metadata: sa.MetaData, versions: sa.Table, component: str, version: int, dialect: str) -> str:
    """The statements that make these tables, each ending in a semicolon; `ConfigurationError` for another dialect."""
    if dialect not in _EXTRAS:
        raise ConfigurationError(f"there is DDL for {' and '.join(_EXTRAS)}, not for {dialect!r}")
    spoken: sa.Dialect = postgresql.dialect() if dialect == "postgresql" else sqlite.dialect()  # type: ignore[no-untyped-call]
    statements = [str(element.compile(dialect=spoken)) for element in _elements(metadata)]
    row = insert_if_absent(versions, dialect).values(component=component, version=version)
    statements.append(str(row.compile(dialect=spoken, compile_kwargs={"literal_binds": True})))
    return "".join(f"{statement.strip()};\n" for statement in statements)


def _elements(metadata: sa.MetaData) -> Iterator[sa.schema.CreateTable | sa.schema.CreateIndex]:
    for table in metadata.sorted_tables:
        yield sa.schema.CreateTable(table, if_not_exists=True)
        for index in table.indexes:
            yield sa.schema.CreateIndex(index, if_not_exists=True)


class Database:
    """One database with the tables of one component. A `Database` belongs to one event loop.

    `setup` is "create" (missing tables are made at the first use) or "verify" (missing tables are an error). With None,
    SQLite creates and PostgreSQL verifies. With `exclusive`, SQLite locks the file for as long as it is open, and fails
    at once where another process has locked it; use the one connection of `hold()` then.

    Methods raise `TablesMissingError`, `ConfigurationError` for tables of another version, for use after `aclose()` and
    in another event loop, and SQLAlchemy's errors where the database fails.
    """

    def __init__(
        self,
        url: str | AsyncEngine,
        metadata: sa.MetaData,
        versions: sa.Table,
        *,
        component: str,
        version: int,
        setup: Setup | None,
        exclusive: bool = False,
    ) -> None:
        if setup not in {None, "create", "verify"}:
            raise ConfigurationError(f"setup must be 'create' or 'verify', not {setup!r}")
        self._owned = not isinstance(url, AsyncEngine)
        engine = _make_engine(url, exclusive=exclusive) if isinstance(url, str) else url
        self.dialect = engine.dialect.name
        if self.dialect not in _EXTRAS:
            raise ConfigurationError(f"SQLite and PostgreSQL are supported, not {self.dialect}")
        self._engine = engine if self._owned else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._metadata, self._versions = metadata, versions
        self._component, self._version = component, version
        self._setup: Setup = setup or ("create" if self.dialect == "sqlite" else "verify")
        self._ready = False
        self._turn = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def rows(self, query: sa.Select[Any], values: dict[str, Any] | None = None) -> Sequence[sa.Row[Any]]:
        """The rows of one SELECT."""
        result = await self._execute(query, values)
        return result.all()

    async def change(self, statement: sa.Executable, values: dict[str, Any]) -> bool:
        """Execute one INSERT or UPDATE. Whether exactly one row was changed."""
        result = await self._execute(statement, values)
        return cast("sa.CursorResult[Any]", result).rowcount == 1

    async def hold(self) -> AsyncConnection:
        """A connection with transactions, for the caller to close. The tables are made or verified first."""
        self._check_usable()
        if not self._ready:
            await self._prepare()
            self._ready = True
        connection = await self._engine.connect()
        level = "SERIALIZABLE" if self.dialect == "sqlite" else "READ COMMITTED"
        return await connection.execution_options(isolation_level=level)

    async def peek(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        """The rows of one query. The tables are not made or verified first."""
        self._check_usable()
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def _execute(self, statement: sa.Executable, values: dict[str, Any] | None) -> sa.Result[Any]:
        """Execute one statement in a transaction of its own. The tables are made or verified first."""
        self._check_usable()
        if not self._ready:
            async with self._turn:
                if not self._ready:
                    await self._again_while_locked(self._prepare)
                    self._ready = True

        async def execute() -> sa.Result[Any]:
            async with self._engine.connect() as connection:
                return await connection.execute(statement, values)

        return await self._again_while_locked(execute)

    async def _again_while_locked(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do the work, and again for as long as SQLite answers that it is locked: nothing was done then.

        SQLite's own `busy_timeout` covers most waits, but not a change to WAL mode or a schema that has just changed.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + BUSY_MILLISECONDS / 1000
        while True:
            try:
                return await work()
            except exc.OperationalError as error:
                name = str(getattr(error.orig, "sqlite_errorname", ""))
                if not name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or loop.time() > ends:
                    raise
            await asyncio.sleep(random.uniform(0.005, 0.05))

    async def aclose(self) -> None:
        """Close the engine, unless it was the caller's. Idempotent."""
        if not self._closed:
            self._closed = True
            if self._owned:
                await self._engine.dispose()

    def _check_usable(self) -> None:
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise ConfigurationError("this store was first used in another event loop: make one per event loop")
        if self._closed:
            raise ConfigurationError("this store is closed: make a new one")

    # ------------------------------------------------------------ the tables

    async def _prepare(self) -> None:
        if self._setup == "create":
            await self._create()
        query = sa.select(self._versions.c.version).where(self._versions.c.component == self._component)
        async with self._engine.connect() as connection:
            missing = await connection.run_sync(self._missing_tables)
            found = None if missing else (await connection.execute(query)).scalar_one_or_none()
        if found == self._version:
            return
        if found is not None:
            versions = f"version {found}, this program needs {self._version}"
            raise ConfigurationError(f"the tables of {self._component} have {versions}")
        url = self._engine.url  # without its query, which may hold a password as well
        shown = sa.URL.create(url.drivername, url.username, host=url.host, port=url.port, database=url.database)
        what = f"no {' and no '.join(missing)}" if missing else f"no version of {self._component} in {self._versions}"
        raise TablesMissingError(f'the database {shown} has {what}: setup="create" makes what is missing')

    def _missing_tables(self, connection: sa.Connection) -> list[str]:
        inspector = sa.inspect(connection)
        tables = self._metadata.sorted_tables
        return [str(table) for table in tables if not inspector.has_table(table.name, table.schema)]

    async def _create(self) -> None:
        """Make the tables that are missing. Any number of processes may do so at once."""
        lock = {"key": zlib.crc32(f"printnow_async/{self._versions.key}".encode())}
        async with self._engine.connect() as connection:
            if self.dialect == "postgresql":  # its IF NOT EXISTS may fail while another process makes the table
                await connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), lock)
            try:
                for element in _elements(self._metadata):
                    await connection.execute(element)
                row = insert_if_absent(self._versions, self.dialect)
                await connection.execute(row, {"component": self._component, "version": self._version})
            finally:
                if self.dialect == "postgresql":
                    await connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), lock)


def _make_engine(url: str, *, exclusive: bool) -> AsyncEngine:
    """An engine for this URL. `ConfigurationError` says what is wrong without the URL, which may hold a password."""
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError:
        raise ConfigurationError(
            "not a database URL, as in sqlite+aiosqlite:///guests.db or postgresql+asyncpg://user@host/name"
        ) from None
    if parsed.drivername in _DRIVERS:
        raise ConfigurationError(
            f"the URL must name an asynchronous driver: {_DRIVERS[parsed.drivername]}://…, not {parsed.drivername}://…"
        )
    name = parsed.get_backend_name()
    try:
        engine = create_async_engine(
            parsed,
            hide_parameters=True,
            pool_pre_ping=name == "postgresql",
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,  # with autocommit there is nothing to roll back
        )
    except (exc.NoSuchModuleError, exc.InvalidRequestError):
        raise ConfigurationError(f"no such database, or no asynchronous driver: {parsed.drivername}") from None
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(name, "sql")
        raise ConfigurationError(f"{error.name} is missing: pip install 'printnow-async[{extra}]'") from None
    if name == "sqlite":

        def set_up(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            # first of all, so that the other settings wait for other processes too
            cursor.execute(f"PRAGMA busy_timeout = {0 if exclusive else BUSY_MILLISECONDS}")
            if exclusive:
                cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.close()

        event.listen(engine.sync_engine, "do_connect", _make_file_of_owner)
        event.listen(engine.sync_engine, "connect", set_up)
    return engine


def _make_file_of_owner(_dialect: object, _record: object, arguments: list[str], options: dict[str, Any]) -> None:
    """Make the file that SQLite is about to open, if it is missing, with mode 0600. `-wal` and `-shm` take its mode."""
    path = arguments[0]
    if options.get("uri"):
        parts = urlsplit(path)
        modes = parse_qs(parts.query).get("mode", ["rwc"])
        path = unquote(parts.path) if modes[-1] == "rwc" else ":memory:"
    if path not in {"", ":memory:"}:
        # a file that is there keeps its mode; where none can be made, SQLite reports the error
        with contextlib.suppress(OSError):
            os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
