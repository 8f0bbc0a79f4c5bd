"""The tables of an import's journal, and the few statements that it needs. One process has them at a time.

SQLAlchemy with aiosqlite (extra `cli` or `sql`) or asyncpg (`postgres`).
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from printnow_async._sql import AsyncConnection, Database, exc, sa
from printnow_async.errors import ConfigurationError

__all__ = ["Entry", "JournalStore", "StoreError", "Writes", "journal_url"]

COMPONENT: Final = "import"
SCHEMA_VERSION: Final = 1
PREFIX: Final = "printnow_"


class StoreError(Exception):
    """The journal cannot be written now; its text says why, in one line."""


class Entry(NamedTuple):
    """What the journal knows of a row."""

    id: int
    """Its number in the journal, in the order in which rows were first sent."""
    key: str
    """Keyed digest of storefront and username: 32 hexadecimal digits."""
    digest: str
    """The same of its cells, but for the password."""
    state: str
    """ "sending", or a `RowOutcome`."""
    customer_id: int | None
    """The customer that was created."""
    reason: str | None
    """Why it was not."""


class Writes:
    """Changes that belong together, made in this order."""

    def __init__(self, **changes: list[Any]) -> None:
        self.begun: list[tuple[int, str, str, str]] = changes.get("begun", [])
        """Rows that are about to be sent for the first time: id, key, digest, state."""
        self.again: list[tuple[str, str, int]] = changes.get("again", [])
        """Rows that are about to be sent once more: digest, state, id."""
        self.settled: list[tuple[str, int | None, str | None, int]] = changes.get("settled", [])
        """Rows whose outcome is known, and rows that go back to what they were: state, customer, reason, id."""
        self.withdrawn: list[tuple[int]] = changes.get("withdrawn", [])
        """Rows that were never sent after all: id."""

    def put_before(self, earlier: Writes) -> None:
        """Take changes in that were meant to be written before these."""
        for kind, changes in vars(earlier).items():
            getattr(self, kind)[:0] = changes

    def __bool__(self) -> bool:
        return any(vars(self).values())


def journal_url(journal: str | os.PathLike[str]) -> tuple[str, Path | None]:
    """The database URL for a journal given as a path or as a URL, and its file if it is one."""
    if isinstance(journal, str) and "://" in journal:
        try:
            url = sa.make_url(journal)
        except exc.ArgumentError:
            return journal, None  # the database says what is wrong with it
        is_file = url.get_backend_name() == "sqlite" and url.database and not url.database.startswith((":", "file:"))
        return journal, Path(url.database) if is_file and url.database else None
    path = Path(journal)
    url = sa.URL.create("sqlite+aiosqlite", database=str(path))
    return url.render_as_string(hide_password=False), path


def shown(url: str) -> str:
    """A database URL for people: without its password."""
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
"""What was written while rows were sent: each transaction one row, in JSON. `fold()` makes entries of it.

