"""Delimited text (.csv, .tsv) in constant memory: UTF-8, with a comma, semicolon or tab between the cells."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from functools import partial
from typing import Final

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets._source import SheetRow, SpreadsheetFile

CELL_LIMIT: Final = 32_767
"""Characters in a cell, as in a spreadsheet program."""
RECORD_LIMIT: Final = 1 << 20
"""Bytes in a row."""
DELIMITERS: Final = ",;\t"

SAVE_AS: Final = 'save it as "CSV UTF-8"'


def delimiter_of(source: SpreadsheetFile) -> str:
    """The delimiter that makes the most cells of the heading row; a comma if two make the same number."""
    return max(DELIMITERS, key=partial(_width, source))


def _width(source: SpreadsheetFile, delimiter: str) -> int:
    """The number of cells in the heading row with this delimiter; 0 if the row has no such delimiter."""
    try:
        widths = (len(row.cells) for row in text_rows(source, delimiter) if "".join(row.cells).strip())
        width = next(widths, 1)
    except ConfigurationError:
        return 0  # the text may be readable with another delimiter; if not, reading the headings raises the error
    return width if width > 1 else 0


def text_rows(source: SpreadsheetFile, delimiter: str) -> Iterator[SheetRow]:
    """Read the text from the beginning. A row that cannot be read is a `ConfigurationError` that names the row."""
    return _Reading(source).rows(delimiter)


class _Reading:
    """One pass over the text. It knows the number of the row that is being read."""

    def __init__(self, source: SpreadsheetFile) -> None:
        self._source = source
        self._row = 1
        self._size = 0
        """Bytes of that row that have been read."""

    def rows(self, delimiter: str) -> Iterator[SheetRow]:
        reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        try:
            for number, cells in enumerate(reader, 1):
                if self._size > CELL_LIMIT and max(map(len, cells)) > CELL_LIMIT:
                    raise self._unreadable(f"has a cell of more than {CELL_LIMIT:,} characters")
                self._row, self._size = number + 1, 0
                yield SheetRow(number, tuple(cells))
        except csv.Error as error:
            raise self._explained(str(error)) from None

    def _lines(self) -> Iterator[str]:
        """Decode line by line, so that an error can name the row."""
        with self._source.open() as file:
            first = file.readline(RECORD_LIMIT + 1)
            if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise self._source.unreadable(f"cannot be read: it is UTF-16; {SAVE_AS}")
            yield self._decoded(first.removeprefix(codecs.BOM_UTF8))
            for line in iter(partial(file.readline, RECORD_LIMIT + 1), b""):
                yield self._decoded(line)
        self._source.check_unchanged()

    def _decoded(self, line: bytes) -> str:
        self._size += len(line)
        if self._size > RECORD_LIMIT:
            raise self._unreadable(
                f"is longer than {RECORD_LIMIT:,} bytes: a cell is too long, or a quote is not closed"
            )
        if b"\0" in line:
            raise self._unreadable(f"holds a NUL byte, so this is no plain text: {SAVE_AS}")
        try:
            return line.decode()
        except UnicodeDecodeError:
            pass  # that error holds the line, and the line a password
        raise self._unreadable(f"is not UTF-8: {SAVE_AS}")

    def _unreadable(self, why: str) -> ConfigurationError:
        return self._source.unreadable(f"cannot be read: row {self._row} {why}")

    def _explained(self, error: str) -> ConfigurationError:
        if "unexpected end" in error:
            return self._unreadable("has a quote that is never closed")
        if "field limit" in error:
            return self._unreadable(
                f"has a cell of more than {CELL_LIMIT:,} characters, or a quote that is never closed"
            )
        if "new-line" in error:
            return self._unreadable(f"has a carriage return without a line feed: {SAVE_AS}")
        return self._unreadable('has text after a closing quote: write a quote inside a quoted cell twice, as ""')
