"""The bytes of a spreadsheet, from their beginning as often as they are asked for, and the rows made of them."""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, TypeAlias

from printnow_async.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER: Final = 1 << 17
"""Bytes read at once."""

ALL_TEXT: Final[Mapping[int, str]] = MappingProxyType({})
"""The kinds of a row whose cells are all text."""

Record: TypeAlias = tuple[int, Sequence[str], Mapping[int, str]]
"""A row as a format gives it: its number, its cells, and the kinds of those that are no text."""


class Row(NamedTuple):
    """A row below the headings, as wide as these. Its `repr` shows no cell: one of them is a password."""

    number: int
    """As a spreadsheet program shows it: from 1, the headings and blank rows counted."""
    cells: tuple[str, ...]
    """The text of each cell, as written."""
    problem: str | None = None
    """What is wrong with the row as a whole."""
    kinds: Mapping[int, str] = ALL_TEXT
    """What the cells that are no text are instead, by position: "a number", "a date", "an error", …"""

    def __repr__(self) -> str:
        return f"Row(number={self.number}, problem={self.problem!r})"


class _View(io.RawIOBase):
    """One reading of a shared file, with a position of its own."""

    def __init__(self, file: BinaryIO, start: int, lock: threading.Lock) -> None:
        self._file = file
        self._at = start
        self._lock = lock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer) as view, self._lock:
            self._file.seek(self._at)
            data = self._file.read(len(view))
            view[: len(data)] = data
        self._at += len(data)
        return len(data)


class Source:
    """Something to be read again and again: a regular file from the disk, anything else from memory.

    Nothing of it is ever written to disk, since it holds passwords.
    """

    def __init__(self, file: BinaryIO, name: str, path: Path | None = None, *, owned: bool = False) -> None:
        self.name = name
        self.path = path
        self._file = file
        self._owned = owned
        self._lock = threading.Lock()
        self._content: bytes | None = None
        self._start = 0
        self._closed = False
        self._state = self._state_now()
        if self._state is None:
            self._content = file.read()
        else:
            self._start = file.tell()

    def _state_now(self) -> tuple[int, int] | None:
        """Size and time of the last change; None for what is no regular file."""
        try:
            status = os.fstat(self._file.fileno())
        except OSError:
            return None
        return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None

    def open(self) -> io.BufferedIOBase:
        """Give the bytes from their beginning."""
        if self._closed:
            raise ConfigurationError(f"{self.name} is closed")
        if self._content is not None:
            return io.BytesIO(self._content)
        self.check_unchanged()
        return io.BufferedReader(_View(self._file, self._start, self._lock), BUFFER)

    def check_unchanged(self) -> None:
        """Raise `ConfigurationError` if the file is not what it was when it was opened."""
        if self._content is None and self._state_now() != self._state:
            raise self.unreadable("was changed while it was being read: run it again")

    def unreadable(self, why: str) -> ConfigurationError:
        """Make the error that ends the reading."""
        return ConfigurationError(f"{self.name} {why}")

    def close(self) -> None:
        """Close the file, if it was opened for this."""
        self._closed = True
        self._content = None if self._content is None else b""
        if self._owned:
            self._file.close()