A statement for each entry would take the interpreter's lock and give it back each time, which costs a busy event loop
several times what the database does.
"""
# Made when rows are first looked up, not before: a run from the beginning only appends.
_INDEX: Final = sa.Index(f"{PREFIX}import_rows_key", _ROWS.c.key)
_ROWS.indexes.discard(_INDEX)

AT_ONCE: Final = 1_000
"""Keys in one look-up."""
_KEYS: Final = tuple(f"key_{number}" for number in range(AT_ONCE))
_FIND: Final = sa.select(_ROWS).where(_ROWS.c.key.in_([sa.bindparam(name, type_=_ROWS.c.key.type) for name in _KEYS]))
_AT: Final = _ROWS.c.id == sa.bindparam("at")
_BEGUN: Final = ("id", "key", "digest", "state")
_WRITES: Final[dict[str, tuple[Any, tuple[str, ...]]]] = {
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
"""The statement of each kind of change, and the order of its values, as in `Writes`."""
_OLDEST: Final = sa.select(_LOG).order_by(_LOG.c.id).limit(20)


def _by_position(statement: Any, names: tuple[str, ...], dialect: sa.Dialect) -> str:
    """A statement as the driver takes it, for rows of plain tuples: a dictionary for each would cost ten times that."""
    compiled = statement.compile(dialect=dialect)
    if tuple(compiled.positiontup) != names:
        raise RuntimeError(f"{dialect.name} wants {compiled.positiontup}, not {names}")
    return str(compiled)


class JournalStore:
    """The journal's database, opened for one run alone."""

    def __init__(self, url: str, path: Path | None) -> None:
        self.name = str(path) if path is not None else shown(url)
        """Where it is, for messages."""
        self._path = path
        self._database = Database(
            url, _METADATA, _VERSIONS, component=COMPONENT, version=SCHEMA_VERSION, setup="create", exclusive=True
        )
        self._connection: AsyncConnection | None = None
        self._logged = 0
        """The number of the last row in the log; it is empty when a run begins."""
        self._find = self._append = ""
        self._writes: dict[str, str] = {}
        self._indexed = False

    async def open(self) -> dict[str, str]:
        """Lock it, make what is missing, and give what it says about itself.

        Raises `ConfigurationError` for a file that is no journal, or is damaged, or that another run has.
        """
        if self._path is not None and self._path.is_dir():
            raise ConfigurationError(f"{self.name} is a folder, not a journal")
        try:
            # The file is not looked into here: closing it would end the lock that another run of this process has.
            if self._database.dialect == "sqlite":
                await self._check_database()
            self._connection = await self._database.hold()
            self._find = _by_position(_FIND, _KEYS, self._open.dialect)
            values: dict[str, Any] = {name: sa.bindparam(name) for name in ("id", "changes")}
            self._append = _by_position(sa.insert(_LOG).values(values), ("id", "changes"), self._open.dialect)
            self._writes = {kind: _by_position(*write, self._open.dialect) for kind, write in _WRITES.items()}
            await self._lock()
            rows = await self._open.execute(sa.select(_ABOUT))
            about = {row.name: row.value for row in rows}
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
        # a run that was killed while it made them has left some of the tables
        if _ROWS.name not in names and names - {table.name for table in _METADATA.tables.values()}:
            raise ConfigurationError(f"{self.name} is the database of something else: choose another name")

    async def _lock(self) -> None:
        """SQLite has locked the file; PostgreSQL is asked for a lock that ends with the connection."""
        if self._database.dialect == "postgresql":
            key = {"key": zlib.crc32(f"printnow_async/{_ROWS.key}".encode())}
            got = await self._open.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), key)
            if not got.scalar_one():
                raise ConfigurationError(f"{self.name}: {IN_USE}")

    async def describe(self, about: dict[str, str]) -> None:
        """Keep what the journal says about itself. Once, in a new one."""
        try:
            await self._open.execute(sa.insert(_ABOUT), [{"name": name, "value": about[name]} for name in about])
            await self._open.commit()
        except exc.DBAPIError as error:
            raise StoreError(self._explain(error)) from None

    async def last_id(self) -> int:
        """The number of the row that was added last, from 1; 0 if there is none."""
        try:
            last = (await self._open.execute(sa.select(sa.func.max(_ROWS.c.id)))).scalar_one()
            await self._open.commit()
        except exc.DBAPIError as error:
            raise StoreError(self._explain(error)) from None
        return last or 0

    async def find(self, keys: Sequence[str]) -> list[Entry]:
        """The entries with these keys, in any order."""
        entries: list[Entry] = []
        try:
            if not self._indexed:
                await self._open.execute(sa.schema.CreateIndex(_INDEX, if_not_exists=True))
                self._indexed = True
            for at in range(0, len(keys), AT_ONCE):
                asked = tuple(keys[at : at + AT_ONCE])
                asked += asked[-1:] * (AT_ONCE - len(asked))  # the statement has so many places
                entries += map(Entry._make, await self._open.exec_driver_sql(self._find, asked))
            await self._open.commit()
        except exc.DBAPIError as error:
            raise StoreError(self._explain(error)) from None
        return entries

    async def write(self, writes: Writes) -> None:
        """Write it all, or nothing: `StoreError`. Entries are as they were until `fold()`."""
        try:
            await self._open.exec_driver_sql(self._append, (self._logged + 1, json.dumps(vars(writes))))
            await self._open.commit()
        except exc.DBAPIError as error:
            await self._roll_back()
            raise StoreError(self._explain(error)) from None
        self._logged += 1

    async def fold(self) -> None:
        """Make entries of all that was written."""
        try:
            while rows := (await self._open.execute(_OLDEST)).all():
                for row in rows:
                    writes = Writes(**json.loads(row.changes))
                    for kind, text in self._writes.items():
                        if values := getattr(writes, kind):
                            await self._open.exec_driver_sql(text, [tuple(value) for value in values])
                await self._open.execute(sa.delete(_LOG).where(_LOG.c.id <= rows[-1].id))
                await self._open.commit()
        except exc.DBAPIError as error:
            await self._roll_back()
            raise StoreError(self._explain(error)) from None

    async def _roll_back(self) -> None:
        with contextlib.suppress(exc.DBAPIError):  # what could not be written cannot be taken back either
            await self._open.rollback()

    def _explain(self, error: exc.DBAPIError | OSError) -> str:
        """What a database's error means, in one line."""
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
        """Close it, and give the lock back."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
        await self._database.aclose()


IN_USE: Final = "another run is using it: wait for its end"
TORN: Final = "restore it, or begin another; rows that were created already will then read as taken"
