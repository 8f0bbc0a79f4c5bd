"""The row that keeps a pace: one name's interval, its next free slot, and the end of its last hold."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from printnow_async._sql import AsyncConnection, Database, Setup, insert_if_absent, sa
from printnow_async.errors import ConfigurationError, PrintNowError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

COMPONENT: Final = "paces"
SCHEMA_VERSION: Final = 1
PATIENCE: Final = 30.0
"""Seconds after which a statement that has no answer has failed."""
NANO: Final = 1_000_000_000

_CLOCKS: Final = {
    "postgresql": f"CAST(EXTRACT(EPOCH FROM clock_timestamp()) * {NANO} AS BIGINT)",
    "sqlite": f"CAST((julianday('now') - 2440587.5) * {86400 * NANO} AS INTEGER)",
}
_NO_WAIT_FOR_THE_DISK: Final = {
    "postgresql": "SET synchronous_commit TO off",
    "sqlite": "PRAGMA synchronous = NORMAL",
}


def tables(prefix: str, schema: str | None) -> tuple[sa.MetaData, sa.Table, sa.Table]:
    """(metadata, paces, versions)."""
    metadata = sa.MetaData(schema=schema)
    versions = sa.Table(
        f"{prefix}schema",
        metadata,
        sa.Column("component", sa.String(50), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    paces = sa.Table(
        f"{prefix}paces",
        metadata,
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("interval_ns", sa.BigInteger, nullable=False),
        sa.Column("next_ns", sa.BigInteger, nullable=False),
        sa.Column("held_ns", sa.BigInteger, nullable=False),
        sa.Column("clock_ns", sa.BigInteger, nullable=False),
    )
    return metadata, paces, versions


class Answer(NamedTuple):
    """What the row says, relative to the moment at which the database said so. Nanoseconds."""

    wait: int
    """To the first slot that was reserved, or to the next free one; below 0 where that moment has passed."""
    interval: int
    hold: int
    """To the end of the last hold; below 0 where that has passed."""


class Row(Database):
    """The row of one name, and the statements on it, each on a connection that is kept.

    They go to the driver as SQLAlchemy has compiled them, which costs a third of what SQLAlchemy's own execution does.
    """

    def __init__(
        self,
        url: str | AsyncEngine,
        name: str,
        interval: int,
        *,
        table_prefix: str,
        schema: str | None,
        setup: Setup | None,
    ) -> None:
        metadata, paces, versions = tables(table_prefix, schema)
        super().__init__(url, metadata, versions, component=COMPONENT, version=SCHEMA_VERSION, setup=setup)
        if self.dialect == "sqlite" and sqlite3.sqlite_version_info < (3, 35):
            raise ConfigurationError("SQLite must be 3.35 or newer here: older ones know no RETURNING")
        self._name, self._interval = name, interval
        self._kept: AsyncConnection | None = None
        self._driver: Any = None
        self._announced = False
        self._one = asyncio.Lock()

        postgres = self.dialect == "postgresql"
        larger, smaller = (sa.func.greatest, sa.func.least) if postgres else (sa.func.max, sa.func.min)
        clock = sa.literal_column(_CLOCKS[self.dialect], sa.BigInteger)
        columns, is_ours = paces.c, paces.c.name == sa.bindparam("wanted")
        self._insert = insert_if_absent(paces, self.dialect)
        self._set_rate = sa.update(paces).where(is_ours).values(interval_ns=sa.bindparam("interval"))

        set_back = smaller(clock - columns.clock_ns, sa.literal_column("0"))
        slots = sa.bindparam("slots", type_=sa.BigInteger) * columns.interval_ns
        late, hold = sa.bindparam("late", type_=sa.BigInteger), sa.bindparam("hold", type_=sa.BigInteger)
        change = sa.update(paces).where(is_ours).values(held_ns=columns.held_ns + set_back, clock_ns=clock)
        until = columns.next_ns - clock, columns.interval_ns, columns.held_ns - clock
        self.reserve = self._compiled(
            change.values(next_ns=larger(columns.next_ns + set_back, clock - late) + slots).returning(
                columns.next_ns - slots - clock, *until[1:]
            )
        )
        self.hold_back = self._compiled(
            change.values(
                next_ns=larger(columns.next_ns + set_back, clock + hold),
                held_ns=larger(columns.held_ns + set_back, clock + hold),
            ).returning(*until)
        )
        self.look = self._compiled(sa.select(*until).where(is_ours))

    def _compiled(self, statement: Any) -> tuple[str, list[str]]:
        """The driver's own text of a statement, and the names of its values in their order."""
        compiled = statement.compile(dialect=self._engine.dialect)
        return str(compiled), list(compiled.positiontup)

    async def ask(self, statement: tuple[str, list[str]], **values: int) -> Answer:
        """What one statement answers. A connection that was kept and fails is replaced once.

        A statement that is repeated may have been done before: then some slots are lost, and nothing else.
        """
        self.check_usable()
        async with asyncio.timeout(PATIENCE), self._one:
            for last in (self._kept is None, True):
                try:
                    return await self._ask(statement, values)
                except PrintNowError:
                    raise
                except Exception:
                    await self._drop()
                    if last:
                        raise
        raise AssertionError  # pragma: no cover - the second round returns or raises

    async def _ask(self, statement: tuple[str, list[str]], values: dict[str, Any]) -> Answer:
        text, names = statement
        if self._kept is None:
            self._kept = await self._connect()
        ordered = [self._name if name == "wanted" else values[name] for name in names]
        if self.dialect == "postgresql":
            rows = await self._driver.fetch(text, *ordered)
        else:
            rows = await self._driver.execute_fetchall(text, ordered)
        if not rows:
            self._announced = False
            raise LookupError("somebody has deleted the row")
        return Answer(*rows[0])

    async def _connect(self) -> AsyncConnection:
        if not self._announced:
            row = {"name": self._name, "interval_ns": self._interval, "next_ns": 0, "held_ns": 0, "clock_ns": 0}
            if not await self.change(self._insert, row):
                await self.change(self._set_rate, {"wanted": self._name, "interval": self._interval})
            self._announced = True
        connection = await self._engine.connect()
        if self._owned:
            await connection.exec_driver_sql(_NO_WAIT_FOR_THE_DISK[self.dialect])
        self._driver = (await connection.get_raw_connection()).driver_connection
        return connection

    async def _drop(self) -> None:
        """Give up the connection that is kept."""
        connection, self._kept = self._kept, None
        if connection is not None:
            with suppress(Exception):
                await connection.invalidate()
            with suppress(Exception):
                await connection.close()

    def check_usable(self) -> None:
        """Raise `ConfigurationError` after close, and in another event loop than the first."""
        self._check_usable()

    async def aclose(self) -> None:
        """Close what is ours. Idempotent."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept.close()
        await super().aclose()
