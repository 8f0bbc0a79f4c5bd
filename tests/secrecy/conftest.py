"""What every test of secrecy may use."""

from __future__ import annotations

import contextlib
import logging

import pytest


@pytest.fixture
def log(caplog):
    """Every record of every logger there is, the event loop's own about each step included."""
    with contextlib.ExitStack() as stack:
        names = [None, "asyncio", "backoff", *logging.root.manager.loggerDict]
        for name in names:
            stack.enter_context(caplog.at_level(logging.DEBUG, logger=name))
        yield caplog
