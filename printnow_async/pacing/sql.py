"""One pace over any number of processes and machines, kept in a row of a database.

Extra `sql` (SQLAlchemy and aiosqlite) or `postgres` (and asyncpg).

**The row.** Each name has one row, with the interval between two starts and the moment of the next free slot. One
`UPDATE … RETURNING` reserves the next slots: it moves that moment by as many intervals, and answers how long it is
until the first of them. Moments are told by the database's clock alone, and a process only ever learns a wait, so that
the clocks of the machines do not matter. A moment that has passed is moved to the present first: idle time is not
saved up. A process whose callers have waited since its last reservation may have slots up to `LATE` in the past, so
that late timers cost nothing. Where the database's clock has been set back, the moments in the row are set back too.

**The slots in hand.** A process reserves for callers that wait, one slot or a few, when its last slot is given out;
earlier where the answer would come too late for the slot after that, and callers for a whole batch wait. A slot is
given to the caller that has waited longest, never before its moment. A slot that is more than `LATE` in the past is
lost.

**A hold** moves the next free slot to the end of the hold, and that end is kept in the row. Each answer says whether a
hold is on, and slots in hand that lie before its end are given up. A slot that lies more than `FRESH` seconds after
the last answer is not used before the database has been asked once more, which is what makes a hold reach everybody.

Nothing here needs to survive a crash of the database, so no commit waits for the disk.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from copy import copy
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

from printnow_async._checks import checked_seconds, checked_text
from printnow_async._sql import Setup, ddl
from printnow_async.errors import ConfigurationError, PacerError, PrintNowError
from printnow_async.pacing._row import COMPONENT, NANO, SCHEMA_VERSION, Row, tables

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["SQLPacer"]

LATE: Final = 0.02
"""Seconds by which a start may come after its slot; then the slot is lost."""
SPAN: Final = 0.03
"""Seconds of slots that are reserved at once; one slot where the interval is longer."""
BATCH: Final = 8
"""Slots that are reserved at once, at most, so that processes with equally many callers get equal shares.

