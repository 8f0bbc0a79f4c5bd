"""Errors for answers that are not success, and which class stands for which status."""

from __future__ import annotations

from typing import Final, Unpack

from printnow_async.errors._base import Facts, RequestError


class APIError(RequestError):
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
        explained: bool = True,
        **facts: Unpack[Facts],
    ) -> None:
        super().__init__(message, **facts)
        self.status = status
        """The HTTP status, as the server sent it."""
        self.body = body
        """The first 64 KiB of the answer's body, with our own secrets taken out."""
        self.retry_after = retry_after
        """Seconds the server asked us to wait; None when it did not say."""
        self.explained = explained
        """Whether the server gave a message; False where `message` is only the name of the status."""

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
    """403: the vendor does not document this status, so it comes from a proxy or firewall on the way."""


class NotFoundError(APIError):
    """404: there is nothing under this path."""


class CustomerNotFoundError(NotFoundError):
    """404 "Customer not found.": no active customer with this ID exists."""


class ConflictError(APIError):
    """409: what the request was to make exists already."""


class RateLimitError(APIError):
    """429: refused before it was applied, for load. `retry_after` says how long to wait, when known."""


class ServerError(APIError):
    """5xx: the server failed. The server may have applied the request all the same."""


class UnexpectedStatusError(APIError):
    """Any other status that is not success. Redirects are among these statuses: they are never followed."""


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
