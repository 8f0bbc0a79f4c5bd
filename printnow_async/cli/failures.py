"""What a person reads when a command fails: one line that ends with what to do, and an exit code."""

from __future__ import annotations

from typing import Final

import click

from printnow_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    CustomerNotFoundError,
    EmailInUseError,
    InvalidResponseError,
    LifecycleConflictError,
    LifecycleNotFoundError,
    NoResponseError,
    NotFoundError,
    NotTemporaryError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PrintNowError,
    RateLimitError,
    Sent,
    ServerError,
    TransitionError,
    UnexpectedStatusError,
    UsernameInUseError,
)

__all__ = [
    "BadUsage",
    "CommandFailed",
    "Halted",
    "Interrupted",
    "TrackerFailed",
    "advise",
    "explained",
    "report",
    "unknown_hint",
]

_ADVICE: Final = "printnow_async.cli.advice"
"""The key of `click.Context.meta` under which a command's own advice is kept."""


class CommandFailed(click.ClickException):
    """The line for standard error. Exit code 1: the API said no, no answer came, or an outcome is unknown."""


class BadUsage(CommandFailed):
    """Exit code 2: the command line or the configuration cannot work."""

    exit_code = 2


class Halted(CommandFailed):
    """Exit code 3: an import has ended early, because the other rows would have failed in the same way."""

    exit_code = 3


class Interrupted(CommandFailed):
    """Exit code 130: the user pressed Ctrl-C."""

    exit_code = 130


class TrackerFailed(PrintNowError):
    """The database of the tracker has failed."""


def explained(error: BaseException, *, debug: bool) -> CommandFailed:
    """Turn an error into one line: what happened, whether a write was applied, and what to do next."""
    match error:
        case KeyboardInterrupt():
            return Interrupted("interrupted")
        case ConfigurationError():
            return BadUsage(str(error))
        case PrintNowError():
            text, hint = str(error), _hint(error)
            stop = "." if hint and text[-1:].isalnum() else ""
            return CommandFailed(f"{text}{stop} {hint}".rstrip())
        case _:
            # The text of such an error comes from elsewhere and may hold a secret.
            advice = "please report it with the traceback" if debug else "run it again with --debug to see where"
            return CommandFailed(f"unexpected {type(error).__name__}: {advice}")


# ---------------------------------------------------------------- what to do about it

_HINTS: Final[tuple[tuple[type[PrintNowError], str], ...]] = (
    (
        AuthenticationError,
        "Check PRINTNOW_TOKEN and PRINTNOW_KEY: the pair must belong together, be active, and be licensed for this.",
    ),
    (PermissionDeniedError, "The API itself never answers 403: ask whoever runs the proxy or firewall on the way."),
    (CustomerNotFoundError, "Check the ID; a deleted customer is not found either."),
    (NotFoundError, "Check PRINTNOW_BASE_URL."),
    (ConflictError, "It exists already."),
    (UnexpectedStatusError, "Check PRINTNOW_BASE_URL: redirects are not followed."),
    (UsernameInUseError, "Choose another username."),
    (
        EmailInUseError,
        "Choose another e-mail address; a guest can be moved to the account with: printnow customer transfer.",
    ),
    (RateLimitError, "Nothing was applied: wait, then run it again."),
    (ServerError, "Run it again later."),
    (ConnectError, "Check the network and PRINTNOW_BASE_URL, then run it again."),
    (NotTemporaryError, "To change a permanent account use: printnow customer update."),
    (InvalidResponseError, "Check PRINTNOW_BASE_URL; a write answered like this was most likely applied."),
    (LifecycleNotFoundError, "Check the reference and the tracker; a guest begins with: printnow guest start."),
    (LifecycleConflictError, "See: printnow guest show. A step that another process holds is free again after 15 s."),
    (TransitionError, "See: printnow guest show."),
    (TrackerFailed, "Check the tracker."),
)
"""What to do about an error: the first class that fits counts."""

_UNKNOWN: Final = {
    "customers.create": "look for the username in the storefront before you create it again",
    "customers.create_temporary": "running it again is safe, but may leave an unused guest behind",
    "customers.update": "running it again is safe: it sets the same values",
    "customers.delete": "running it again is safe: a customer that is gone is then reported as not found",
    "customers.convert": "running it again is safe: it reads the customer before it writes",
    "customers.transfer": "running it again to the same account is safe",
    "webhooks.subscribe": "running it again is safe: a target URL that is registered already is refused",
    "webhooks.unsubscribe": "running it again is safe: a subscription that is gone is then reported as not found",
}


def advise(cls: type[PrintNowError], advice: str) -> None:
    """Say for the command that runs now what to do about an error of this class.

    The advice is a sentence. For `OutcomeUnknownError` it is the part after "It may have been applied:", without a full
    stop.
    """
    click.get_current_context().meta.setdefault(_ADVICE, {})[cls] = advice


def _advice(cls: type[PrintNowError]) -> str | None:
    context = click.get_current_context(silent=True)
    found: dict[type[PrintNowError], str] = {} if context is None else context.meta.get(_ADVICE, {})
    return found.get(cls)


def _hint(error: PrintNowError) -> str:
    if isinstance(error, OutcomeUnknownError):
        return unknown_hint(error.operation)
    for cls, hint in _HINTS:
        if isinstance(error, cls):
            return _advice(cls) or hint
    if isinstance(error, NoResponseError):
        applied = "Nothing was sent" if error.sent is Sent.NEVER else "Nothing was changed"
        return f"{applied}: run it again."
    return ""


def unknown_hint(operation: str) -> str:
    """Say what to do about a write that may have been applied or not."""
    advice = _advice(OutcomeUnknownError) or _UNKNOWN.get(operation, "look before you repeat it")
    return f"It may have been applied: {advice}."


# ---------------------------------------------------------------- the way out

_NOT_AN_OPTION: Final = {
    "--password": "A password is never an argument: leave it out to be asked, or use --password-stdin.",
    "--token": "Credentials are never arguments: set PRINTNOW_TOKEN and PRINTNOW_KEY, or use --env-file.",
    "--key": "Credentials are never arguments: set PRINTNOW_TOKEN and PRINTNOW_KEY, or use --env-file.",
    "--base-url": "Set PRINTNOW_BASE_URL, or use --env-file.",
}


def report(error: click.ClickException) -> int:
    """Write an error to standard error in one line, and give its exit code."""
    line = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError):
        line = f"{line.rstrip('.')}. {_usage_hint(error)}"
    click.echo(f"printnow: {line}", err=True)
    return error.exit_code


def _usage_hint(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption) and error.option_name in _NOT_AN_OPTION:
        return _NOT_AN_OPTION[error.option_name]
    path = error.ctx.command_path if error.ctx is not None else "printnow"
    return f"See: {path} --help"
