"""`printnow customer …`: one command for each endpoint of customers."""

from __future__ import annotations

import sys
from typing import Any

import click

from printnow_async.cli.commands import Group, json_option
from printnow_async.cli.connection import Connection, connected
from printnow_async.cli.failures import BadUsage, CommandFailed
from printnow_async.cli.output import printable, show_one, write_json
from printnow_async.cli.passwords import password, password_stdin_option
from printnow_async.cli.shared_options import (
    ID,
    account,
    account_options,
    destination_option,
    storefront_option,
    values_checked,
)
from printnow_async.models import NOT_GIVEN, Customer, CustomerUpdate, NotGiven

__all__ = ["customer"]

_id_argument = click.argument("customer_id", metavar="ID", type=ID)


@click.group("customer", cls=Group, examples=("printnow customer get 12345",))
def customer() -> None:
    """Read and write customers."""


@customer.command("get", examples=("printnow customer get 12345 --json",))
@_id_argument
@json_option
@connected
def _get(connection: Connection, /, customer_id: int, as_json: bool) -> None:  # noqa: FBT001 - click's call
    """Show a customer."""
    show_one(connection.call(lambda client: client.customers.get(customer_id)), as_json=as_json)


@customer.command(
    "create",
    examples=(
        "printnow customer create --storefront 1 --username janesmith \\",
        "    --email jane@example.com --first-name Jane --last-name Smith",
    ),
)
@storefront_option
@account_options
@json_option
@connected
def _create(connection: Connection, /, storefront_id: int, as_json: bool, **fields: Any) -> None:  # noqa: FBT001
    """Make a permanent account."""
    wanted = account(**fields)
    made = connection.call(lambda client: client.customers.create(wanted, storefront_id=storefront_id))
    show_one(made, as_json=as_json)


@customer.command("create-temporary", examples=("printnow customer create-temporary --storefront 1",))
@storefront_option
@json_option
@connected
def _create_temporary(connection: Connection, /, storefront_id: int, as_json: bool) -> None:  # noqa: FBT001
    """Make a temporary user (a guest).

    Shows the temporary user, who cannot be deleted, only converted or transferred.
    """
    made = connection.call(lambda client: client.customers.create_temporary(storefront_id=storefront_id))
    show_one(made, as_json=as_json)


@customer.command(
    "update",
    examples=(
        'printnow customer update 12345 --company "Acme Corp" --tax-exempt',
        "printnow customer update 12345 --ask-password",
    ),
)
@_id_argument
@click.option("--first-name", help="New first name.")
@click.option("--last-name", help="New last name.")
@click.option("--company", help="New company.")
@click.option("--clear-company", is_flag=True, help="Remove the company.")
@click.option("--marketing/--no-marketing", default=None, help="Opt-in to marketing e-mails.")
@click.option("--tax-exempt/--no-tax-exempt", default=None, help="Whether the customer is tax-exempt.")
@click.option("--ask-password", is_flag=True, help="Ask for a new password.")
@password_stdin_option
@json_option
@connected
def _update(connection: Connection, /, customer_id: int, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Change a permanent customer.

    A field without an option stays as it is. Shows the changed customer.
    """
    changes = _changes(**options)
    show_one(connection.call(lambda client: client.customers.update(customer_id, changes)), as_json=as_json)


def _changes(
    *,
    company: str | None,
    clear_company: bool,
    marketing: bool | None,
    ask_password: bool,
    from_stdin: bool,
    **same: Any,
) -> CustomerUpdate:
    """Make the changes of the options of `update`. A field without an option is `NOT_GIVEN`."""
    if clear_company and company is not None:
        raise click.UsageError("--company and --clear-company contradict each other", click.get_current_context())
    given: dict[str, Any] = {name: value for name, value in same.items() if value is not None}
    if company is not None or clear_company:
        given["company"] = company
    if marketing is not None:
        given["receive_marketing_emails"] = marketing
    wants_password = ask_password or from_stdin
    if not given and not wants_password:
        raise click.UsageError("nothing to change: give at least one option", click.get_current_context())
    new_password: str | NotGiven = password(from_stdin=from_stdin) if wants_password else NOT_GIVEN
    with values_checked():
        return CustomerUpdate(password=new_password, **given)


@customer.command("delete", examples=("printnow customer delete 12345", "printnow customer delete 12345 --yes"))
@_id_argument
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@json_option
@connected
def _delete(connection: Connection, /, customer_id: int, yes: bool, as_json: bool) -> None:  # noqa: FBT001
    """Delete a permanent customer. The API cannot restore a deleted customer."""
    if not yes:
        _confirm_delete(connection, customer_id)
    connection.call(lambda client: client.customers.delete(customer_id))
    if as_json:
        write_json({"id": customer_id, "deleted": True})
    else:
        click.echo(f"customer {customer_id} is deleted")


def _confirm_delete(connection: Connection, customer_id: int) -> None:
    """Show the customer, and ask whether to delete."""
    if not sys.stdin.isatty():
        raise BadUsage("there is no terminal to confirm the delete on: add --yes")
    found: Customer = connection.call(lambda client: client.customers.get(customer_id))
    name = " ".join(part for part in (found.first_name, found.last_name) if part)
    who = printable(", ".join(part for part in (name, found.email) if part))
    if not click.confirm(f"Delete customer {customer_id} ({who}) at {connection.address}?", err=True):
        raise CommandFailed("nothing was deleted")


@customer.command(
    "convert",
    examples=(
        "printnow customer convert 99999 --username janesmith \\",
        "    --email jane@example.com --first-name Jane --last-name Smith",
    ),
)
@_id_argument
@account_options
@json_option
@connected
def _convert(connection: Connection, /, customer_id: int, as_json: bool, **fields: Any) -> None:  # noqa: FBT001
    """Make a temporary user a permanent account."""
    wanted = account(**fields)
    show_one(connection.call(lambda client: client.customers.convert(customer_id, wanted)), as_json=as_json)


@customer.command("transfer", examples=("printnow customer transfer 99999 --to 12345",))
@_id_argument
@destination_option
@json_option
@connected
def _transfer(connection: Connection, /, customer_id: int, destination: int, as_json: bool) -> None:  # noqa: FBT001
    """Move a guest's work to a permanent customer.

    The work is everything that a temporary user has: albums, projects, punchout sessions. Shows the permanent customer.
    """
    if destination == customer_id:
        raise click.UsageError("ID and --to are the same customer", click.get_current_context())
    moved = connection.call(lambda client: client.customers.transfer(customer_id, to=destination))
    show_one(moved, as_json=as_json)
