"""What is known of each row, before it is sent and after: the memory that lets an import go on after anything."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final, Self

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets.results import RowOutcome
from printnow_async.spreadsheets.sql import Entry, JournalStore, StoreError, Writes, journal_url

__all__ = ["Entry", "Journal", "SENDING", "StoreError"]

SENDING: Final = "sending"
"""The state of a row that is about to be sent, or was and has no outcome yet."""
LONGEST_REASON: Final = 500


class Journal:
    """The journal of one storefront's import. Changes are collected, and `flush()` writes them in one transaction."""

    def __init__(self, journal: str | os.PathLike[str], *, storefront_id: int, source: str) -> None:
        url, self.path = journal_url(journal)
        self._store = JournalStore(url, self.path)
        self._storefront_id, self._source = storefront_id, source
        self._salt = b""
        self._next = 1
        self._writes = Writes()
        self._turn = asyncio.Lock()
        self.committed = 0.0
        """When it was written last, by the event loop's clock."""
        self.commit_seconds = 0.0
        """What that took."""
        self.new = True
        """Whether no row has ever been sent under it."""
        self.other_source: str | None = None
        """The file it was begun for, if that has another name."""

    @property
    def name(self) -> str:
        """Where it is, for messages."""
        return self._store.name

    async def __aenter__(self) -> Self:
        about = await self._store.open()
        try:
            if not about:
                about = {"salt": secrets.token_hex(16), "source": self._source[:1000]}
                await self._store.describe(about)
            self._salt = bytes.fromhex(about["salt"])
            if about["source"] != self._source[:1000]:
                self.other_source = about["source"]
            await self._store.fold()  # what a run that was killed has left
            last = await self._store.last_id()
        except StoreError as error:
            await self._store.aclose()
            raise ConfigurationError(f"{self.name}: {error}") from None
        except BaseException:
            await self._store.aclose()
            raise
        self._next, self.new = last + 1, last == 0
        return self

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._store.aclose()

    def key(self, username: str) -> str:
        """The identity of a row: its storefront and its username, in whatever case."""
        return self._digest(f"{self._storefront_id}\0{username.casefold()}")

    def digest(self, cells: Iterable[str]) -> str:
        """What a row says, but for its password; changes if it is edited."""
        return self._digest("\0".join(map(str.strip, cells)))

    def _digest(self, text: str) -> str:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).hexdigest()

    async def find(self, keys: Sequence[str]) -> dict[str, Entry]:
        """The entries of these rows, as they were at the last `fold()`, or when the run began."""
        async with self._turn:
            return {entry.key: entry for entry in await self._store.find(keys)}

    # ------------------------------------------------------------ changes, which `flush` writes

    def begin(self, key: str, digest: str, before: Entry | None) -> int:
        """A row is about to be sent, `before` being what is known of it. The number of its entry."""
        if before is not None:
            self._writes.again.append((digest, SENDING, before.id))
            return before.id
        entry, self._next = self._next, self._next + 1
        self._writes.begun.append((entry, key, digest, SENDING))
        return entry

    def settle(self, entry: int, outcome: RowOutcome, customer_id: int | None, reason: str | None) -> None:
        """A row has an outcome."""
        why = reason[:LONGEST_REASON] if reason is not None else None
        self._writes.settled.append((outcome.value, customer_id, why, entry))

    def withdraw(self, entry: int, before: Entry | None) -> None:
        """A row was not sent after all, or nothing of it was applied: it is again what it was."""
        if before is None:
            self._writes.withdrawn.append((entry,))
        else:
            self._writes.again.append((before.digest, SENDING, before.id))
            self._writes.settled.append((before.state, before.customer_id, before.reason, before.id))

    async def flush(self) -> None:
        """Write what has been collected, so that it survives a power cut. `StoreError` leaves it collected."""
        async with self._turn:
            writes, self._writes = self._writes, Writes()
            if not writes:
                return
            loop = asyncio.get_running_loop()
            began = loop.time()
            written = asyncio.ensure_future(self._store.write(writes))
            try:
                await asyncio.shield(written)
            except asyncio.CancelledError:
                await asyncio.wait({written})  # half a transaction is not left behind
                if written.cancelled() or written.exception() is not None:
                    self._writes.put_before(writes)
                raise
            except StoreError:
                self._writes.put_before(writes)
                raise
            self.committed = loop.time()
            self.commit_seconds = self.committed - began

    async def fold(self) -> None:
        """Have `find()` give what was written in this run, too. `StoreError` leaves it as it was."""
        async with self._turn:
            await self._store.fold()
