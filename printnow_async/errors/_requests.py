"""Errors for requests without a usable answer, and for writes that may have been applied."""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

from printnow_async.errors._base import Facts, PrintNowError, RequestError, Sent


class NoResponseError(RequestError):
    """No usable answer came; `sent` says whether the request may have been received."""

    def __init__(self, message: str, *, sent: Sent = Sent.MAYBE, **facts: Unpack[Facts]) -> None:
        super().__init__(message, **facts)
        self.sent = sent
        """`Sent.NEVER` or `Sent.MAYBE`."""

    def _facts(self) -> list[str]:
        return [f"sent: {self.sent.value}", *super()._facts()]


class ConnectError(NoResponseError):
    """No connection: name lookup, refused, TLS, or `Timeout.connect` ran out. Never sent."""


class DeadlineExceededError(NoResponseError):
    """`Timeout.total` ran out, waiting for a place, for a connection or for the answer."""


class ConnectionLostError(NoResponseError):
    """The connection broke, the answer was cut short, or `Timeout.attempt` ran out. Maybe sent."""


class OutcomeUnknownError(RequestError):
    """A write that may or may not have been applied, and no endpoint can tell.

    `__cause__` is the last failure. What a program needs to look for the customer is in the attributes; what to do
    next depends on the operation (docs: "Errors and what to do").
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        evidence: tuple[str, ...] = (),
        first_sent_at: datetime | None = None,
        last_sent_at: datetime | None = None,
        storefront_id: int | None = None,
        customer_id: int | None = None,
        username: str | None = None,
        **facts: Unpack[Facts],
    ) -> None:
        super().__init__(message, **facts)
        self.operation = operation
        """Which write, as "customers.create"."""
        self.evidence = evidence
        """What is known of each attempt, one line each, in order."""
        self.first_sent_at = first_sent_at
        """When the first attempt began that may have been sent: aware, UTC, by this machine's clock."""
        self.last_sent_at = last_sent_at
        """When the last attempt began that may have been sent: aware, UTC, by this machine's clock."""
        self.storefront_id = storefront_id
        """The storefront that the write named (creates)."""
        self.customer_id = customer_id
        """The customer that the write named (convert, update, delete; the temporary user of a transfer)."""
        self.username = username
        """The username that the write named (create, convert)."""

    def _text(self) -> str:
        return f"{super()._text()} {'; '.join(self.evidence)}".rstrip()


class InvalidResponseError(PrintNowError):
    """A 2xx whose body is not of the documented shape; a write so answered was most likely applied."""

    def __init__(
        self, message: str, *, path: str = "$", status: int = 200, operation: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.path = path
        """The field, as "$.tax_exempt"; "$" is the whole body."""
        self.status = status
        """The HTTP status of the answer."""
        self.operation = operation
        """Which call, as "customers.get"."""
        self.request_id = request_id
        """The ID that this client gave the call, sent as `X-Request-ID`."""

    def _text(self) -> str:
        return f"{self.path}: {self.message} [{self.operation}, status {self.status}, request {self.request_id}]"


class NotTemporaryError(PrintNowError):
    """The customer is permanent already, under another username than the one to convert to. Nothing was written.

    A PATCH would have overwritten its password and names (page "Customers", "Update Customer").
    """

    def __init__(self, message: str, *, customer_id: int = 0) -> None:
        super().__init__(message)
        self.customer_id = customer_id
        """The customer's ID."""


class PacerError(PrintNowError):
    """What paces the client failed (`Pacer`), so the call ended. `__cause__` is the pacer's own error."""

    def __init__(self, message: str, *, sent: Sent = Sent.NEVER) -> None:
        super().__init__(message)
        self.sent = sent
        """Whether an attempt of the call before may have been sent."""