Where the database takes longer to answer than half of these last, as many are reserved as fall into twice that time.
"""
FRESH: Final = 0.15
"""Seconds after an answer of the database in which it is not asked again whether a hold is on."""
_LONGEST_HOLD: Final = 10 * 365 * 86400.0


class SQLPacer:
    """A `Pacer` in a database: `SQLPacer("postgresql+asyncpg://…", rate=50, name="licence")`.

    All pacers of one name in one database start `rate` attempts a second together, on PostgreSQL over any number of
    processes and machines, on SQLite over the processes of one machine. Use it as `async with SQLPacer(…) as pacer:`,
    or call `aclose()` when done. Takes

    - `url`: an SQLAlchemy URL with an asynchronous driver, or an `AsyncEngine` of yours, never disposed of here.
    - `rate`: starts a second, from one in 1,000,000 seconds to 1,000,000. It belongs to the name: the pacer that
      begins last sets it for all of them, at its first use.
    - `name`: whose pace it is, 1 to 200 characters.
    - `table_prefix`: what the names of its two tables begin with.
    - `schema`: the PostgreSQL schema they are in; None for the connection's own.
    - `setup`: "create" makes missing tables at the first use, "verify" only looks. Not given, SQLite creates and
      PostgreSQL verifies.

    Raises `ConfigurationError` for options that cannot work, a missing driver, missing tables or tables of another
    version, and `PacerError` where the database fails. One pacer belongs to one event loop.
    """

    def __init__(
        self,
        url: str | AsyncEngine,
        *,
        rate: float,
        name: str,
        table_prefix: str = "printnow_",
        schema: str | None = None,
        setup: Setup | None = None,
    ) -> None:
        if type(rate) not in {int, float} or not 1e-6 <= rate <= 1e6:
            raise ConfigurationError(f"rate must be a number from 0.000001 to 1,000,000 a second, not {rate!r}")
        checked_text(name, "name", 200, ConfigurationError)
        interval = round(NANO / rate)
        self._row = Row(url, name, interval, table_prefix=table_prefix, schema=schema, setup=setup)
        self._interval = interval / NANO
        self._waiters: deque[asyncio.Future[float | Exception]] = deque()
        self._waiting = 0
        """How many of them have not been cancelled."""
        self._slots: deque[float] = deque()
        """The slots in hand, by the event loop's clock."""
        self._held = self._heard = float("-inf")
        """When our last hold ends, and when the database has last answered; by the event loop's clock."""
        self._late = 0.0
        """How far in the past the next slots may be."""
        self._trip = 0.0
        """How long the database takes to answer: a moving average."""
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None

    @staticmethod
    def ddl(dialect: str, *, table_prefix: str = "printnow_", schema: str | None = None) -> str:
        """The SQL that makes the tables, for `dialect` "sqlite" or "postgresql"."""
        metadata, _, versions = tables(table_prefix, schema)
        return ddl(metadata, versions, COMPONENT, SCHEMA_VERSION, dialect)

    async def turn(self) -> None:
        """Wait for the next slot, behind everyone of this process who came before.

        Cancelled, it leaves its slot to the next one. Raises `PacerError` where the database fails.
        """
        self._row.check_usable()
        if not self._waiting:
            self._late = 0.0
        waiter: asyncio.Future[float | Exception] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._waiting += 1
        if self._waiting == 1:
            self._serve()
        try:
            slot = await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._waiting -= 1
            elif isinstance(slot := waiter.result(), float):
                self._slots.appendleft(slot)
            self._serve()
            raise
        if isinstance(slot, Exception):
            raise _public(slot)

    async def hold(self, seconds: float) -> None:
        """Let nobody start under this name for so many seconds from now. Never shortens a hold.

        Other processes keep to it from their next look at the database, 150 ms later at most, and the time that the
        database takes to answer. Raises `PacerError` where the database fails.
        """
        seconds = min(checked_seconds(seconds, "seconds", ConfigurationError), _LONGEST_HOLD)
        self._row.check_usable()
        self._held = max(self._held, asyncio.get_running_loop().time() + seconds)
        self._serve()
        try:
            await self._row.ask(self._row.hold_back, hold=round(seconds * NANO))
        except Exception as error:
            raise _public(error) from error

    async def ping(self) -> None:
        """Look into the database: `ConfigurationError` or `PacerError` where it cannot be used."""
        try:
            await self._row.ask(self._row.look)
        except Exception as error:
            raise _public(error) from error

    def _serve(self) -> None:
        """Hand out the slots that are due, and see to what comes next."""
        now = asyncio.get_running_loop().time()
        slots = self._slots
        while slots and slots[0] < max(self._held, now - LATE):
            slots.popleft()
        while self._waiters and slots and slots[0] <= min(now, self._heard + FRESH):
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._waiting -= 1
                waiter.set_result(slots.popleft())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._go_on(now)

    def _go_on(self, now: float) -> None:
        """Ask the database if it is time to, or set the timer for what comes first: a slot, or such a time."""
        loop, slots = asyncio.get_running_loop(), self._slots
        wanted = self._waiting - len(slots)
        batch = max(min(BATCH, int(SPAN / self._interval)), int(2 * self._trip / self._interval), 1)
        more_at = look_at = math.inf
        if wanted > 0 and not slots:
            more_at = now
        elif wanted >= batch:
            more_at = slots[-1] + self._interval - 2 * self._trip
        if slots and slots[0] > self._heard + FRESH:
            look_at = slots[0] - self._trip - FRESH / 2
        if self._asking is not None:
            more_at = look_at = math.inf
        elif min(more_at, look_at) <= now:
            count = min(wanted, batch) if more_at <= now else 0
            self._asking = loop.create_task(self._ask(count))
            more_at = look_at = math.inf
        ahead = min((slot for slot in (*islice(slots, 1), more_at, look_at) if slot > now), default=math.inf)
        if ahead < math.inf:
            self._timer = loop.call_at(ahead, self._serve)

    async def _ask(self, count: int) -> None:
        """Reserve so many slots; none: only see whether a hold is on."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            if count:
                late, self._late = self._late, LATE
                answer = await self._row.ask(self._row.reserve, slots=count, late=round(late * NANO))
            else:
                answer = await self._row.ask(self._row.look)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            self._asking = None
            self._fail(error)
            return
        self._asking = None
        now = self._heard = loop.time()
        self._trip += (now - began - self._trip) / 8
        self._interval = answer.interval / NANO
        if answer.hold > 0:
            self._slots = deque(slot for slot in self._slots if slot >= now + answer.hold / NANO)
        self._slots.extend(now + (answer.wait + number * answer.interval) / NANO for number in range(count))
        self._serve()

    def _fail(self, error: Exception) -> None:
        """Tell everyone who waits."""
        self._slots.clear()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(error)
        self._waiting = 0

    async def aclose(self) -> None:
        """Close what is ours, and tell those who wait. Idempotent."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
            self._asking = None
        if self._timer is not None:
            self._timer.cancel()
        await self._row.aclose()
        self._fail(ConfigurationError("this pacer is closed: make a new one"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _public(error: Exception) -> Exception:
    """What users get for an error: of our own kind, with the other as its cause."""
    if isinstance(error, PrintNowError):
        return copy(error)  # each waiter has its own traceback
    failed = PacerError(f"the database that keeps the pace failed ({type(error).__name__})")
    failed.__cause__ = error
    return failed
