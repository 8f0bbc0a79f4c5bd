"""What a resource is given to send its requests with, and the one that a client gives."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import attrs

from printnow_async._http.call import Call
from printnow_async._http.rules import Rule
from printnow_async._http.shared import Shared
from printnow_async._http.wire import Endpoint, Request
from printnow_async.options import RetryPolicy, Timeout

T = TypeVar("T")


class Asker(Protocol):
    """What a resource sends the requests of one operation through."""

    async def send(self, request: Request, rule: Rule[T]) -> T:
        """What `rule` reads in the answer to `request`; anything but a success is raised."""
        ...


class Caller(Protocol):
    """What a resource is given. A fake one is ten lines."""

    def operation(self, endpoint: Endpoint) -> AbstractContextManager[Asker]:
        """Begin one call of this endpoint's operation."""
        ...


@attrs.frozen(eq=False, repr=False)
class HTTPCaller:
    """The `Caller` of a client: what it shares, under its own timeout, retry policy and headers."""

    shared: Shared
    timeout: Timeout
    retry: RetryPolicy
    headers: Mapping[str, str] = attrs.field(repr=False)

    def operation(self, endpoint: Endpoint) -> Call:
        """Begin one call. `ConfigurationError` when the client is closed or belongs to another event loop."""
        self.shared.check_usable()
        return Call(self.shared, endpoint, self.timeout, self.retry, self.headers)
