"""Fixtures and settings every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses
from aioresponses.core import RequestMatch
from hypothesis import settings

from tests.support.stores import fresh_postgres, postgres, tracker_url  # noqa: F401 - fixtures for every test

# No deadline: how long one example takes on a busy machine says nothing. In CI the same examples every time.
settings.register_profile(
    "ci", deadline=None, derandomize=os.environ.get("CI", "").lower() in {"1", "true"}, print_blob=True
)
settings.load_profile("ci")


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
