"""From the environment to a client: the credentials, the address, and one call that Ctrl-C can interrupt."""

from __future__ import annotations

import asyncio
import base64
import functools
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

import attrs
import click

from printnow_async._settings import DEFAULT_BASE_URL
from printnow_async.cli.envfile import read_env_file
from printnow_async.cli.failures import BadUsage, Interrupted, unknown_hint
from printnow_async.cli.secrecy import remember_secret
from printnow_async.client import PrintNowClient
from printnow_async.errors import Sent
from printnow_async.events import AttemptEvent, CallEvent

__all__ = ["Connection", "connected", "env_file_option", "variables"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_TOKEN_VARIABLE: Final = "PRINTNOW_TOKEN"  # noqa: S105 - its name, not its value
_KEY_VARIABLE: Final = "PRINTNOW_KEY"
_BASE_URL_VARIABLE: Final = "PRINTNOW_BASE_URL"


@attrs.frozen
class Connection:
    """The address of the API and the credentials for it."""

    token: str = attrs.field(repr=False)
    """The API token."""
    key: str = attrs.field(repr=False)
    """The API key."""
    base_url: str | None
    """The address; None for the default of the SDK."""

    @property
    def address(self) -> str:
        """The address, or the default of the SDK."""
        return self.base_url or DEFAULT_BASE_URL

    @classmethod
    def found(cls, env_file: Path | None) -> Self:
        """Read the credentials and the address as `variables` does. Missing credentials are bad usage."""
        values = variables((_TOKEN_VARIABLE, _KEY_VARIABLE, _BASE_URL_VARIABLE), env_file)
        missing = [name for name in (_TOKEN_VARIABLE, _KEY_VARIABLE) if name not in values]
        if missing:
            is_are = "is" if len(missing) == 1 else "are"
            raise BadUsage(
                f"{' and '.join(missing)} {is_are} not set: export them, or name a file that has them with --env-file"
            )
        token, key = values[_TOKEN_VARIABLE], values[_KEY_VARIABLE]
        for secret in (token, key, base64.b64encode(f"{token}:{key}".encode()).decode()):
            remember_secret(secret)
        return cls(token, key, values.get(_BASE_URL_VARIABLE))

    def client(self, **options: Any) -> PrintNowClient:
        """Make a client with these credentials. Takes the other options of `PrintNowClient`."""
        return PrintNowClient(self.token, self.key, base_url=self.base_url, **options)

    def call(self, operation: Callable[[PrintNowClient], Awaitable[_R]]) -> _R:
        """Run one operation on a new client in a new event loop.

        Ctrl-C raises `Interrupted`, whose message says whether a write may have been applied.
        """
        writes = _WriteWatcher()

        async def run() -> _R:
            async with self.client(observers=(writes,)) as client:
                return await operation(client)

        try:
            return asyncio.run(run())
        except KeyboardInterrupt:
            raise Interrupted(writes.interrupted()) from None


class _WriteWatcher:
    """An observer that remembers the last write that may have been applied."""

    def __init__(self) -> None:
        self._operation: str | None = None

    def __call__(self, event: AttemptEvent | CallEvent) -> None:
        if isinstance(event, AttemptEvent) and event.method != "GET" and event.sent is Sent.MAYBE:
            refused = event.status is not None and 300 <= event.status < 500 and event.status != 408
            if not refused:
                self._operation = event.operation

    def interrupted(self) -> str:
        if self._operation is None:
            return "interrupted; nothing was changed"
        return f"interrupted after {self._operation} was sent. {unknown_hint(self._operation)}"


def variables(names: Iterable[str], env_file: Path | None) -> dict[str, str]:
    """Read variables from the environment and the file. Where both set a variable, the environment wins.

    An empty variable counts as not set. A note on standard error tells of a value in the file that is not used, because
    the credentials of one storefront may otherwise go to another without notice.
    """
    in_file = read_env_file(env_file) if env_file is not None else {}
    values: dict[str, str] = {}
    for name in names:
        here, there = os.environ.get(name, ""), in_file.get(name, "")
        if here and there and here != there:
            click.echo(f"printnow: note: {name} is taken from the environment, not from {env_file}", err=True)
        if here or there:
            values[name] = here or there
    return values


env_file_option = click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Lines PRINTNOW_TOKEN=…, PRINTNOW_KEY=…, PRINTNOW_BASE_URL=…; the environment wins over them.",
)


def connected(command: Callable[Concatenate[Connection, _P], _R]) -> Callable[..., _R]:
    """Give a command the option `--env-file`, and as its first argument the `Connection`."""

    @env_file_option
    @functools.wraps(command)
    def with_connection(env_file: Path | None, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return command(Connection.found(env_file), *args, **kwargs)

    return with_connection
