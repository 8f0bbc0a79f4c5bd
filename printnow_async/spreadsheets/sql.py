"""The tables of an import's journal, and the statements on them. One process at a time uses a journal.

SQLAlchemy with aiosqlite (extra `cli` or `sql`) or asyncpg (`postgres`).
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs

from printnow_async._sql import AsyncConnection, Database, exc, sa
from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets.entries import JournalChanges, JournalEntry

__all__ = ["JournalStore", "LOOKED_UP", "StoreError", "journal_url"]

COMPONENT: Final = "import"
SCHEMA_VERSION: Final = 1
PREFIX: Final = "printnow_"


class StoreError(Exception):
    """The journal cannot be read or written now. The text says why, in one line."""


def journal_url(journal: str | os.PathLike[str]) -> tuple[str, Path | None]:
    """The database URL of a journal that is given as a path or as a URL, and its file if the journal is a file."""
    if isinstance(journal, str) and "://" in journal:
        try:
            url = sa.make_url(journal)
        except exc.ArgumentError:
            return journal, None  # opening the database raises the error
        is_file = url.get_backend_name() == "sqlite" and url.database and not url.database.startswith((":", "file:"))
        return journal, Path(url.database) if is_file and url.database else None
    path = Path(journal)
    url = sa.URL.create("sqlite+aiosqlite", database=str(path))
    return url.render_as_string(hide_password=False), path


def shown(url: str) -> str:
    """A database URL without its password, for messages."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except exc.ArgumentError:
        return "the journal"


