"""What is known of each row, before it is sent and after: with the journal an import goes on after any interruption."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Self

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets.entries import NEW, SENDING, JournalChanges, JournalEntry
from printnow_async.spreadsheets.results import RowResult
from printnow_async.spreadsheets.sql import LOOKED_UP, JournalStore, StoreError, journal_url

__all__ = ["Journal", "LOOKED_UP", "StoreError"]

LONGEST_REASON: Final = 500


class Journal:
    """The journal of one storefront's import. Changes are collected, and `flush()` writes them in one transaction."""

    def __init__(self, journal: str | os.PathLike[str], *, storefront_id: int, source: str) -> None:
        url, path = journal_url(journal)
        self.folder = path.parent if path is not None else Path()
        """The folder of the journal's file; the current folder for another database."""
        self._store = JournalStore(url, path)
        self._storefront_id, self._source = storefront_id, source
        self._salt = b""
        self._next = 1
        self._changes = JournalChanges()
        self._turn = asyncio.Lock()
        self.committed = 0.0
        """When the journal was written last, by the event loop's clock."""
        self.commit_seconds = 0.0
        """Seconds that the last writing took."""
        self.new = True
        """Whether no run before has sent a row under this journal."""
        self.other_source: str | None = None
        """The file that the journal was begun for, if that file has another name."""

    @property
    def name(self) -> str:
        """The path or URL of the journal, for messages."""
        return self._store.name

    async def __aenter__(self) -> Self:
        source = self._source[:1000]
        about = await self._store.open({"salt": secrets.token_hex(16), "source": source})
        try:
            await self._store.fold()  # changes that a killed run has left
            last = await self._store.last_id()
        except BaseException as error:
            await self._store.aclose()
            if isinstance(error, StoreError):
                raise ConfigurationError(f"{self.name}: {error}") from None
            raise
        self._salt = bytes.fromhex(about["salt"])
        self.other_source = about["source"] if about["source"] != source else None
        self._next, self.new = last + 1, last == 0
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._store.aclose()

    def key(self, username: str) -> str:
        """The identity of a row: its storefront and its username, in whatever case."""
        return self._keyed(f"{self._storefront_id}\0{username.casefold()}")

    def digest(self, cells: Iterable[str]) -> str:
        """A digest of all cells of a row but its password: another digest means that the row was edited."""
        return self._keyed("\0".join(map(str.strip, cells)))

    def _keyed(self, text: str) -> str:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).hexdigest()

    async def find(self, keys: Sequence[str]) -> dict[str, JournalEntry]:
        """The entries of these rows, as they were at the last `fold()`, or when the run began."""
        async with self._turn:
            return {entry.key: entry for entry in await self._store.find(keys)}

    # ------------------------------------------------------------ changes, which `flush` writes

    def begin(self, key: str, digest: str, before: JournalEntry | None) -> JournalEntry:
        """A row is about to be sent. Takes the row's entry, if there is one, and gives the entry as it was before."""
        if before is not None:
            self._changes.again.append((digest, SENDING, before.id))
            return before
        entry = JournalEntry(self._next, key, digest, NEW, None, None)
        self._next += 1
        self._changes.begun.append((entry.id, key, digest, SENDING))
        return entry

    def settle(self, entry: JournalEntry, result: RowResult) -> None:
        """A row has an outcome."""
        why = result.reason[:LONGEST_REASON] if result.reason is not None else None
        self._changes.settled.append((result.outcome.value, result.customer_id, why, entry.id))

    def withdraw(self, entry: JournalEntry) -> None:
        """A row was not sent after all, or nothing of it was applied: the row is again what it was before `begin`."""
        if entry.state == NEW:
            self._changes.withdrawn.append((entry.id,))
        else:
            self._changes.again.append((entry.digest, SENDING, entry.id))
            self._changes.settled.append((entry.state, entry.customer_id, entry.reason, entry.id))

    async def flush(self) -> None:
        """Write the collected changes, so that they survive a power cut. After a `StoreError` they stay collected."""
        async with self._turn:
            changes, self._changes = self._changes, JournalChanges()
            if not changes:
                return
            loop = asyncio.get_running_loop()
            began = loop.time()
            written = asyncio.ensure_future(self._store.write(changes))
            try:
                await asyncio.shield(written)
            except asyncio.CancelledError:
                await asyncio.wait({written})  # half a transaction is not left behind
                if written.cancelled() or written.exception() is not None:
                    self._changes.put_before(changes)
                raise
            except StoreError:
                self._changes.put_before(changes)
                raise
            self.committed = loop.time()
            self.commit_seconds = self.committed - began

    async def fold(self) -> None:
        """Make `find()` give what was written in this run, too. A `StoreError` leaves the journal as it was."""
        async with self._turn:
            await self._store.fold()
