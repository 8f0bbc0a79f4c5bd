"""Every error this package raises.

    PrintNowError
    ├── ConfigurationError          wrong options or use of the client; also a ValueError
    ├── APIError                    an answer that is not success
    │   ├── BadRequestError         400
    │   │   ├── UsernameInUseError
    │   │   └── EmailInUseError
    │   ├── AuthenticationError     401
    │   ├── PermissionDeniedError   403
    │   ├── NotFoundError           404
    │   │   └── CustomerNotFoundError
    │   ├── ConflictError           409
    │   ├── RateLimitError          429
    │   ├── ServerError             5xx
    │   └── UnexpectedStatusError   anything else, redirects included (never followed)
    ├── NoResponseError             no usable answer; `sent` says whether the request may have left
    │   ├── ConnectError            never sent: name lookup, refused, TLS, connect timeout
    │   ├── DeadlineExceededError   Timeout.total ran out; `sent` says which
    │   └── ConnectionLostError     maybe sent: reset, truncated, attempt timeout
    ├── OutcomeUnknownError         a write that may or may not have been applied
    ├── InvalidResponseError        a 2xx that is not of the documented shape
    ├── NotTemporaryError           the customer is permanent already, under another name than ours
    └── LifecycleError
        ├── TransitionError         not allowed from this state
        ├── LifecycleConflictError  another intent is recorded, or another process holds the step
        └── LifecycleNotFoundError  no guest is tracked under this reference

All survive pickling with their attributes (and their cause, if one of these), print in one line, hold no secret.
"""

from __future__ import annotations

import enum
from typing import Any, Final, TypedDict, Unpack

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "ConnectionLostError",
    "CustomerNotFoundError",
    "DeadlineExceededError",
    "EmailInUseError",
    "InvalidResponseError",
    "LifecycleConflictError",
    "LifecycleError",
    "LifecycleNotFoundError",
    "NoResponseError",
    "NotFoundError",
    "NotTemporaryError",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "PrintNowError",
    "RateLimitError",
    "Sent",
    "ServerError",
    "TransitionError",
    "UnexpectedStatusError",
    "UsernameInUseError",
    "status_error_class",
]

MESSAGE_LIMIT: Final = 200
"""Characters of a server's message that an error keeps in its text; the body is kept apart."""


class Sent(enum.StrEnum):
    """Whether a request may have left this process: the evidence that a repeat has to respect."""

    NEVER = "never"
    """Proof that no byte of the request was handed to the network."""
    MAYBE = "maybe"
    """No such proof: the server may have received and applied it."""


def one_line(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """`text` with every run of white space and control characters as one space, at most `limit` characters."""
    words = "".join(ch if ch.isprintable() else " " for ch in text[: 4 * limit]).split()
    line = " ".join(words)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _restore(
    cls: type[PrintNowError], args: tuple[Any, ...], state: dict[str, Any], cause: BaseException | None
) -> PrintNowError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    error.__cause__ = cause
    return error


class PrintNowError(Exception):
    """The root of this package's errors. Its text is one line and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return one_line(self._text(), 4 * MESSAGE_LIMIT)

    def _text(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        cause = self.__cause__ if isinstance(self.__cause__, PrintNowError) else None
        return _restore, (type(self), self.args, self.__dict__.copy(), cause)


class ConfigurationError(PrintNowError, ValueError):
    """Options that cannot work, or use after close or from another event loop. It is a `ValueError` too."""


class _Facts(TypedDict, total=False):
    """What `_RequestError` takes, for the classes below it."""

    method: str
    path: str
    attempts: int
    elapsed: float
    request_id: str


class _RequestError(PrintNowError):
    """What every error about one request knows."""

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        attempts: int = 1,
        elapsed: float = 0.0,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.method = method
        """The HTTP method."""
        self.path = path
        """The path of the URL, as "/api/v2/customer/12345"."""
        self.attempts = attempts
        """How many attempts the call made in all."""
        self.elapsed = elapsed
        """Seconds from the start of the call, waiting included."""
        self.request_id = request_id
        """Ours, sent as `X-Request-ID` with every attempt of the call."""

    def _facts(self) -> list[str]:
        attempts = f"{self.attempts} attempts" if self.attempts != 1 else ""
        request = f"request {self.request_id}" if self.request_id else ""
        facts = (f"{self.method} {self.path}".strip(), attempts, f"{self.elapsed:.2f} s", request)
        return [fact for fact in facts if fact]

    def _text(self) -> str:
        return f"{self.message} [{', '.join(self._facts())}]"


class APIError(_RequestError):
    """The server answered, and the answer is not success.

    Source of codes and messages: vendor's page "Customers", "Error Responses". The body's form is not documented.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        body: bytes = b"",
        retry_after: float | None = None,
        **facts: Unpack[_Facts],
    ) -> None:
        super().__init__(message, **facts)
        self.status = status
        """The HTTP status, as the server sent it."""
        self.body = body
        """The first 64 KiB of the answer's body, with our own secrets taken out."""
        self.retry_after = retry_after
        """Seconds the server asked us to wait; None when it did not say."""

    def _facts(self) -> list[str]:
        facts = [f"status {self.status}", *super()._facts()]
        if self.retry_after is not None:
            facts.append(f"retry after {self.retry_after:g} s")
        return facts


