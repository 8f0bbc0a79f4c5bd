"""A spreadsheet as rows of text, which may be read many times: `.csv` in constant memory, and `.xlsx`.

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
from typing import BinaryIO, Final, Self

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets._delimited import delimiter_of, text_rows
from printnow_async.spreadsheets._source import SheetRow, SpreadsheetFile
from printnow_async.spreadsheets._workbook import Workbook

__all__ = ["SheetRow", "Spreadsheet", "open_spreadsheet"]

ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
OLE: Final = bytes.fromhex("D0CF11E0")


class Spreadsheet:
    """Headings, and the rows below them, which may be read many times. `open_spreadsheet` makes a `Spreadsheet`."""

    def __init__(self, source: SpreadsheetFile) -> None:
        self.name = source.name
        """The file's name, or "standard input", for messages."""
        self.path = source.path
        """The path of the file; None if the spreadsheet was not given as a path."""
        self._source = source
        self._every_row = _every_row(source)
        first = next(self._filled(), SheetRow(0, ()))
        texts = [heading.strip() for heading in first.cells]
        while texts and not texts[-1]:
            texts.pop()
        self.headings: tuple[str, ...] = tuple(texts)
        """The first row that is not blank; empty if every row is blank."""

    def rows(self) -> Iterator[SheetRow]:
        """Give every row below the headings that is not blank, from the beginning on each call.

        Every row is as wide as the headings. Cells beyond the headings are left out; if there is text in them, that is
        the row's `problem`. Raises `ConfigurationError`, naming the row, for a row that cannot be read, and for a file
        that has changed since it was opened.
        """
        width = len(self.headings)
        filled = self._filled()
        next(filled, None)
        for row in filled:
            if len(row.cells) == width:
                yield row
                continue
            beyond = any(map(str.strip, row.cells[width:]))
            problem = f"there is something beyond the last heading (column {width})" if beyond else None
            cells = (*row.cells[:width], *[""] * (width - len(row.cells)))
            yield row._replace(cells=cells, problem=problem)

    def _filled(self) -> Iterator[SheetRow]:
        for row in self._every_row():
            cells = row.cells
            if cells and ((cells[0] and not cells[0].isspace()) or any(map(str.strip, cells))):
                yield row

    def close(self) -> None:
        """Close the file, if `open_spreadsheet` has opened it."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Spreadsheet({self.name!r})"


def open_spreadsheet(source: str | os.PathLike[str] | BinaryIO) -> Spreadsheet:
    """Open a spreadsheet: the first sheet of an `.xlsx`, or delimited text. The content decides which of these it is.

    Takes a path, "-" for standard input, or an open binary file, which stays open. An `.xlsx` is kept in memory, and so
    is anything that is no regular file, such as a pipe. Other files must not change until the end.

    Gives a `Spreadsheet`, for use with `with`. Raises `ConfigurationError` for a file that cannot be read: there is no
    such file, or the file is damaged, has a password, or is in another encoding than UTF-8.
    """
    opened = _opened(source)
    try:
        return Spreadsheet(opened)
    except BaseException:
        opened.close()
        raise


def _opened(source: str | os.PathLike[str] | BinaryIO) -> SpreadsheetFile:
    if source == "-":
        return SpreadsheetFile(sys.stdin.buffer, "standard input")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            file = path.open("rb", buffering=0)
        except OSError as error:
            raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
        return SpreadsheetFile(file, path.name, path, owned=True)
    name = getattr(source, "name", None)
    return SpreadsheetFile(source, Path(name).name if isinstance(name, str) else "the spreadsheet")


def _every_row(source: SpreadsheetFile) -> Callable[[], Iterator[SheetRow]]:
    """What gives every row from the beginning, blank rows too: the content decides on the format."""
    with source.open() as file:
        begin = file.read(len(OLE))
    if begin.startswith(OLE):
        raise source.unreadable("cannot be read: it has a password or is an old .xls; save it as .xlsx without one")
    if begin.startswith(ZIP):
        return Workbook(source).rows
    if source.name.lower().endswith((".xlsx", ".xls", ".ods")):
        raise source.unreadable("cannot be read: it is no workbook, in spite of its name")
    return partial(text_rows, source, delimiter_of(source))
