"""How long, how often and how much at once: the options of a client, frozen and checked when made."""

from __future__ import annotations

import sys
from typing import Any, Protocol

import attrs

from printnow_async.errors import ConfigurationError

__all__ = ["Limits", "LiveLimits", "RetryPolicy", "Timeout"]


def _number(owner: str, attribute: attrs.Attribute[Any], value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < sys.float_info.max:
        raise ConfigurationError(f"{owner}.{attribute.name} must be a finite number, not {value!r}")
    return value


def _positive(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    owner = type(instance).__name__
    if _number(owner, attribute, value) <= 0:
        raise ConfigurationError(f"{owner}.{attribute.name} must be above 0, not {value!r}")


def _positive_or_none(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        _positive(instance, attribute, value)


def _not_negative(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    owner = type(instance).__name__
    if _number(owner, attribute, value) < 0:
        raise ConfigurationError(f"{owner}.{attribute.name} must be 0 or more, not {value!r}")


def _count(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        owner = type(instance).__name__
        raise ConfigurationError(f"{owner}.{attribute.name} must be a whole number, at least 1, not {value!r}")


def _flag(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        owner = type(instance).__name__
        raise ConfigurationError(f"{owner}.{attribute.name} must be True or False, not {value!r}")


@attrs.frozen(kw_only=False)
class Timeout:
    """How long a call may take. `None` switches a bound off. Wrong values are a `ConfigurationError`."""

    attempt: float | None = attrs.field(default=30.0, validator=_positive_or_none)
    """Seconds for one attempt, from its place in the queue to the last byte of the answer."""
    connect: float | None = attrs.field(default=5.0, validator=_positive_or_none)
    """Seconds for name lookup, TCP and TLS of one attempt."""
    total: float | None = attrs.field(default=120.0, validator=_positive_or_none)
    """Seconds for the whole call: waiting for a place, every attempt, every pause, every read-back."""


@attrs.frozen
class RetryPolicy:
    """How often a call repeats and how long it pauses. What may repeat at all is a rule of each operation.

    Pauses are exponential with full jitter. `Retry-After` is honoured in full, with jitter on top.
    Wrong values are a `ConfigurationError`.
    """

    max_attempts: int = attrs.field(default=4, validator=_count)
    """Attempts in all, the first included."""
    base_delay: float = attrs.field(default=0.5, validator=_not_negative)
    """Seconds: the first pause is drawn from 0 to this, the second from 0 to twice this, and so on."""
    max_delay: float = attrs.field(default=20.0, validator=_not_negative)
    """Seconds that no drawn pause exceeds."""
    max_retry_after: float = attrs.field(default=120.0, validator=_not_negative)
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
    max_rate: float | None = attrs.field(default=None, validator=_positive_or_none)
    """Requests started per second, repeats included, evenly spaced; None for no bound."""
    adaptive: bool = attrs.field(default=False, validator=_flag)
    """Find out, from 1 up to `max_concurrency`, how many calls in flight the server takes (docs: "Bulk work")."""


class _Gate(Protocol):
    """What is there to be seen of a client's gate."""

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
        """Calls that may be in flight now: `max_concurrency`, or what was found out; 0 once the client is closed."""
        return self._gate.current

    @property
    def in_flight(self) -> int:
        """Calls that hold a place."""
        return self._gate.in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait for one."""
        return self._gate.waiting

    def __repr__(self) -> str:
        return f"LiveLimits(current={self.current}, in_flight={self.in_flight}, waiting={self.waiting})"
