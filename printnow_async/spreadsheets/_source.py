"""The bytes of a spreadsheet, which may be read from the beginning many times, and the rows made of these bytes."""

from __future__ import annotations

import enum
import io
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from printnow_async.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER: Final = 1 << 17
"""Bytes read at once."""


class CellKind(enum.StrEnum):
    """What a cell of a workbook is that is no text; the value is for messages."""

    FLAG = "true or false"
    NUMBER = "a number"
    DATE = "a date"
    TIME = "a time"
    ERROR = "an error"


ALL_TEXT: Final[Mapping[int, CellKind]] = MappingProxyType({})
"""The kinds of a row whose cells are all text."""


class SheetRow(NamedTuple):
    """A row as it is read. Its `repr` shows no cell, since one of the cells is a password."""

    number: int
    """The row's number in a spreadsheet program: from 1, the headings and blank rows counted."""
    cells: tuple[str, ...]
    """The text of each cell, as written."""
    problem: str | None = None
    """What is wrong with the row as a whole."""
    kinds: Mapping[int, CellKind] = ALL_TEXT
    """The kinds of the cells that are no text, by position."""

    def __repr__(self) -> str:
        return f"SheetRow(number={self.number}, problem={self.problem!r})"


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


class SpreadsheetFile:
    """The content of a spreadsheet, for many readings: a regular file stays on the disk, anything else is in memory.

    Nothing of the content is ever written to disk, since the content holds passwords.
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
        """The size, and the time of the last change; None if this is no regular file."""
        try:
            status = os.fstat(self._file.fileno())
        except OSError:
            return None
        return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None

    def open(self) -> io.BufferedIOBase:
        """Give the bytes from the beginning."""
        if self._closed:
            raise ConfigurationError(f"{self.name} is closed")
        if self._content is not None:
            return io.BytesIO(self._content)
        self.check_unchanged()
        return io.BufferedReader(_View(self._file, self._start, self._lock), BUFFER)

    def check_unchanged(self) -> None:
        """Raise `ConfigurationError` if the file has changed since it was opened."""
        if self._content is None and self._state_now() != self._state:
            raise self.unreadable("was changed while it was being read: run it again")

    def unreadable(self, why: str) -> ConfigurationError:
        """Make the error for a file that cannot be read."""
        return ConfigurationError(f"{self.name} {why}")

    def close(self) -> None:
        """Close the file, if the file belongs to this object."""
        self._closed = True
        self._content = None if self._content is None else b""
        if self._owned:
            self._file.close()
