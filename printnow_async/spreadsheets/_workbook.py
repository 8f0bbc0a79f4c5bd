"""Workbooks (.xlsx): the first sheet, read by python-calamine, which holds the whole sheet in memory.

The sheet's XML is searched first for two facts that calamine does not give. A cell may be an error, which calamine
reads as an empty cell. And the sheet may be too large for the memory, which would end the process.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import IO, TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urljoin

from printnow_async.errors import ConfigurationError
from printnow_async.spreadsheets._source import CellKind, SheetRow, SpreadsheetFile

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

MAX_CELLS: Final = 30_000_000
"""Cells between the first and the last cell of a sheet: calamine takes 32 bytes for each, also for empty cells."""
CHUNK: Final = 1 << 20

NOT_TEXT: Final[Mapping[type, CellKind]] = {
    bool: CellKind.FLAG,
    int: CellKind.NUMBER,
    float: CellKind.NUMBER,
    dt.date: CellKind.DATE,
    dt.datetime: CellKind.DATE,
    dt.time: CellKind.TIME,
    dt.timedelta: CellKind.TIME,
}
ERROR_TEXT: Final = "#ERROR"

_FIRST_SHEET = re.compile(rb"""<(?:\w+:)?sheet\s[^>]*?\w+:id\s*=\s*["']([^"']+)""")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_ATTRIBUTE = re.compile(rb"""(\w+)\s*=\s*["']([^"']*)["']""")
_CELL = rb"""<(?:\w+:)?c\s(?:[^>]*?\s)?r=["']([A-Z]{1,3})([0-9]{1,7})["'][^>]*(?<!/)>"""
_FILLED = re.compile(_CELL)
_ERROR = re.compile(_CELL.replace(rb"c\s", rb"""c\s(?=[^>]*\bt=["']e["'])""", 1))


class _Overview(NamedTuple):
    height: int
    width: int
    errors: Mapping[int, Sequence[int]]
    """The columns of the cells that are errors, by row; both count from 1."""


class Workbook:
    """The first sheet of a workbook, in memory."""

    def __init__(self, source: SpreadsheetFile) -> None:
        """Read the sheet. Raises `ConfigurationError` if this is no workbook, is damaged or is too large."""
        with source.open() as file:
            content = file.read()
        self._errors = _looked_through(source, content).errors
        self._sheet = _loaded(source, content)

    def rows(self) -> Iterator[SheetRow]:
        """Give every row from the first row of the sheet, blank rows too."""
        offset = (self._sheet.start or (0, 0))[1]
        for number, values in enumerate(self._sheet.iter_rows(), 1):
            errors = [column - 1 - offset for column in self._errors.get(number, ())]
            kinds = {at: kind for at, value in enumerate(values) if (kind := NOT_TEXT.get(type(value)))}
            kinds |= dict.fromkeys(errors, CellKind.ERROR)
            if kinds:
                cells = [ERROR_TEXT if kinds.get(at) is CellKind.ERROR else _text(v) for at, v in enumerate(values)]
                yield SheetRow(number, tuple(cells), kinds=kinds)
            else:
                yield SheetRow(number, tuple(map(str, values)))


def _text(value: object) -> str:
    match value:
        case bool():
            return str(value).upper()
        case float() if value.is_integer():
            return str(int(value))
        case dt.date() | dt.time():
            return value.isoformat()
        case _:
            return str(value)


def _loaded(source: SpreadsheetFile, content: bytes) -> CalamineSheet:
    try:
        import python_calamine as calamine
    except ImportError:
        raise ConfigurationError(
            "reading .xlsx needs python-calamine: pip install 'printnow-async[cli]'; or save as CSV UTF-8"
        ) from None
    try:
        return calamine.load_workbook(io.BytesIO(content)).get_sheet_by_index(0)
    except calamine.CalamineError:
        raise _damaged(source) from None


def _looked_through(source: SpreadsheetFile, content: bytes) -> _Overview:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if "xl/workbook.xml" not in parts.namelist():
                raise source.unreadable("cannot be read: it is neither a workbook (.xlsx) nor text (.csv)")
            with parts.open(_first_sheet(parts)) as sheet:
                found = _overview(sheet)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError):
        raise _damaged(source) from None
    if found.height * found.width > MAX_CELLS:
        raise source.unreadable(
            f"is too large: {found.height:,} rows by {found.width:,} columns; "
            "delete what stands beside the table, or save it as CSV UTF-8"
        )
    return found


def _damaged(source: SpreadsheetFile) -> ConfigurationError:
    return source.unreadable("cannot be read: this workbook is damaged or not complete")


def _first_sheet(parts: zipfile.ZipFile) -> str:
    """The name of the part that holds the first sheet; `KeyError` if there is none."""
    sheet = _FIRST_SHEET.search(parts.read("xl/workbook.xml"))
    for relation in _RELATION.findall(parts.read("xl/_rels/workbook.xml.rels")):
        attributes = dict(_ATTRIBUTE.findall(relation))
        if sheet and attributes.get(b"Id") == sheet[1]:
            target: bytes = attributes[b"Target"]
            return urljoin("/xl/", target.decode()).removeprefix("/")
    raise KeyError("sheet")


def _overview(sheet: IO[bytes]) -> _Overview:
    height, columns, errors = 0, set[bytes](), dict[int, list[int]]()
    for part in _whole_tags(sheet):
        places = _FILLED.findall(part)
        columns.update(column for column, _ in places)
        height = max(height, int(places[-1][1])) if places else height
        for column, row in _ERROR.findall(part) if b't="e"' in part or b"t='e'" in part else ():
            errors.setdefault(int(row), []).append(_number(column))
    return _Overview(height, max(map(_number, columns), default=0), errors)


def _number(column: bytes) -> int:
    """The number of a column from its letters: A is 1."""
    return reduce(lambda number, letter: number * 26 + letter - 64, column, 0)


def _whole_tags(file: IO[bytes]) -> Iterator[bytes]:
    """Give the file in pieces that break before a tag."""
    rest = b""
    while piece := file.read(CHUNK):
        whole, tag, start = piece.rpartition(b"<")
        yield rest + whole
        rest = tag + start
    yield rest