class BadRequestError(APIError):
    """400: the request was refused as it is; sending it again gives the same answer."""


class UsernameInUseError(BadRequestError):
    """400 "Username is already in use.": taken on this storefront (create or convert)."""


class EmailInUseError(BadRequestError):
    """400 "Email address is already in use.": taken on this storefront (create or convert)."""


class AuthenticationError(APIError):
    """401: credentials missing, wrong, inactive or without the licence tier (page "Authentication")."""


class PermissionDeniedError(APIError):
    """403: not documented by the vendor, so from a proxy or firewall on the way."""


class NotFoundError(APIError):
    """404: nothing under this path."""


class CustomerNotFoundError(NotFoundError):
    """404 "Customer not found.": no active customer with this ID exists."""


class ConflictError(APIError):
    """409: what is to be made exists already."""


class RateLimitError(APIError):
    """429: refused before it was applied, for load. `retry_after` says how long to wait, when known."""


class ServerError(APIError):
    """5xx: the server failed, and cannot be relied on to have applied nothing."""


class UnexpectedStatusError(APIError):
    """A status no rule speaks of, redirects included: they are never followed."""


class NoResponseError(_RequestError):
    """No usable answer came; `sent` says whether the request may have been received."""

    def __init__(self, message: str, *, sent: Sent = Sent.MAYBE, **facts: Unpack[_Facts]) -> None:
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


class OutcomeUnknownError(_RequestError):
    """A write that may or may not have been applied, and no endpoint can tell.

    `__cause__` is the last failure. What to do next: look the customer up by other means, or do it again later.
    """

    def __init__(
        self, message: str, *, operation: str = "", evidence: tuple[str, ...] = (), **facts: Unpack[_Facts]
    ) -> None:
        super().__init__(message, **facts)
        self.operation = operation
        """Which write, as "customers.create"."""
        self.evidence = evidence
        """What is known of each attempt, one line each, in order."""

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
        """Ours, sent as `X-Request-ID`."""

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


class LifecycleError(PrintNowError):
    """Something about a tracked guest; `reference` names it."""

    def __init__(self, message: str, *, reference: str = "") -> None:
        super().__init__(message)
        self.reference = reference
        """The caller's own name for the guest, as "cart-7f3a"."""


class TransitionError(LifecycleError):
    """The move is not allowed from the state the guest is in."""


class LifecycleConflictError(LifecycleError):
    """Another intent is already recorded for this guest, or another process holds the step."""


class LifecycleNotFoundError(LifecycleError):
    """No guest is tracked under this reference."""


_BY_STATUS: Final[dict[int, type[APIError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
}


def status_error_class(status: int) -> type[APIError]:
    """The class of error for an answer with this HTTP status: the table of the module's docstring."""
    if 500 <= status <= 599:
        return ServerError
    return _BY_STATUS.get(status, UnexpectedStatusError)
