"""Checks every row of a spreadsheet by the rules of an account and against the rows before, without any request.

with open_spreadsheet("customers.csv") as spreadsheet:
    checked = check(spreadsheet, Columns.of(spreadsheet.headings))
    print(checked.valid, "of", checked.total)
    for row in checked.problems():
        print(row.number, *row.problems)
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator
from itertools import groupby

import attrs

from printnow_async.errors import ConfigurationError
from printnow_async.models import NewAccount
from printnow_async.spreadsheets._duplicates import Duplicates, Repeats
from printnow_async.spreadsheets.columns import Columns
from printnow_async.spreadsheets.reading import Spreadsheet

__all__ = ["Checked", "CheckedRow", "check"]


@attrs.frozen(eq=False)
class CheckedRow:
    """A row and what is wrong with it. Its `repr` shows no cell, since one of the cells is a password."""

    number: int
    """The row's number in a spreadsheet program."""
    cells: tuple[str, ...] = attrs.field(repr=False)
    """The text of each cell, as written, the password included."""
    problems: tuple[str, ...]
    """What is wrong, one sentence each, without the content of any cell; empty for a row that may be sent."""
    _columns: Columns = attrs.field(repr=False)

    @property
    def username(self) -> str:
        """The username, as sent."""
        return self.cells[self._columns.places["username"]].strip()

    @property
    def email(self) -> str:
        """The e-mail address, as sent."""
        return self.cells[self._columns.places["email"]].strip()

    @property
    def password(self) -> str:
        """The password, as sent."""
        return self.cells[self._columns.places["password"]]

    @property
    def public_cells(self) -> tuple[str, ...]:
        """Every cell but the password; `Columns.public` gives their headings."""
        return self._columns.public(self.cells)

    def account(self) -> NewAccount:
        """Make the account that the row describes. Raises `ValueError` with the problems of a row that has problems."""
        if self.problems:
            raise ValueError(f"row {self.number}: {'; '.join(self.problems)}")
        return self._columns.account(self.cells)


class Checked:
    """What `check` found: how many rows are in order, and every row with its problems."""

    def __init__(
        self, spreadsheet: Spreadsheet, columns: Columns, total: int, wrong: array[int], repeats: Repeats
    ) -> None:
        self.columns = columns
        """The column of each field."""
        self.total = total
        """Rows below the headings that are not blank."""
        self._spreadsheet = spreadsheet
        self._repeats = repeats
        numbers = heapq.merge(wrong, (repeat.number for repeat in repeats))
        self._invalid = array("Q", (number for number, _ in groupby(numbers)))
        """The numbers of the rows with a problem: a later pass checks no other row again."""

    @property
    def valid(self) -> int:
        """Rows that may be sent."""
        return self.total - self.invalid

    @property
    def invalid(self) -> int:
        """Rows with a problem."""
        return len(self._invalid)

    def rows(self) -> Iterator[CheckedRow]:
        """Read the spreadsheet again, and give every row that is not blank, in order.

        Raises `ConfigurationError` if the file has changed since the check.
        """
        columns = self.columns
        invalid = iter(self._invalid)
        repeats = groupby(self._repeats, lambda repeat: repeat.number)
        repeat, same = next(repeats, NONE_LEFT)
        next_invalid = next(invalid, 0)
        for row in self._spreadsheet.rows():
            number = row.number
            problems: tuple[str, ...] = ()
            if number == next_invalid:
                problems = columns.problems(row)
                if number == repeat:
                    problems += tuple(map(str, same))
                    repeat, same = next(repeats, NONE_LEFT)
                next_invalid = next(invalid, 0)
            yield CheckedRow(number, row.cells, problems, columns)

    def problems(self) -> Iterator[CheckedRow]:
        """Read the spreadsheet again, and give the rows with a problem, in order."""
        return (row for row in self.rows() if row.problems)

    def __repr__(self) -> str:
        return f"Checked(total={self.total}, valid={self.valid}, invalid={self.invalid})"


NONE_LEFT: tuple[int, Iterator[object]] = (0, iter(()))
"""Stands for the end of the repeats: no row has the number 0."""


def check(spreadsheet: Spreadsheet, columns: Columns) -> Checked:
    """Read all rows once, in memory that does not grow with their number.

    A row is in order if `NewAccount` takes it, and no earlier row has its username or its e-mail, in whatever case. An
    earlier row counts only if its own cells are in order.

    Raises `ConfigurationError` if there is no row, or a row that cannot be read.
    """
    total = 0
    wrong = array("Q")
    with Duplicates() as duplicates:
        for row in spreadsheet.rows():
            total += 1
            arguments = columns.arguments(row.cells)
            try:
                NewAccount(*arguments)
                in_order = row.problem is None and not (row.kinds and columns.problems(row))
            except ValueError:
                in_order = False
            if not in_order:
                wrong.append(row.number)
            duplicates.add(row.number, arguments[0], arguments[2], in_order=in_order)
        repeats = duplicates.repeats()
    if not total:
        raise ConfigurationError(f"{spreadsheet.name} has 0 rows below its headings")
    return Checked(spreadsheet, columns, total, wrong, repeats)
