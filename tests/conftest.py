"""Fixtures and settings every test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses
from aioresponses.core import RequestMatch
from coverage import Coverage
from hypothesis import settings

from tests.support.scale import SHORT, at_scale
from tests.support.stores import fresh_postgres, postgres, tracker_url  # noqa: F401 - fixtures for every test

# No deadline: how long one example takes on a busy machine says nothing. In CI the same examples every time.
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=os.environ.get("CI", "").lower() in {"1", "true"},
    max_examples=at_scale(100),
    print_blob=True,
)
settings.load_profile("ci")


def pytest_configure() -> None:
    """Hear Ctrl-C. A shell that runs the tests in the background has it ignored, by the processes of the tests too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the heaviest tests, so that no core waits for them at the end; in a short run leave out some tests."""
    items.sort(key=lambda item: sum(mark.args[0] for mark in item.iter_markers("heavy")), reverse=True)
    if SHORT and (left_out := [item for item in items if item.get_closest_marker("once")]):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _heavy_tests_are_not_measured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Suspend coverage for a heavy test and the processes that it starts."""
    measuring = Coverage.current() if request.node.get_closest_marker("heavy") else None
    if measuring is None:
        yield
        return
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)
    measuring.stop()
    yield
    measuring.start()


@pytest.fixture(scope="session", autouse=True)
def _no_credentials_of_the_developer() -> Iterator[None]:
    """Take a real storefront's variables out of the environment: no test may reach one."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PRINTNOW_TOKEN", "PRINTNOW_KEY", "PRINTNOW_BASE_URL"):
            patch.delenv(name, raising=False)
        yield


def _with_stream_writer(build_response: Callable[..., ClientResponse]) -> Callable[..., ClientResponse]:
    """Give the response class that aioresponses calls the argument it does not know of."""

    @wraps(build_response)
    def build(
        self: RequestMatch,
        *args: Any,
        response_class: Callable[..., ClientResponse] | None = None,
        **kwargs: Any,
    ) -> ClientResponse:
        writer = SimpleNamespace(output_size=0)
        response_class = partial(response_class or ClientResponse, stream_writer=writer)
        return build_response(self, *args, response_class=response_class, **kwargs)

    return build


@pytest.fixture
def mocked_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """Yield an `aioresponses()` that works.

    Version 0.7.9 leaves out `stream_writer`, which a ClientResponse wants since aiohttp 3.14.
    tests/house/test_aioresponses_shim_unit.py tells when the patch can go.
    """
    monkeypatch.setattr(RequestMatch, "_build_response", _with_stream_writer(RequestMatch._build_response))
    with aioresponses() as api:
        yield api
