"""One run over the rows of a spreadsheet: staged rows are sent, so many at once, and what became of them is written.

This file does not know what is done with a row: the `send` that is passed in does it. A staged row ends in one of
three ways:

1. `send` returns the row's result: the journal and the tally get the outcome.
2. `send` raises `RowNotSentError`, as nothing was applied: the row's entry goes back to what it was before.
3. The run is cancelled or killed while the row is in flight: the entry stays open, and the next run sends it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from printnow_async.bulk import stream_bulk
from printnow_async.spreadsheets.checking import CheckedRow
from printnow_async.spreadsheets.entries import JournalEntry
from printnow_async.spreadsheets.journal import Journal, StoreError
from printnow_async.spreadsheets.results import RowResult
from printnow_async.spreadsheets.staging import RowStager, StagedRow
from printnow_async.spreadsheets.tally import RowTally

__all__ = ["JobHaltedError", "RowJob", "RowNotSentError", "SendRow"]

SendRow: TypeAlias = Callable[[CheckedRow, JournalEntry], Awaitable[RowResult]]

WRITTEN_WITHIN: Final = 0.2
"""Seconds after which an outcome is written, at the latest, also while no more rows are staged."""


class RowNotSentError(Exception):
    """Nothing of the row was applied: in the journal the row is again what it was before."""


class JobHaltedError(RowNotSentError):
    """Nothing of the row was applied, and no other row can be sent. The text says why, in one line."""


class RowJob:
    """Sends the staged rows, `concurrency` at a time."""

    def __init__(
        self,
        stager: RowStager,
        send: SendRow,
        journal: Journal,
        tally: RowTally,
        *,
        concurrency: int,
        max_failures: int | None,
    ) -> None:
        self._stager, self._send, self._journal, self._tally = stager, send, journal, tally
        self._concurrency, self._max_failures = concurrency, max_failures
        self._halted: str | None = None

    async def run(self) -> str | None:
        """Send all rows, and write what is known of them at the end, whatever ends the run.

        Gives the reason why the run ended early, in one line; None if all rows were sent, or the run was asked to stop.
        Raises nothing for what a server or a full disk does. A spreadsheet that changes, or cannot be read any more,
        is a `ConfigurationError`.
        """
        writer = asyncio.ensure_future(self._write_outcomes())
        try:
            await self._send_all()
        except StoreError as error:
            self._halt(error)
        finally:
            writer.cancel()
            await asyncio.wait({writer})
            await self._stager.aclose()
            try:
                await self._journal.flush()
            except StoreError as error:
                self._halt(error)
        return self._halted

    async def _send_all(self) -> None:
        stream = stream_bulk(
            self._settle,
            self._stager,
            concurrency=self._concurrency,
            stop_on=(JobHaltedError,),
            on_progress=lambda _: self._tally.tell(),
        )
        try:
            async with stream as results:
                async for _ in results:
                    pass
        finally:
            for _, entry in await stream.not_started():
                self._journal.withdraw(entry)

    async def _settle(self, staged: StagedRow) -> None:
        """Send a row, and give the row its outcome at once: a known outcome must never miss the next transaction."""
        row, entry = staged
        self._tally.in_flight += 1
        try:
            if self._halted is not None:  # since the row was staged
                raise JobHaltedError(self._halted)
            result = await self._send(row, entry)
        except RowNotSentError as error:
            self._journal.withdraw(entry)
            if isinstance(error, JobHaltedError):
                self._halt(str(error))
            raise
        finally:
            self._tally.in_flight -= 1
        self._journal.settle(entry, result)
        self._tally.count_sent(result.outcome)
        if not result.outcome.succeeded and self._tally.failed == self._max_failures:
            self._halt(f"{self._max_failures} failed rows were allowed")
            raise JobHaltedError

    async def _write_outcomes(self) -> None:
        """Write outcomes soon, also while no more rows are staged."""
        loop = asyncio.get_running_loop()
        while self._halted is None:
            await asyncio.sleep(max(0.0, self._journal.committed + WRITTEN_WITHIN - loop.time()) or WRITTEN_WITHIN)
            if self._journal.committed + WRITTEN_WITHIN <= loop.time():
                try:
                    await self._journal.flush()
                except StoreError as error:
                    self._halt(error)

    def _halt(self, reason: str | StoreError) -> None:
        """End the run early. The first reason counts."""
        if isinstance(reason, StoreError):
            reason = f"the journal {self._journal.name} cannot be written: {reason}"
        self._halted = self._halted or reason
