"""The options that several commands share: IDs, and the fields of an account."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import click

from printnow_async._checks import LARGEST_ID
from printnow_async.cli.failures import BadUsage
from printnow_async.cli.passwords import password, password_stdin_option
from printnow_async.models import NewAccount

__all__ = ["ID", "account", "account_options", "destination_option", "storefront_option", "values_checked"]

_F = TypeVar("_F", bound=Callable[..., Any])

ID: Final = click.IntRange(1, LARGEST_ID)
"""The type of an argument or option that is an ID of the API."""


storefront_option = click.option(
    "--storefront", "storefront_id", type=ID, required=True, metavar="ID", help="The storefront's ID."
)
destination_option = click.option(
    "--to", "destination", type=ID, required=True, metavar="ID", help="The permanent customer's ID."
)


def account_options(command: _F) -> _F:
    """Give a command the options for a `NewAccount`, as the arguments that `account` takes."""
    options = (
        click.option("--username", required=True, help="Login name, 3 to 50 characters."),
        click.option("--email", required=True, help="E-mail address."),
        click.option("--first-name", required=True, help="First name."),
        click.option("--last-name", required=True, help="Last name."),
        click.option("--company", help="Company."),
        click.option("--marketing/--no-marketing", help="Opt-in to marketing e-mails (default: no)."),
        password_stdin_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def values_checked() -> Generator[None, None, None]:
    """Inside the block, a field that breaks a rule is bad usage."""
    try:
        yield
    except ValueError as error:
        raise BadUsage(str(error)) from None


def account(*, from_stdin: bool, marketing: bool, **fields: Any) -> NewAccount:
    """Make the account of the options. The password is asked for last, or read from standard input."""
    with values_checked():
        # With a stand-in for the password, so that the other fields are checked before anybody types a password.
        NewAccount(password="x" * 6, **fields)
        return NewAccount(password=password(from_stdin=from_stdin), receive_marketing_emails=marketing, **fields)
