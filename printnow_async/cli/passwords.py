"""Asking for a password: typed on a terminal without echo, or one line of standard input. Never an argument."""

from __future__ import annotations

import sys

import click

from printnow_async.cli.failures import BadUsage
from printnow_async.cli.secrecy import remember_secret

__all__ = ["password", "password_stdin_option"]

password_stdin_option = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Read the password from one line of standard input."
)


def password(*, from_stdin: bool) -> str:
    """Ask for the password twice on a terminal, or take the first line of standard input without its line end."""
    if sys.stdin.isatty():
        given: str = click.prompt("Password", hide_input=True, confirmation_prompt="Password, once more", err=True)
    elif from_stdin:
        given = _first_line()
    else:
        raise BadUsage("there is no terminal to ask for the password: pass it with --password-stdin")
    remember_secret(given)
    return given


def _first_line() -> str:
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError:
        raise BadUsage("the password on standard input is not text in this terminal's encoding") from None
    line = line.removesuffix("\n").removesuffix("\r")
    if not line:
        raise BadUsage("there is no password on standard input: its first line is empty")
    return line
