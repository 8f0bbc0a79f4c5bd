"""The SDK's log lines: unheard, so that an error stays one line, or with `--debug` on standard error."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator
from typing import Final

__all__ = ["heard", "unheard"]

_LOGGER: Final = logging.getLogger("printnow_async")


@contextlib.contextmanager
def unheard() -> Generator[None, None, None]:
    """While this lasts, warnings of which nobody takes notice do not go to standard error by themselves."""
    with _handler(logging.NullHandler()):
        yield


@contextlib.contextmanager
def heard() -> Generator[None, None, None]:
    """While this lasts, every attempt and every call is told on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("printnow: %(message)s"))
    level = _LOGGER.level
    _LOGGER.setLevel(logging.DEBUG)
    try:
        with _handler(handler):
            yield
    finally:
        _LOGGER.setLevel(level)


@contextlib.contextmanager
def _handler(handler: logging.Handler) -> Generator[None, None, None]:
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
