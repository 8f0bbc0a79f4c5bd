"""A spreadsheet as rows of text, again and again: `.csv` in constant memory, and `.xlsx`.

with open_spreadsheet("customers.xlsx") as spreadsheet:
    print(spreadsheet.headings)
    for row in spreadsheet.rows():
        print(row.number, len(row.cells))
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, TypeAlias

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets._delimited import delimiter_of, records
from printnow_async.spreadsheets._source import Record, Row, Source
from printnow_async.spreadsheets._workbook import Workbook

__all__ = ["Row", "Spreadsheet", "open_spreadsheet"]

ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
OLE: Final = bytes.fromhex("D0CF11E0")

Format: TypeAlias = Callable[[], Iterator[Record]]
"""Gives every row of a spreadsheet from its beginning, the blank ones too."""


class Spreadsheet:
    """Headings, and the rows below them, which may be gone through as often as needed. `open_spreadsheet` makes it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._records = _format(source)
        headings = next(self._filled(), (0, (), {}))[1]
        texts = [heading.strip() for heading in headings]
        while texts and not texts[-1]:
            texts.pop()
        self.headings: tuple[str, ...] = tuple(texts)
        """The first row that is not blank, as it is written; empty if there is none."""

    @property
    def name(self) -> str:
        """The file's name, for messages; "standard input" for that."""
        return self._source.name

    @property
    def path(self) -> Path | None:
        """Where the file is; None if it was not given as a path."""
        return self._source.path

    def rows(self) -> Iterator[Row]:
        """Give every row below the headings that is not blank, anew on each call.

        Cells beyond the headings are left out, and are the row's `problem` if there is something in them. Raises
        `ConfigurationError`, naming the row, for what cannot be read, and for a file changed since it was opened.
        """
        width = len(self.headings)
        filled = self._filled()
        next(filled, None)
        for number, cells, kinds in filled:
            problem = None
            if len(cells) != width:
                if any(map(str.strip, cells[width:])):
                    problem = f"there is something beyond the last heading (column {width})"
                cells = (*cells[:width], *[""] * (width - len(cells)))  # noqa: PLW2901 -- as wide as the headings
            yield Row(number, tuple(cells), problem, kinds)

    def _filled(self) -> Iterator[Record]:
        for record in self._records():
            cells = record[1]
            if cells and ((cells[0] and not cells[0].isspace()) or any(map(str.strip, cells))):
                yield record

    def close(self) -> None:
        """Close the file, if it was opened by `open_spreadsheet`."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Spreadsheet({self.name!r})"


def open_spreadsheet(source: str | os.PathLike[str] | BinaryIO) -> Spreadsheet:
    """Open a spreadsheet: the first sheet of an `.xlsx`, or delimited text, which its content tells apart.

    Takes a path, "-" for standard input, or an open binary file, which stays open. What is no regular file, as a pipe,
    is kept in memory, and so is an `.xlsx`; other files must stay as they are until the end.

    Gives a `Spreadsheet`, for use with `with`. Raises `ConfigurationError` if it cannot be read: no such file, damaged,
    with a password, in another encoding than UTF-8.
    """
    opened = _opened(source)
    try:
        return Spreadsheet(opened)
    except BaseException:
        opened.close()
        raise


def _opened(source: str | os.PathLike[str] | BinaryIO) -> Source:
    if source == "-":
        return Source(sys.stdin.buffer, "standard input")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            file = path.open("rb", buffering=0)
        except OSError as error:
            raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
        return Source(file, path.name, path, owned=True)
    name = getattr(source, "name", None)
    return Source(source, Path(name).name if isinstance(name, str) else "the spreadsheet")


def _format(source: Source) -> Format:
    """The format that the content shows."""
    with source.open() as file:
        begin = file.read(len(OLE))
    if begin.startswith(OLE):
        raise source.unreadable("cannot be read: it has a password or is an old .xls; save it as .xlsx without one")
    if begin.startswith(ZIP):
        return Workbook(source).records
    if source.name.lower().endswith((".xlsx", ".xls", ".ods")):
        raise source.unreadable("cannot be read: it is no workbook, in spite of its name")
    return partial(records, source, delimiter_of(source))
