"""What a tracker remembers of guests, shown. The salt, the digests under it and the lease's holder are not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import attrs
from rich import box
from rich.table import Table
from rich.text import Text

from printnow_async.cli.output import printable, write, write_json
from printnow_async.tracking import LifecycleRecord

__all__ = ["record_as_json", "show_record", "show_records"]

_UNTOLD: Final = frozenset({"salt", "username_digest", "email_digest", "lease_holder"})

_COLUMNS: Final = ("reference", "state", "temp id", "storefront", "since")
"""What a table of many shows of each."""


def _told(record: LifecycleRecord) -> dict[str, Any]:
    return {name: value for name, value in attrs.asdict(record, recurse=False).items() if name not in _UNTOLD}


def record_as_json(record: LifecycleRecord) -> dict[str, Any]:
    """The fields by name, times in ISO 8601."""
    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in _told(record).items()
    }


def show_record(record: LifecycleRecord, *, as_json: bool) -> None:
    """Write a guest, the one way or the other."""
    if as_json:
        write_json(record_as_json(record))
        return
    table = _table()
    table.add_column("guest", style="dim", no_wrap=True)
    table.add_column(printable(record.reference), overflow="fold")
    for name, value in _told(record).items():
        if name not in {"reference", "version"}:
            table.add_row(name.replace("_", " "), _shown(value))
    write(table)


def show_records(records: Iterable[LifecycleRecord]) -> None:
    """Write a table of guests."""
    table = _table()
    for heading in _COLUMNS:
        table.add_column(heading, overflow="fold", no_wrap=heading != "reference")
    for record in records:
        since = f"{record.updated_at:%Y-%m-%d}"
        values = (record.reference, record.state, record.temp_id, record.storefront_id, since)
        table.add_row(*map(_shown, values))
    write(table)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _shown(value: Any) -> Text:
    match value:
        case None:
            return Text("-", "dim")
        case bool():
            return Text("yes" if value else "no")
        case datetime():
            return Text(f"{value:%Y-%m-%d %H:%M:%S} UTC")
        case _:
            return Text(printable(str(value)))