_METADATA: Final = sa.MetaData()
_VERSIONS: Final = sa.Table(
    f"{PREFIX}schema",
    _METADATA,
    sa.Column("component", sa.String(50), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
_ABOUT: Final = sa.Table(
    f"{PREFIX}import",
    _METADATA,
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("value", sa.String(1000), nullable=False),
)
_ROWS: Final = sa.Table(
    f"{PREFIX}import_rows",
    _METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("key", sa.String(32), nullable=False),
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("customer_id", sa.BigInteger),
    sa.Column("reason", sa.String(500)),
)
_LOG: Final = sa.Table(
    f"{PREFIX}import_log",
    _METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("changes", sa.Text, nullable=False),
)
"""Changes that were written while rows were sent: one row for each transaction, in JSON. `fold()` makes entries.

A statement for each entry would take the interpreter's lock and give it back each time, which costs a busy event loop
several times what the database does.
"""
# made when rows are first looked up: a run from the beginning only appends
_INDEX: Final = sa.Index(f"{PREFIX}import_rows_key", _ROWS.c.key)
_ROWS.indexes.discard(_INDEX)

LOOKED_UP: Final = 1_000
"""Rows that are looked up at once."""
_KEYS: Final = tuple(f"key_{number}" for number in range(LOOKED_UP))
_FIND: Final = sa.select(_ROWS).where(_ROWS.c.key.in_([sa.bindparam(name, type_=_ROWS.c.key.type) for name in _KEYS]))
_AT: Final = _ROWS.c.id == sa.bindparam("at")
_BEGUN: Final = ("id", "key", "digest", "state")
_CHANGES: Final[dict[str, tuple[Any, tuple[str, ...]]]] = {
    "begun": (sa.insert(_ROWS).values({name: sa.bindparam(name) for name in _BEGUN}), _BEGUN),
    "again": (
        sa.update(_ROWS).where(_AT).values(digest=sa.bindparam("said"), state=sa.bindparam("now")),
        ("said", "now", "at"),
    ),
    "settled": (
        sa.update(_ROWS)
        .where(_AT)
        .values(state=sa.bindparam("now"), customer_id=sa.bindparam("customer"), reason=sa.bindparam("why")),
        ("now", "customer", "why", "at"),
    ),
    "withdrawn": (sa.delete(_ROWS).where(_AT), ("at",)),
}
"""The statement of each kind of change, and the order of its values, as in `JournalChanges`."""
_OLDEST: Final = sa.select(_LOG).order_by(_LOG.c.id).limit(20)


def _by_position(statement: Any, names: tuple[str, ...], dialect: sa.Dialect) -> str:
    """A statement as the driver takes it, for plain tuples: a dictionary for each row would cost ten times as much."""
    compiled = statement.compile(dialect=dialect)
    if tuple(compiled.positiontup) != names:
        raise RuntimeError(f"{dialect.name} wants {compiled.positiontup}, not {names}")
    return str(compiled)


class JournalStore:
    """The journal's database, opened for one run alone."""

    def __init__(self, url: str, path: Path | None) -> None:
        self.name = str(path) if path is not None else shown(url)
        """The path or URL of the journal, for messages."""
        self._path = path
        self._database = Database(
            url, _METADATA, _VERSIONS, component=COMPONENT, version=SCHEMA_VERSION, setup="create", exclusive=True
        )
        self._connection: AsyncConnection | None = None
        self._logged = 0
        """The number of the last row in the log, which is empty when a run begins."""
        self._find = self._append = ""
        self._changes: dict[str, str] = {}
        self._indexed = False

    async def open(self, begun: dict[str, str]) -> dict[str, str]:
        """Lock the database, make missing tables, and give what the journal says about itself: `begun`, if it is new.

        Raises `ConfigurationError` for a file that is no journal, is damaged, or is in use by another run.
        """
        if self._path is not None and self._path.is_dir():
            raise ConfigurationError(f"{self.name} is a folder, not a journal")
        try:
            # the file is not opened here: closing it would end the lock that another run in this process has
            if self._database.dialect == "sqlite":
                await self._check_database()
            self._connection = await self._database.hold()
            self._find = _by_position(_FIND, _KEYS, self._open.dialect)
            values: dict[str, Any] = {name: sa.bindparam(name) for name in ("id", "changes")}
            self._append = _by_position(sa.insert(_LOG).values(values), ("id", "changes"), self._open.dialect)
            self._changes = {kind: _by_position(*change, self._open.dialect) for kind, change in _CHANGES.items()}
            await self._lock()
            about = {row.name: row.value for row in await self._open.execute(sa.select(_ABOUT))}
            if not about:
                about = begun
                await self._open.execute(sa.insert(_ABOUT), [{"name": key, "value": begun[key]} for key in begun])
            await self._open.commit()
        except BaseException as error:
            await self.aclose()
            if isinstance(error, exc.DBAPIError | OSError):
                raise ConfigurationError(f"{self.name}: {self._explain(error)}") from None
            raise
        return about

    @property
    def _open(self) -> AsyncConnection:
        if self._connection is None:
            raise RuntimeError("the journal is not open")
        return self._connection

    async def _check_database(self) -> None:
        (found,) = await self._database.peek(sa.text("PRAGMA quick_check(1)"))
        if found[0] != "ok":
            raise ConfigurationError(f"{self.name} is damaged ({str(found[0]).splitlines()[0]}): {TORN}")
        query = sa.text("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        names = {row[0] for row in await self._database.peek(query)}
        # a run that was killed while it made the tables has left some of them
        if _ROWS.name not in names and names - {table.name for table in _METADATA.tables.values()}:
            raise ConfigurationError(f"{self.name} is the database of something else: choose another name")

    async def _lock(self) -> None:
        """Lock the journal on PostgreSQL, until the connection ends. SQLite has locked the file already."""
        if self._database.dialect == "postgresql":
            key = {"key": zlib.crc32(f"printnow_async/{_ROWS.key}".encode())}
            got = await self._open.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), key)
            if not got.scalar_one():
                raise ConfigurationError(f"{self.name}: {IN_USE}")

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[AsyncConnection]:
        """The connection, for statements that take effect together. Raises `StoreError` where none took effect."""
        try:
            yield self._open
            await self._open.commit()
        except exc.DBAPIError as error:
            with suppress(exc.DBAPIError):  # what could not be written cannot be taken back either
                await self._open.rollback()
            raise StoreError(self._explain(error)) from None

    async def last_id(self) -> int:
        """The number of the entry that was added last, from 1; 0 if there is no entry."""
        async with self._transaction() as connection:
            return (await connection.execute(sa.select(sa.func.max(_ROWS.c.id)))).scalar_one() or 0

    async def find(self, keys: Sequence[str]) -> list[JournalEntry]:
        """The entries with these keys, in any order."""
        entries: list[JournalEntry] = []
        async with self._transaction() as connection:
            if not self._indexed:
                await connection.execute(sa.schema.CreateIndex(_INDEX, if_not_exists=True))
                self._indexed = True
            for at in range(0, len(keys), LOOKED_UP):
                asked = tuple(keys[at : at + LOOKED_UP])
                asked += asked[-1:] * (LOOKED_UP - len(asked))  # the statement has so many places
                entries += map(JournalEntry._make, await connection.exec_driver_sql(self._find, asked))
        return entries

    async def write(self, changes: JournalChanges) -> None:
        """Write all of these changes. Entries stay as they were until `fold()`."""
        text = json.dumps(attrs.asdict(changes, recurse=False))
        async with self._transaction() as connection:
            await connection.exec_driver_sql(self._append, (self._logged + 1, text))
        self._logged += 1

    async def fold(self) -> None:
        """Make entries of all changes that were written."""
        while True:
            async with self._transaction() as connection:
                rows = (await connection.execute(_OLDEST)).all()
                if not rows:
                    return
                for row in rows:
                    for kind, values in json.loads(row.changes).items():
                        if values:
                            await connection.exec_driver_sql(self._changes[kind], list(map(tuple, values)))
                await connection.execute(sa.delete(_LOG).where(_LOG.c.id <= rows[-1].id))

    def _explain(self, error: exc.DBAPIError | OSError) -> str:
        """What an error of the database means, in one line."""
        said = str(error.orig if isinstance(error, exc.DBAPIError) else error.strerror or error).splitlines()[0]
        if "locked" in said:
            return IN_USE
        if "readonly" in said or "unable to open" in said or "Permission" in said:
            return f"it cannot be written here ({said})"
        if "not a database" in said:
            return "it is not a journal: choose another name"
        if "malformed" in said:
            return f"it is damaged ({said}): {TORN}"
        if "full" in said or "disk I/O" in said:
            return f"the disk is full, or fails ({said})"
        return said

    async def aclose(self) -> None:
        """Close the database, which ends the lock."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
        await self._database.aclose()


IN_USE: Final = "another run is using it: wait for its end"
TORN: Final = "restore it, or begin another; rows that were created already will then read as taken"
