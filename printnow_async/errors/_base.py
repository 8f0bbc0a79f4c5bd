"""The base classes of all errors: one line of text, pickling, and the facts of a request."""

from __future__ import annotations

import enum
from typing import Any, Final, TypedDict

MESSAGE_LIMIT: Final = 200
"""Characters of a server's message that an error keeps in its text; the body is kept apart."""


class Sent(enum.StrEnum):
    """Whether a request may have left this process: the evidence that a repeat has to respect."""

    NEVER = "never"
    """There is proof that no byte of the request was handed to the network."""
    MAYBE = "maybe"
    """There is no such proof: the server may have received and applied the request."""


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


class Facts(TypedDict, total=False):
    """What `RequestError` takes, for the classes below it."""

    method: str
    path: str
    attempts: int
    elapsed: float
    request_id: str


class RequestError(PrintNowError):
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
        """The ID that this client gave the call, sent as `X-Request-ID` with every attempt."""

    def _facts(self) -> list[str]:
        attempts = f"{self.attempts} attempts" if self.attempts != 1 else ""
        request = f"request {self.request_id}" if self.request_id else ""
        facts = (f"{self.method} {self.path}".strip(), attempts, f"{self.elapsed:.2f} s", request)
        return [fact for fact in facts if fact]

    def _text(self) -> str:
        return f"{self.message} [{', '.join(self._facts())}]"
