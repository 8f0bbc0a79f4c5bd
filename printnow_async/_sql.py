"""A database behind SQLAlchemy's asyncio: the engine, how its tables come to be, and one statement at a time.

Every statement is a transaction of its own (autocommit): nothing here holds a lock while something else waits.
SQLite is opened in WAL mode with `synchronous=FULL`, so that what was recorded survives a power cut, and waits for
other writers instead of failing.
"""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

try:
    import sqlalchemy as sa
    from sqlalchemy import event, exc
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
except ImportError as error:
    raise ImportError(
        "SQLAlchemy is missing: pip install 'printnow-async[sql]' for SQLite, 'printnow-async[postgres]' for PostgreSQL"
    ) from error

from printnow_async.errors import ConfigurationError

__all__ = ["AsyncConnection", "Database", "Setup", "UTCDateTime", "ddl", "exc", "insert_if_absent", "sa"]

_T = TypeVar("_T")

Setup: TypeAlias = Literal["create", "verify"]

BUSY_MILLISECONDS: Final = 30_000
"""How long SQLite waits for another writer before it gives up."""

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_EXTRAS: Final = {"sqlite": "sql", "postgresql": "postgres"}


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime with microseconds: `timestamptz` on PostgreSQL, text that sorts in SQLite."""

    impl = sa.String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The column's own type in a dialect."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.String(32))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """What is stored."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """What is given back."""
        if value is None:
            return None
        return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone(UTC)


def insert_if_absent(table: sa.Table, dialect: str) -> sa.Insert:
    """An INSERT that does nothing where the key is taken; its row count tells."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(table).on_conflict_do_nothing()


def ddl(metadata: sa.MetaData, versions: sa.Table, component: str, version: int, dialect: str) -> str:
    """The statements that make these tables, for people who run them by hand."""
    if dialect not in _EXTRAS:
        raise ConfigurationError(f"there is DDL for {' and '.join(_EXTRAS)}, not for {dialect!r}")
    spoken: sa.Dialect = postgresql.dialect() if dialect == "postgresql" else sqlite.dialect()  # type: ignore[no-untyped-call]
    statements: list[str] = []
    for table in metadata.sorted_tables:
        statements.append(str(sa.schema.CreateTable(table, if_not_exists=True).compile(dialect=spoken)))
        statements += [
            str(sa.schema.CreateIndex(index, if_not_exists=True).compile(dialect=spoken)) for index in table.indexes
        ]
    row = insert_if_absent(versions, dialect).values(component=component, version=version)
    statements.append(str(row.compile(dialect=spoken, compile_kwargs={"literal_binds": True})))
    return "".join(f"{statement.strip()};\n" for statement in statements)


class Database:
    """One database with the tables of one component. It belongs to one event loop.

    `exclusive` has SQLite lock the file for as long as it is open, and fail at once where it is locked; there is one
    connection then, and `hold()` gives it.
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
        """Execute one INSERT or UPDATE; whether it changed a row."""
        result = await self._execute(statement, values)
        return cast("sa.CursorResult[Any]", result).rowcount == 1

    async def hold(self) -> AsyncConnection:
        """A connection of the caller's own, with transactions, once the tables are known to be there. Close it."""
        self._check_usable()
        if not self._ready:
            await self._prepare()
            self._ready = True
        connection = await self._engine.connect()
        level = "SERIALIZABLE" if self.dialect == "sqlite" else "READ COMMITTED"
        return await connection.execution_options(isolation_level=level)

    async def peek(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        """The rows of one query, whatever tables there are."""
        self._check_usable()
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def _execute(self, statement: sa.Executable, values: dict[str, Any] | None) -> sa.Result[Any]:
        """Execute one statement, a transaction of its own, once the tables are known to be there."""
        self._check_usable()
        if not self._ready:
            async with self._turn:
                if not self._ready:
                    await self._patiently(self._prepare)
                    self._ready = True

        async def execute() -> sa.Result[Any]:
            async with self._engine.connect() as connection:
                return await connection.execute(statement, values)

        return await self._patiently(execute)

    async def _patiently(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do it again where SQLite is busy in a way that its own waiting does not cover: then nothing was done."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + BUSY_MILLISECONDS / 1000
        while True:
            try:
                return await work()
            except exc.OperationalError as error:
                if self.dialect != "sqlite" or "locked" not in str(error.orig) or loop.time() > ends:
                    raise
            await asyncio.sleep(random.uniform(0.005, 0.05))

    async def aclose(self) -> None:
        """Close what is ours. Idempotent."""
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
        failure = ""
        found: int | None = None
        try:
            async with self._engine.connect() as connection:
                query = sa.select(self._versions.c.version).where(self._versions.c.component == self._component)
                found = (await connection.execute(query)).scalar_one_or_none()
        except (exc.ProgrammingError, exc.OperationalError) as error:
            failure = str(error.orig).splitlines()[0]
            if "no such table" not in failure and "does not exist" not in failure:
                raise
        if found == self._version:
            return
        hint = "have setup='create' make them, or run what `printnow guest schema` prints"
        if found is None:
            raise ConfigurationError(
                f"the tables of {self._component} are not there ({failure or 'no version'}): {hint}"
            )
        raise ConfigurationError(
            f"the tables of {self._component} have version {found}, this program needs {self._version}"
        )

    async def _create(self) -> None:
        """Make what is missing, however many processes do so at once."""
        lock = {"key": zlib.crc32(f"printnow_async/{self._versions.key}".encode())}
        async with self._engine.connect() as connection:
            if self.dialect == "postgresql":  # whose IF NOT EXISTS may fail when two are at it
                await connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), lock)
            try:
                for table in self._metadata.sorted_tables:
                    await connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
                    for index in table.indexes:
                        await connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))
                row = insert_if_absent(self._versions, self.dialect)
                await connection.execute(row, {"component": self._component, "version": self._version})
            finally:
                if self.dialect == "postgresql":
                    await connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), lock)


def _make_engine(url: str, *, exclusive: bool) -> AsyncEngine:
    """An engine of our own; `ConfigurationError`, without the URL, which may hold a password, where there is none."""
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError:
        parsed = None
    if parsed is None:
        raise ConfigurationError(
            "not a database URL, as in sqlite+aiosqlite:///guests.db or postgresql+asyncpg://user@host/name"
        )
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
            pool_reset_on_return=None,  # so there is nothing to roll back
        )
    except (exc.NoSuchModuleError, exc.InvalidRequestError):
        raise ConfigurationError(f"no such database, or no asynchronous driver: {parsed.drivername}") from None
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(name, "sql")
        raise ConfigurationError(f"{error.name} is missing: pip install 'printnow-async[{extra}]'") from None
    if name == "sqlite":
        event.listen(engine.sync_engine, "connect", _lock_sqlite if exclusive else _wait_for_sqlite)
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    return engine


def _wait_for_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # first of all, so that what follows waits for other processes too
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    cursor.close()


def _lock_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 0")
    cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
    cursor.close()


def _set_up_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()
