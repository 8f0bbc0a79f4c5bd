"""`printnow guest stale` and `schema`: what looks after the whole tracker and not after one guest."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import click

from printnow_async.cli.commands import Command
from printnow_async.cli.connection import Connection
from printnow_async.cli.failures import BadUsage, Failure
from printnow_async.cli.output import printable, write_json
from printnow_async.cli.records import record_as_json, show_records
from printnow_async.cli.trackers import PATIENCE, Guests, sql_tracker, tracked
from printnow_async.client import PrintNowClient
from printnow_async.errors import PrintNowError, TransitionError
from printnow_async.lifecycle import TempUserLifecycle
from printnow_async.tracking import LifecycleRecord, Tracker

__all__ = ["abandoned", "schema", "stale"]


async def abandoned(client: PrintNowClient, tracker: Tracker, reference: str) -> LifecycleRecord:
    """The record of a guest that is followed no more."""
    # not resumed: that would end a start that was cut off, with one more temporary user
    found = await TempUserLifecycle.resume(client, tracker, reference=reference, recover=False, wait=PATIENCE)
    await found.abandon()
    return found.record


# ---------------------------------------------------------------- stale


@click.command(
    "stale",
    cls=Command,
    examples=("printnow guest stale --days 30", "printnow guest stale --days 90 --abandon --yes"),
)
@click.option(
    "--days", type=click.IntRange(0, 36_500), default=30, help="For how many days they have not moved (default: 30)."
)
@click.option("--abandon", is_flag=True, help="Follow them no more, after asking. Needs credentials.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on a line for each.")
@tracked
def stale(guests: Guests, /, days: int, abandon: bool, yes: bool, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """List the guests that have not moved.

    Those are the live ones, the oldest first. Reads the tracker alone, so it needs no credentials, unless they are to
    be abandoned: a step that was cut off is then settled first. The API cannot delete a temporary user.
    """
    guests.must_exist()
    if not abandon:
        asyncio.run(_list(guests, days, as_json=as_json))
        return
    if not (yes or _is_terminal()):
        raise BadUsage("there is no terminal to confirm it on: say --yes")
    connection = guests.connection()
    found = asyncio.run(_found(guests, days))
    if not as_json:
        _show(found, days)
    if found:
        if not yes:
            _confirm(len(found))
        _abandon(guests, connection, found, as_json=as_json)


async def _list(guests: Guests, days: int, *, as_json: bool) -> None:
    if not as_json:
        _show(await _found(guests, days), days)
        return
    async with guests.opened() as tracker:
        async for record in tracker.stale(older_than=timedelta(days=days)):
            write_json(record_as_json(record))


async def _found(guests: Guests, days: int) -> list[LifecycleRecord]:
    async with guests.opened() as tracker:
        return [record async for record in tracker.stale(older_than=timedelta(days=days))]


def _show(found: list[LifecycleRecord], days: int) -> None:
    if found:
        show_records(found)
    else:
        click.echo(f"no live guest has stood still for {days} days")


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _confirm(count: int) -> None:
    if not click.confirm(f"Abandon {_guests(count)}? The API keeps their temporary users.", err=True):
        raise Failure("nothing was abandoned")


def _abandon(guests: Guests, connection: Connection, found: list[LifecycleRecord], *, as_json: bool) -> None:
    """Abandon each that is still as it was listed; one that fails keeps none of the others back."""
    failed: list[tuple[str, PrintNowError]] = []
    done = 0

    async def run(client: PrintNowClient) -> None:
        nonlocal done
        async with guests.opened() as tracker:
            for listed in found:
                try:
                    record = await _abandoned_unless_moved(client, tracker, listed)
                except PrintNowError as error:
                    failed.append((listed.reference, error))
                    continue
                done += record is not None
                if as_json and record is not None:
                    write_json(record_as_json(record))

    connection.call(run)
    if not as_json:
        click.echo(f"{_guests(done)} abandoned")
    if moved := len(found) - done - len(failed):
        click.echo(f"printnow: note: {_guests(moved)} moved meanwhile, and stay as they are", err=True)
    if failed:
        reference, error = failed[0]
        raise Failure(f"{_guests(len(failed))} could not be abandoned, {printable(reference)} for one: {error}")


async def _abandoned_unless_moved(
    client: PrintNowClient, tracker: Tracker, listed: LifecycleRecord
) -> LifecycleRecord | None:
    now = await tracker.load(listed.reference)
    if now is None or now.updated_at != listed.updated_at:
        return None
    try:
        return await abandoned(client, tracker, listed.reference)
    except TransitionError:  # the step that was cut off had been applied
        return None


def _guests(count: int) -> str:
    return f"{count} guest" if count == 1 else f"{count} guests"


# ---------------------------------------------------------------- schema


@click.command(
    "schema",
    cls=Command,
    examples=("printnow guest schema", "printnow guest schema --dialect sqlite | sqlite3 guests.db"),
)
@click.option(
    "--dialect", type=click.Choice(["postgresql", "sqlite"]), default="postgresql", help="Default: postgresql."
)
def schema(dialect: str) -> None:
    """Print the SQL that makes a tracker's tables.

    For those who make tables by hand. It needs no database and no credentials.
    """
    click.echo(sql_tracker().ddl(dialect), nl=False)
