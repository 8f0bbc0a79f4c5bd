"""The faults that a sandbox can make: what goes wrong with a request or with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from printnow_async.sandbox.arguments import number, require, whole

__all__ = ["Fault", "FaultName"]

FaultName: TypeAlias = Literal[
    "status", "latency", "drop", "apply_then_drop", "apply_then_status", "truncate", "garbage"
]
"""The name of the class method that makes a fault."""

NOT_APPLIED: frozenset[FaultName] = frozenset({"status", "drop"})

HTML_PAGE = b"<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that goes wrong with a request. The class methods make a fault; `ValueError` for bad arguments.

    `status` and `drop` do not carry the request out. All other faults carry the request out all the same.
    """

    name: FaultName
    """The name of the class method that made the fault."""
    code: int = 0
    """The HTTP status of the answer; 0 where the fault does not set the status."""
    seconds: float = 0.0
    """How long `latency` waits."""
    after: bool = False
    """Whether `latency` waits between applying and answering, instead of before applying."""
    reset: bool = False
    """Whether the connection ends with a reset (RST) instead of an orderly close (FIN)."""
    retry_after: float | None = None
    """The seconds of the header `Retry-After`; None for no such header."""
    http_date: bool = False
    """Whether `Retry-After` is written as an HTTP date."""
    body: bytes | None = None
    """The body of the answer; None for an error in the form that the sandbox was made with."""
    content_type: str | None = None
    """The answer's Content-Type; None for text/plain, or for that of the sandbox's errors."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers of the answer, such as `Location`."""

    @property
    def applies(self) -> bool:
        """Whether the request is carried out all the same."""
        return self.name not in NOT_APPLIED

    @classmethod
    def status(
        cls,
        status: int,
        retry_after: float | None = None,
        *,
        http_date: bool = False,
        body: str | bytes | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        """Answer `status` (200 to 599) without applying the request.

        `retry_after` is in whole seconds. With `http_date` the header is a date, rounded up to the next whole second,
        and `retry_after` may be a fraction. Without a body the answer is an error in the form that the sandbox was
        made with.
        """
        fault = cls._answering("status", status, retry_after, body, content_type, http_date=http_date)
        return attrs.evolve(fault, headers=tuple((headers or {}).items()))

    @classmethod
    def latency(cls, seconds: float, *, after: bool = False) -> Fault:
        """Wait `seconds` before applying the request, or (`after`) between applying and answering it."""
        require("seconds", seconds, "a number, 0 or more", holds=number(seconds) and seconds >= 0)
        return cls(name="latency", seconds=seconds, after=after)

    @classmethod
    def drop(cls, *, reset: bool = False) -> Fault:
        """Close the connection without applying the request or answering: a FIN, or with `reset` an RST."""
        return cls(name="drop", reset=reset)

    @classmethod
    def apply_then_drop(cls, *, reset: bool = False) -> Fault:
        """Apply the request, then close the connection without an answer: a FIN, or with `reset` an RST."""
        return cls(name="apply_then_drop", reset=reset)

    @classmethod
    def apply_then_status(cls, status: int, retry_after: float | None = None, body: str | bytes | None = None) -> Fault:
        """Apply the request, then answer `status` (200 to 599), as a gateway does that gave up waiting."""
        return cls._answering("apply_then_status", status, retry_after, body, None)

    @classmethod
    def truncate(cls) -> Fault:
        """Apply the request, then close in the middle of the answer's body, or of its headers without a body."""
        return cls(name="truncate")

    @classmethod
    def garbage(cls, body: str | bytes = HTML_PAGE, content_type: str = "text/html", status: int = 200) -> Fault:
        """Apply the request, then answer with `body` instead of the JSON."""
        return cls._answering("garbage", status, None, body, content_type)

    @classmethod
    def _answering(
        cls,
        name: FaultName,
        status: int,
        retry_after: float | None,
        body: str | bytes | None,
        content_type: str | None,
        *,
        http_date: bool = False,
    ) -> Fault:
        is_status = whole(status) and 200 <= status <= 599
        require("status", status, "a whole number from 200 to 599", holds=is_status)
        if retry_after is None:
            require("http_date", http_date, "left out when there is no retry_after", holds=not http_date)
        else:
            is_wait = number(retry_after) and retry_after >= 0
            require("retry_after", retry_after, "a number, 0 or more", holds=is_wait)
            is_writable = http_date or retry_after == int(retry_after)
            require("retry_after", retry_after, "whole seconds unless http_date is set", holds=is_writable)
        sent = body.encode() if isinstance(body, str) else body
        return cls(
            name=name, code=status, retry_after=retry_after, http_date=http_date, body=sent, content_type=content_type
        )
