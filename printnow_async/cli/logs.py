"""The log lines of the SDK: hidden, so that an error stays one line, or with `--debug` on standard error."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator
from typing import Final

__all__ = ["heard", "unheard"]

_LOGGER: Final = logging.getLogger("printnow_async")


@contextlib.contextmanager
def unheard() -> Generator[None, None, None]:
    """Inside the block, keep the SDK's warnings off standard error, where `logging` writes them by default."""
    with _handler(logging.NullHandler()):
        yield


@contextlib.contextmanager
def heard() -> Generator[None, None, None]:
    """Inside the block, write a line for every attempt and every call to standard error."""
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
