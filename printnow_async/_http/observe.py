"""Telling observers how attempts and calls ended; standard logging is one of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from printnow_async._http.wire import NoAnswer, RawResponse, Request
from printnow_async.errors import ConfigurationError, Sent
from printnow_async.events import AttemptEvent, CallEvent, Observer

logger = logging.getLogger("printnow_async")
logger.addHandler(logging.NullHandler())  # a program that has set up no logging is not written to


def log_event(event: AttemptEvent | CallEvent) -> None:
    """Each attempt and call at DEBUG, each attempt that will be repeated at WARNING. No body, header or password."""
    if isinstance(event, CallEvent):
        logger.debug(
            "%s %s after %d attempt(s) in %.3f s [request %s]",
            event.operation,
            f"failed with {event.failure}" if event.failure else "done",
            event.attempts,
            event.elapsed,
            event.request_id,
        )
        return
    logger.log(
        logging.DEBUG if event.pause is None else logging.WARNING,
        "%s attempt %d: %s %s -> %s in %.3f s, sent: %s%s [request %s]",
        event.operation,
        event.attempt,
        event.method,
        event.route,
        event.failure if event.status is None else event.status,
        event.elapsed,
        event.sent.value,
        "" if event.pause is None else f", again in {event.pause:.2f} s",
        event.request_id,
    )


class Observers:
    """The callables that receive events, logging among them."""

    __slots__ = ("_observers",)

    def __init__(self, observers: Iterable[Observer]) -> None:
        if not isinstance(observers, Iterable):
            raise ConfigurationError(f"observers must be a list of callables, not {type(observers).__name__}")
        self._observers = tuple(observers)
        for observer in self._observers:
            if not callable(observer):
                raise ConfigurationError(f"an observer must be callable, not {type(observer).__name__}")

    @property
    def interested(self) -> bool:
        """Whether anyone wants to hear of what goes well."""
        return bool(self._observers) or logger.isEnabledFor(logging.DEBUG)

    def emit(self, event: AttemptEvent | CallEvent) -> None:
        """Hand the event to everyone. An observer that raises is logged and ignored."""
        log_event(event)
        for observer in self._observers:
            try:
                observer(event)
            except Exception:
                logger.exception("an observer failed on %s and is ignored", type(event).__name__)


def attempt_event(
    operation: str,
    request: Request,
    outcome: RawResponse | NoAnswer,
    *,
    number: int,
    elapsed: float,
    pause: float | None,
    limit: int,
) -> AttemptEvent:
    """The event for an attempt that ended in `outcome`: the `number`-th of its call, after `elapsed` seconds."""
    status, failure, sent = None, None, Sent.MAYBE
    if isinstance(outcome, RawResponse):
        status = outcome.status
    else:
        failure, sent = outcome.cause, outcome.sent
    method, route, request_id = request.endpoint.method, request.endpoint.route, request.request_id
    return AttemptEvent(operation, method, route, number, status, failure, sent, elapsed, pause, request_id, limit)
