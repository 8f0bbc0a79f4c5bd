"""Records of guests in a database: SQLite for the processes of one machine, PostgreSQL for any number of machines.

Extra `sql` (SQLAlchemy and aiosqlite) or `postgres` (and asyncpg).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from printnow_async._sql import Database, Setup, UTCDateTime, ddl, insert_if_absent, sa
from printnow_async.tracking.clock import utc_now
from printnow_async.tracking.record import LifecycleRecord, LifecycleState

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["SQLTracker"]

COMPONENT: Final = "guests"
SCHEMA_VERSION: Final = 1
_PAGE: Final = 500
_LIVE: Final = [state.value for state in LifecycleState if not state.is_final]
_FIELDS: Final = tuple(field.name for field in attrs.fields(LifecycleRecord))


def _tables(prefix: str, schema: str | None) -> tuple[sa.MetaData, sa.Table, sa.Table]:
    """(metadata, guests, versions)."""
    metadata = sa.MetaData(schema=schema)
    versions = sa.Table(
        f"{prefix}schema",
        metadata,
        sa.Column("component", sa.String(50), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    guests = sa.Table(
        f"{prefix}guests",
        metadata,
        sa.Column("reference", sa.String(200), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("storefront_id", sa.BigInteger),
        sa.Column("temp_id", sa.BigInteger),
        sa.Column("account_id", sa.BigInteger),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("username_digest", sa.String(64)),
        sa.Column("email_digest", sa.String(64)),
        sa.Column("destination_id", sa.BigInteger),
        sa.Column("unsettled", sa.Boolean, nullable=False),
        sa.Column("lease_holder", sa.String(64)),
        sa.Column("lease_until", UTCDateTime),
        sa.Column("possible_orphans", sa.Integer, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("updated_at", UTCDateTime, nullable=False),
    )
    sa.Index(f"{prefix}guests_stale", guests.c.updated_at, guests.c.reference)
    return metadata, guests, versions


class SQLTracker:
    """A `Tracker` in a database: `SQLTracker("sqlite+aiosqlite:///guests.db")`, `SQLTracker("postgresql+asyncpg://…")`.

    Use a tracker as `async with SQLTracker(url) as tracker:`, or call `aclose()` when done. Takes

    - `url`: an SQLAlchemy URL with an asynchronous driver, or an `AsyncEngine` of the caller's, which is not disposed
      of. A SQLite file that is made for a URL can be read and written by its owner only.
    - `table_prefix`: the beginning of the names of the two tables.
    - `schema`: the PostgreSQL schema of the tables; None for the connection's default.
    - `setup`: "create" makes missing tables at the first use, "verify" makes none. If not given, SQLite creates and
      PostgreSQL verifies.

    Raises `ConfigurationError` for a URL that cannot work, a missing driver, or tables of another version,
    `TablesMissingError` for missing tables, and SQLAlchemy's errors where the database fails. One tracker belongs to
    one event loop.
    """

    def __init__(
        self,
        url: str | AsyncEngine,
        *,
        table_prefix: str = "printnow_",
        schema: str | None = None,
        setup: Setup | None = None,
    ) -> None:
        metadata, guests, versions = _tables(table_prefix, schema)
        self._database = Database(url, metadata, versions, component=COMPONENT, version=SCHEMA_VERSION, setup=setup)
        self._guests = guests
        self._load = sa.select(guests).where(guests.c.reference == sa.bindparam("wanted"))
        self._insert = insert_if_absent(guests, self._database.dialect)
        changed: dict[str, Any] = {name: sa.bindparam(name) for name in _FIELDS if name != "reference"}
        self._replace = (
            sa.update(guests)
            .where(guests.c.reference == sa.bindparam("wanted"), guests.c.version == sa.bindparam("expected"))
            .values(changed)
        )

    @staticmethod
    def ddl(dialect: str, *, table_prefix: str = "printnow_", schema: str | None = None) -> str:
        """The SQL that makes the tables; `dialect` is "sqlite" or "postgresql"."""
        metadata, _, versions = _tables(table_prefix, schema)
        return ddl(metadata, versions, COMPONENT, SCHEMA_VERSION, dialect)

    async def load(self, reference: str) -> LifecycleRecord | None:
        """The record of this reference as it is stored now, or None."""
        rows = await self._database.rows(self._load, {"wanted": reference})
        return _record(rows[0]) if rows else None

    async def insert(self, record: LifecycleRecord) -> bool:
        """Store a new record. False, and nothing stored, where the reference has a record already."""
        return await self._database.change(self._insert, _values(record))

    async def replace(self, record: LifecycleRecord, expected_version: int) -> bool:
        """Replace the stored record, if that has the expected version. False, and nothing changed, otherwise."""
        values = _values(record)
        reference = values.pop("reference")
        return await self._database.change(self._replace, {**values, "wanted": reference, "expected": expected_version})

    async def stale(self, *, older_than: timedelta) -> AsyncIterator[LifecycleRecord]:
        """The records whose state is not final and has not changed for at least `older_than`, oldest first.

        The records are read in pages of 500, and no connection is held between two pages.
        """
        guests = self._guests
        before = utc_now() - older_than
        last: tuple[datetime, str] | None = None
        while True:
            query = sa.select(guests).where(guests.c.updated_at <= before, guests.c.state.in_(_LIVE))
            if last is not None:
                query = query.where(
                    sa.tuple_(guests.c.updated_at, guests.c.reference) > sa.tuple_(*_typed(guests, last))
                )
            query = query.order_by(guests.c.updated_at, guests.c.reference).limit(_PAGE)
            page = [_record(row) for row in await self._database.rows(query)]
            for record in page:
                yield record
            if len(page) < _PAGE:
                return
            last = page[-1].updated_at, page[-1].reference

    async def aclose(self) -> None:
        """Close the connections, unless the engine is the caller's. Idempotent."""
        await self._database.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _typed(guests: sa.Table, last: tuple[datetime, str]) -> tuple[Any, Any]:
    return (sa.literal(last[0], guests.c.updated_at.type), sa.literal(last[1], guests.c.reference.type))


def _values(record: LifecycleRecord) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in _FIELDS}
    values["state"] = record.state.value
    return values


def _record(row: Any) -> LifecycleRecord:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["state"] = LifecycleState(values["state"])
    return LifecycleRecord(**values)
