"""How long, how often and how much at once: the options of a client, frozen and checked when made."""

from __future__ import annotations

import sys
from typing import Any, Protocol, TypeGuard

import attrs

from printnow_async._checks import checked_count
from printnow_async.errors import ConfigurationError

__all__ = ["Limits", "LiveLimits", "RetryPolicy", "Timeout"]


def _seconds(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A finite number above 0, or None for no bound."""
    if value is not None and (not _is_number(value) or value <= 0):
        raise _wrong(instance, attribute, "a finite number above 0, or None", value)


def _delay(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not _is_number(value) or value < 0:
        raise _wrong(instance, attribute, "a finite number, 0 or more", value)


def _count(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    checked_count(value, f"{type(instance).__name__}.{attribute.name}", ConfigurationError)


def _flag(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise _wrong(instance, attribute, "True or False", value)


def _is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is a number that a timer can take: a whole number of Python may be too large for a float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < sys.float_info.max


def _wrong(instance: object, attribute: attrs.Attribute[Any], expected: str, value: object) -> ConfigurationError:
    return ConfigurationError(f"{type(instance).__name__}.{attribute.name} must be {expected}, not {value!r}")


@attrs.frozen
class Timeout:
    """How long a call may take. `None` switches a bound off. Wrong values are a `ConfigurationError`."""

    attempt: float | None = attrs.field(default=30.0, validator=_seconds)
    """Seconds for one attempt, from its place in the queue to the last byte of the answer."""
    connect: float | None = attrs.field(default=5.0, validator=_seconds)
    """Seconds for name lookup, TCP and TLS of one attempt."""
    total: float | None = attrs.field(default=120.0, validator=_seconds)
    """Seconds for the whole call: waiting for a place, every attempt, every pause, every read-back."""


@attrs.frozen
class RetryPolicy:
    """How often a call repeats and how long it pauses. What may repeat at all is a rule of each operation.

    Pauses are exponential with full jitter. `Retry-After` is honoured in full, with jitter on top.
    Wrong values are a `ConfigurationError`.
    """

    max_attempts: int = attrs.field(default=4, validator=_count)
    """Attempts in all, the first included."""
    base_delay: float = attrs.field(default=0.5, validator=_delay)
    """Seconds: the first pause is drawn from 0 to this, the second from 0 to twice this, and so on."""
    max_delay: float = attrs.field(default=20.0, validator=_delay)
    """Seconds that no drawn pause exceeds."""
    max_retry_after: float = attrs.field(default=120.0, validator=_delay)
    """Seconds: a longer `Retry-After` raises at once, with `retry_after` on the error."""
    repeat_temporary_creates: bool = attrs.field(default=False, validator=_flag)
    """Repeat an unanswered create of a temporary user too: it may leave an orphan nobody can delete."""

    @classmethod
    def none(cls) -> RetryPolicy:
        """A policy that never repeats anything."""
        return cls(max_attempts=1)


@attrs.frozen
class Limits:
    """How much a client has in flight at once, and how fast it starts. Wrong values are a `ConfigurationError`."""

    max_concurrency: int = attrs.field(default=16, validator=_count)
    """Calls in flight at once. Waiters are served first come, first served."""
    max_rate: float | None = attrs.field(default=None, validator=_seconds)
    """Requests started per second, repeats included, evenly spaced; None for no bound."""
    adaptive: bool = attrs.field(default=False, validator=_flag)
    """Find out, from 1 up to `max_concurrency`, how many calls in flight the server takes (docs: "Bulk work")."""


class _Gate(Protocol):
    """The part of a client's gate that `LiveLimits` shows."""

    @property
    def current(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def waiting(self) -> int: ...


class LiveLimits:
    """The limits of a client as they are at this moment: `client.limits`."""

    def __init__(self, limits: Limits, gate: _Gate) -> None:
        self._limits = limits
        self._gate = gate

    @property
    def max_concurrency(self) -> int:
        """Calls in flight at once, at most."""
        return self._limits.max_concurrency

    @property
    def max_rate(self) -> float | None:
        """Requests started per second, at most; None for no bound."""
        return self._limits.max_rate

    @property
    def adaptive(self) -> bool:
        """Whether `current` follows what the server takes."""
        return self._limits.adaptive

    @property
    def current(self) -> int:
        """Calls that may be in flight now: `max_concurrency`, or fewer with `adaptive`; 0 once the client is closed."""
        return self._gate.current

    @property
    def in_flight(self) -> int:
        """Calls that are in flight now."""
        return self._gate.in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait until they may be in flight."""
        return self._gate.waiting

    def __repr__(self) -> str:
        return f"LiveLimits(current={self.current}, in_flight={self.in_flight}, waiting={self.waiting})"
