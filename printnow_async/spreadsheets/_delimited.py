"""Delimited text (.csv, .tsv) in constant memory: UTF-8, with a comma, semicolon or tab between the cells."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from functools import partial
from typing import Final

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets._source import ALL_TEXT, Record, Source

CELL_LIMIT: Final = 32_767
"""Characters in a cell, as in a spreadsheet program."""
RECORD_LIMIT: Final = 1 << 20
"""Bytes in a row."""
DELIMITERS: Final = ",;\t"

SAVE_AS: Final = 'save it as "CSV UTF-8"'


def delimiter_of(source: Source) -> str:
    """The delimiter that makes the most cells of the heading row; a comma if none makes more than another."""
    return max(DELIMITERS, key=partial(_width, source))


def _width(source: Source, delimiter: str) -> int:
    """The cells of the heading row with this delimiter; 0 if it stands nowhere in it."""
    try:
        widths = (len(cells) for _, cells, _ in records(source, delimiter) if "".join(cells).strip())
        width = next(widths, 1)
    except ConfigurationError:
        return 0  # with another delimiter it may be readable; if not, reading the headings says so
    return width if width > 1 else 0


def records(source: Source, delimiter: str) -> Iterator[Record]:
    """Read the text from its beginning. What cannot be read is a `ConfigurationError` that names the row."""
    return _Reading(source).records(delimiter)


class _Reading:
    """One pass over the text, which knows the row it is in."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._row = 1
        self._size = 0
        """Bytes of that row so far."""

    def records(self, delimiter: str) -> Iterator[Record]:
        reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        try:
            for number, cells in enumerate(reader, 1):
                if self._size > CELL_LIMIT and max(map(len, cells)) > CELL_LIMIT:
                    raise self._unreadable(f"has a cell of more than {CELL_LIMIT:,} characters")
                self._row, self._size = number + 1, 0
                yield number, cells, ALL_TEXT
        except csv.Error as error:
            raise self._explained(str(error)) from None

    def _lines(self) -> Iterator[str]:
        """Decode line by line, so that what cannot be decoded is known by its row."""
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
