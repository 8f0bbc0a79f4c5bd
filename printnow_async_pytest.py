"""The pytest plugin of printnow_async: fixtures for a running sandbox, and for a client that talks to the sandbox.

pytest loads this module in every run of every project that has the package installed. The module is therefore outside
the package, and imports the package only when a test uses a fixture. The fixtures need pytest-asyncio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from printnow_async.client import PrintNowClient
    from printnow_async.sandbox import Sandbox

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
    """A running `Sandbox` for one test."""
    from printnow_async.sandbox import Sandbox

    async with Sandbox() as sandbox:
        yield sandbox


@_fixture
async def printnow_client(printnow_sandbox: Sandbox) -> AsyncIterator[PrintNowClient]:
    """A `PrintNowClient` that talks to `printnow_sandbox`, and is closed after the test."""
    from printnow_async.client import PrintNowClient

    sandbox = printnow_sandbox
    async with PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
        yield client
