"""Finds usernames and e-mails that occur more than once among millions, in little memory.

Each username and e-mail becomes a digest under a random key that exists in memory alone, so none can be read on the
disk. The digests are spread over partitions, which are written to the disk as they grow. Equal digests are in the same
partition, so one partition at a time is read back into memory.
"""

from __future__ import annotations

import heapq
import secrets
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from struct import iter_unpack
from typing import IO, Final, NamedTuple, Self

UNIQUE_FIELDS: Final = ("username", "email")

PARTITIONS: Final = 64
SPILL: Final = 1 << 16
"""Bytes of a partition that stay in memory."""
RECORD: Final = "<16sQ"
"""A digest, and the row's number with two bits below: one for the field, one for whether the row is in order."""


class Repeat(NamedTuple):
    """A row whose `field` is the same as in an `earlier` row: the first such row that is in order."""

    number: int
    field: str
    earlier: int

    def __str__(self) -> str:
        return f"{self.field} is the same as in row {self.earlier}"


class Repeats:
    """Every repeat that was found, in the order of the rows."""

    def __init__(self, runs: Sequence[array[int]]) -> None:
        self._runs = runs

    def __iter__(self) -> Iterator[Repeat]:
        for place, earlier in heapq.merge(*map(_pairs, self._runs)):
            yield Repeat(place >> 1, UNIQUE_FIELDS[place & 1], earlier)


def _pairs(run: array[int]) -> Iterator[tuple[int, int]]:
    numbers = iter(run)
    return zip(numbers, numbers, strict=True)


class Duplicates:
    """Takes the rows one by one, in order, then finds the repeats among them. For use with `with`."""

    def __init__(self) -> None:
        key = secrets.token_bytes()
        self._hashes = [blake2b(digest_size=16, key=key, person=field.encode()) for field in UNIQUE_FIELDS]
        self._partitions = [bytearray() for _ in range(PARTITIONS)]
        self._files: dict[int, IO[bytes]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, number: int, username: str, email: str, *, in_order: bool) -> None:
        """Take a row. A later row repeats this row only if this row is in order."""
        mark = number << 2 | in_order
        for at, text in enumerate((username, email)):
            digest = self._hashes[at].copy()
            digest.update(text.casefold().encode())
            record = digest.digest() + (mark | at << 1).to_bytes(8, "little")
            place = record[0] % PARTITIONS
            partition = self._partitions[place]
            partition += record
            if len(partition) >= SPILL:
                self._spill(place, partition)

    def _spill(self, place: int, partition: bytearray) -> None:
        if place not in self._files:
            file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 -- the stack closes it
            self._files[place] = self._open.enter_context(file)
        self._files[place].write(partition)
        partition.clear()

    def repeats(self) -> Repeats:
        """Find the repeats among the rows taken."""
        return Repeats([_repeats(self._whole(place)) for place in range(PARTITIONS)])

    def _whole(self, place: int) -> bytes:
        file = self._files.get(place)
        if file is None:
            return bytes(self._partitions[place])
        file.seek(0)
        return file.read() + self._partitions[place]


def _repeats(records: bytes) -> array[int]:
    """The repeats of a partition, two numbers each: the row with the bit of the field, and the earlier row."""
    found = array("Q")
    first: dict[bytes, int] = {}
    for digest, mark in iter_unpack(RECORD, records):
        earlier = first.get(digest)
        if earlier is not None:
            found.extend((mark >> 1, earlier))
        elif mark & 1:
            first[digest] = mark >> 2
    return found
