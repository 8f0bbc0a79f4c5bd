"""Fixtures for the tests of whoever uses this SDK: a running sandbox, and a client that talks to it.

pytest finds them once the package is installed. They need pytest-asyncio; without it only their use fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from typing import NoReturn

import pytest

from printnow_async.client import PrintNowClient
from printnow_async.sandbox.server import Sandbox

__all__ = ["printnow_client", "printnow_sandbox"]


def _unusable() -> NoReturn:
    """A fixture that needs pytest-asyncio, which is not installed."""
    raise pytest.UsageError("the fixtures of printnow_async need pytest-asyncio: pip install pytest-asyncio")


def _fixture(function: Callable[..., AsyncIterator[object]]) -> object:
    if find_spec("pytest_asyncio") is None:
        return pytest.fixture(_unusable)
    import pytest_asyncio

    return pytest_asyncio.fixture(function)


@_fixture
async def printnow_sandbox() -> AsyncIterator[Sandbox]:
    """A running `Sandbox` of this test alone."""
    async with Sandbox() as sandbox:
        yield sandbox


@_fixture
async def printnow_client(printnow_sandbox: Sandbox) -> AsyncIterator[PrintNowClient]:
    """A `PrintNowClient` that talks to `printnow_sandbox`, closed after the test."""
    sandbox = printnow_sandbox
    async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
        yield client
