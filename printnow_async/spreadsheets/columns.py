"""The columns of a spreadsheet and the fields of an account, and the account that is made of a row.

Source of the headings: the vendor's page "Customers", the spreadsheet of its own import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from printnow_async.errors import ConfigurationError, InvalidAccountError
from printnow_async.models import NewAccount
from printnow_async.spreadsheets._source import CellKind, SheetRow

__all__ = ["Columns", "FIELDS"]

FIELDS: Final[Mapping[str, str]] = {
    "username": "Username",
    "password": "Password",
    "email": "Email",
    "first_name": "First Name",
    "last_name": "Last Name",
    "company": "Company",
    "receive_marketing_emails": "Receive Marketing Emails",
}
"""The fields of an account, in the order of `NewAccount`, and the heading of each."""
OPTIONAL: Final = ("company", "receive_marketing_emails")

FLAG: Final = "receive_marketing_emails"
FLAGS: Final = {
    **dict.fromkeys(("", "no", "n", "false", "0"), False),
    **dict.fromkeys(("yes", "y", "true", "1"), True),
}


def _key(heading: str) -> str:
    """A heading as it is compared: without case, blanks, hyphens and underscores."""
    return "".join(heading.casefold().replace("-", " ").replace("_", " ").split())


_BY_KEY: Final = {_key(name): name for name in FIELDS}


class Columns:
    """The column of each field. `Columns.of` finds the columns by their headings."""

    def __init__(self, headings: Sequence[str], places: Mapping[str, int]) -> None:
        self.headings: tuple[str, ...] = tuple(headings)
        """Every heading, as written."""
        self.places: Mapping[str, int] = dict(places)
        """The position of each field's column, from 0. An optional field may have none."""
        self.unknown: tuple[str, ...] = tuple(
            heading for at, heading in enumerate(headings) if heading and at not in self.places.values()
        )
        """The headings of the columns that are ignored."""
        # for an optional column that is missing, this picks the empty cell that `arguments` puts behind the row
        self._pick = itemgetter(*(self.places.get(name, len(headings)) for name in FIELDS))
        self._beside_password = [at for at in range(len(headings)) if at != self.places["password"]]

    @classmethod
    def of(
        cls, headings: Sequence[str], renamed: Mapping[str, str] | None = None, *, name: str = "the spreadsheet"
    ) -> Columns:
        """Find the fields among the headings.

        Headings may be in any order and case, with blanks, hyphens or underscores between the words or without.

        Takes the headings; `renamed`, the heading of each field that has another heading than its own, as
        `{"username": "Login"}`; and the name of the spreadsheet, for errors.

        Raises `ConfigurationError` when there is no heading, a column is missing, a field has two columns, or
        `renamed` names a field or a heading that does not exist.
        """
        if not any(headings):
            raise ConfigurationError(f"{name} is empty: it has no heading row")
        found = {field: _matching(field, headings) for field in FIELDS}
        listed = _listed(headings, found)
        for field, heading in (renamed or {}).items():
            known = _BY_KEY.get(_key(field))
            if known is None:
                raise ConfigurationError(f'there is no field "{field}": the fields are {", ".join(FIELDS)}')
            found[known] = [at for at, text in enumerate(headings) if text == heading.strip()]
            found[known] = found[known] or _matching(heading, headings)
            if not found[known]:
                raise ConfigurationError(f'{name} has no column "{heading}" for {known}; {listed}')
        missing = [text for field, text in FIELDS.items() if not found[field] and field not in OPTIONAL]
        if missing:
            raise ConfigurationError(f"{name} has no column for {', '.join(missing)}; {listed}")
        return cls(headings, {field: _only(field, places, headings, name) for field, places in found.items() if places})

    def public(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Give every cell but the password, in order; given the headings, every heading but that of the password."""
        return tuple(cells[at] for at in self._beside_password)

    def arguments(self, cells: Sequence[str]) -> tuple[Any, ...]:
        """Give the arguments of `NewAccount`, unchecked. A flag that is neither yes nor no is None."""
        username, password, email, first_name, last_name, company, flag = self._pick((*cells, ""))
        return (
            username.strip(),
            password,  # blanks are part of a password
            email.strip(),
            first_name.strip(),
            last_name.strip(),
            company.strip() or None,
            FLAGS.get(flag.strip().lower()),
        )

    def account(self, cells: Sequence[str]) -> NewAccount:
        """Make the account of a row, whose cells must be text; `InvalidAccountError` for the rules that it breaks."""
        return NewAccount(*self.arguments(cells))

    def problems(self, row: SheetRow) -> tuple[str, ...]:
        """Every rule that the row breaks by itself, one sentence each; no cell is shown."""
        found = [row.problem] if row.problem else []
        try:
            self.account(row.cells)
            broken: Mapping[str, str] = {}
        except InvalidAccountError as error:
            broken = error.problems
        for field in FIELDS:
            kind = row.kinds.get(self.places.get(field, -1))
            if kind and field != FLAG:
                found.append(self._not_text(field, kind))
            elif field in broken:
                reason = "must be yes or no, true or false, 1 or 0" if field == FLAG else broken[field]
                found.append(f"{field} {reason}")
        return tuple(found)

    def _not_text(self, field: str, kind: CellKind) -> str:
        heading = self.headings[self.places[field]]
        if kind is CellKind.ERROR:
            return f"{heading} is an error in the spreadsheet: correct its formula"
        why = ", which may have lost leading zeros" if kind is CellKind.NUMBER else ""
        return f"{heading} is {kind} in the spreadsheet{why}: format the column as text"


def _matching(heading: str, headings: Iterable[str]) -> list[int]:
    return [at for at, text in enumerate(headings) if _key(text) == _key(heading)]


def _only(field: str, places: Sequence[int], headings: Sequence[str], name: str) -> int:
    if len(places) > 1:
        named = " and ".join(f'"{headings[at]}"' for at in places)
        raise ConfigurationError(f"{name} has {len(places)} columns for {field}: {named}; keep one, or say which")
    return places[0]


def _listed(headings: Iterable[str], found: Mapping[str, Sequence[int]]) -> str:
    """The headings, for an error; left out if none is known, since the row may hold a password instead of headings."""
    if not any(found.values()):
        return "its first row has no known heading at all: it must be " + ", ".join(FIELDS.values())
    return "its headings are " + ", ".join(f'"{heading}"' for heading in headings if heading)
