"""How long, how often and how much at once: the options of a client, frozen and checked when made."""

from __future__ import annotations

import sys
from typing import Any

import attrs

from printnow_async.errors import ConfigurationError

__all__ = ["Limits", "RetryPolicy", "Timeout"]


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
    """Find the concurrency that the server takes by itself: not available yet, `ConfigurationError`."""

    def __attrs_post_init__(self) -> None:
        if self.adaptive:
            raise ConfigurationError(
                "Limits.adaptive is not available yet: set max_concurrency (and max_rate) to what the server takes"
            )
