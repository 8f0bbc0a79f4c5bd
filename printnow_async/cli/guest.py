"""`printnow guest …`: one guest from start to settlement, under a reference of the caller's own."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from printnow_async.cli.accounts import account, account_options, destination_option, storefront_option
from printnow_async.cli.commands import Group, json_option
from printnow_async.cli.connection import Connection
from printnow_async.cli.failures import TrackerFailed, advise
from printnow_async.cli.output import printable, show_customer
from printnow_async.cli.records import show_record
from printnow_async.cli.stale import abandoned, schema, stale
from printnow_async.cli.trackers import PATIENCE, Guests, tracked
from printnow_async.client import PrintNowClient
from printnow_async.errors import EmailInUseError, LifecycleNotFoundError, OutcomeUnknownError, UsernameInUseError
from printnow_async.lifecycle import TempUserLifecycle
from printnow_async.lifecycle.options import LONGEST_REFERENCE
from printnow_async.models import Customer
from printnow_async.tracking import LifecycleRecord, Tracker

__all__ = ["guest"]

_R = TypeVar("_R")


def _reference(ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """A reference as a tracker takes it; what to do about a move of it that stays open is known from here on."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("is not text in this terminal's encoding", ctx) from None
    if not 1 <= len(value) <= LONGEST_REFERENCE:
        raise click.BadParameter(f"must have 1 to {LONGEST_REFERENCE} characters", ctx)
    shown = shlex.quote(printable(value))
    advise(OutcomeUnknownError, f"find out with: printnow guest recover {shown}")
    advise(TrackerFailed, f"Check the tracker; a step that was cut off is settled by: printnow guest recover {shown}.")
    advise(UsernameInUseError, "The guest is active again. Choose another username.")
    advise(
        EmailInUseError,
        f"The guest is active again. Choose another e-mail address, or move it to the account with: printnow guest "
        f"transfer {shown} --to ID.",
    )
    return value


_reference_argument = click.argument("reference", metavar="REFERENCE", callback=_reference)


@click.group("guest", cls=Group, examples=("printnow guest start cart-7f3a --storefront 1",))
def guest() -> None:
    """Follow guests until they are customers.

    A guest is a temporary user, known here by a reference of your own, as a cart's or session's. Where it stands is
    kept in a tracker, a database that the programs of a shop can share.
    """


guest.add_command(stale)
guest.add_command(schema)


@guest.command("start", examples=("printnow guest start cart-7f3a --storefront 1",))
@_reference_argument
@storefront_option
@json_option
@tracked
def _start(guests: Guests, /, reference: str, storefront_id: int, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Start a guest, or show it.

    A reference that is known already is shown as it is; only a new one makes a temporary user.
    """

    async def start(client: PrintNowClient, tracker: Tracker) -> LifecycleRecord:
        started = await TempUserLifecycle.start(client, tracker, reference=reference, storefront_id=storefront_id)
        return started.record

    show_record(_with_client(guests, guests.connection(), start), as_json=as_json)


@guest.command("show", examples=("printnow guest show cart-7f3a", "printnow guest show cart-7f3a --json"))
@_reference_argument
@json_option
@tracked
def _show(guests: Guests, /, reference: str, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Show a guest as it is recorded.

    Reads the tracker and sends no request, so it needs no credentials.
    """
    guests.must_exist()

    async def load() -> LifecycleRecord | None:
        async with guests.opened() as tracker:
            return await tracker.load(reference)

    record = asyncio.run(load())
    if record is None:
        raise LifecycleNotFoundError("no guest is tracked under this reference", reference=reference)
    show_record(record, as_json=as_json)


@guest.command(
    "convert",
    examples=(
        "printnow guest convert cart-7f3a --username janesmith \\",
        "    --email jane@example.com --first-name Jane --last-name Smith",
    ),
)
@_reference_argument
@account_options
@json_option
@tracked
def _convert(guests: Guests, /, reference: str, as_json: bool, **fields: Any) -> None:  # noqa: FBT001 - click's call
    """Make a guest a permanent account.

    Shows the customer. The same again shows it once more and writes nothing.
    """
    guests.must_exist()
    connection = guests.connection()  # what is missing is said before anybody types a password
    wanted = account(**fields)
    made = _moved(guests, connection, reference, lambda followed: followed.convert(wanted))
    show_customer(made, as_json=as_json)


@guest.command("transfer", examples=("printnow guest transfer cart-7f3a --to 12345",))
@_reference_argument
@destination_option
@json_option
@tracked
def _transfer(guests: Guests, /, reference: str, destination: int, as_json: bool) -> None:  # noqa: FBT001
    """Move a guest's work to a permanent customer.

    Shows that customer. The same again shows it once more and writes nothing.
    """
    guests.must_exist()
    connection, context = guests.connection(), click.get_current_context()

    def transfer(followed: TempUserLifecycle) -> Awaitable[Customer]:
        if destination == followed.temp_id:
            raise click.UsageError("the guest and --to are the same customer", context)
        return followed.transfer(to=destination)

    moved = _moved(guests, connection, reference, transfer)
    show_customer(moved, as_json=as_json)


@guest.command("recover", examples=("printnow guest recover cart-7f3a",))
@_reference_argument
@json_option
@tracked
def _recover(guests: Guests, /, reference: str, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Settle a step that was cut off.

    Finds out whether it was applied, and shows the guest. A step that another process holds is waited for, 20 seconds
    at most, which is longer than a dead one can hold it.
    """
    guests.must_exist()

    async def recover(client: PrintNowClient, tracker: Tracker) -> LifecycleRecord:
        found = await TempUserLifecycle.resume(client, tracker, reference=reference, wait=PATIENCE)
        await found.recover()
        return found.record

    show_record(_with_client(guests, guests.connection(), recover), as_json=as_json)


@guest.command("abandon", examples=("printnow guest abandon cart-7f3a",))
@_reference_argument
@json_option
@tracked
def _abandon(guests: Guests, /, reference: str, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Follow a guest no more.

    The API cannot delete a temporary user, so that stays where it is.
    """
    guests.must_exist()

    def abandon(client: PrintNowClient, tracker: Tracker) -> Awaitable[LifecycleRecord]:
        return abandoned(client, tracker, reference)

    show_record(_with_client(guests, guests.connection(), abandon), as_json=as_json)


# ---------------------------------------------------------------- inside


def _moved(
    guests: Guests,
    connection: Connection,
    reference: str,
    move: Callable[[TempUserLifecycle], Awaitable[Customer]],
) -> Customer:
    """The customer that a move of the guest ends with."""

    async def run(client: PrintNowClient, tracker: Tracker) -> Customer:
        return await move(await TempUserLifecycle.resume(client, tracker, reference=reference))

    return _with_client(guests, connection, run)


def _with_client(
    guests: Guests, connection: Connection, operation: Callable[[PrintNowClient, Tracker], Awaitable[_R]]
) -> _R:
    """Run one operation on a client and a tracker of its own."""

    async def run(client: PrintNowClient) -> _R:
        async with guests.opened() as tracker:
            return await operation(client, tracker)

    return connection.call(run)
