"""The fixture `mocked_api`, and the test that tells when its patch of aioresponses can go."""

from __future__ import annotations

import aiohttp
import pytest
from aioresponses import aioresponses

URL = "http://api.test/api/v2/customer/1"


async def test_an_answer_has_its_status_headers_and_json(mocked_api):
    mocked_api.get(URL, status=201, payload={"id": 1}, headers={"X-Request-ID": "r-1"})
    async with aiohttp.ClientSession() as session, session.get(URL) as response:
        assert response.status == 201
        assert response.headers["X-Request-ID"] == "r-1"
        assert await response.json() == {"id": 1}


async def test_a_body_can_be_read_in_chunks(mocked_api):
    mocked_api.post(URL, body=b"x" * 1000)
    async with aiohttp.ClientSession() as session, session.post(URL, json={}) as response:
        chunks = [chunk async for chunk in response.content.iter_chunked(64)]
    assert b"".join(chunks) == b"x" * 1000


async def test_an_exception_is_raised_in_place_of_an_answer(mocked_api):
    mocked_api.get(URL, exception=aiohttp.ServerDisconnectedError())
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.get(URL)


async def test_a_request_is_recorded(mocked_api):
    mocked_api.delete(URL, status=204)
    async with aiohttp.ClientSession() as session, session.delete(URL, headers={"Accept": "*/*"}):
        pass
    mocked_api.assert_called_once_with(URL, method="DELETE", headers={"Accept": "*/*"})


async def test_a_response_class_of_the_callers_own_is_kept(mocked_api):
    class Own(aiohttp.ClientResponse):
        pass

    mocked_api.get(URL, response_class=Own)
    async with aiohttp.ClientSession() as session, session.get(URL) as response:
        assert isinstance(response, Own)


async def test_the_shim_is_still_needed():
    """When this fails, aioresponses works as it is: delete the patch in conftest.py and this file."""
    with aioresponses() as api:
        api.get(URL, payload={})
        async with aiohttp.ClientSession() as session:
            try:
                await session.get(URL)
            except TypeError as error:
                assert "stream_writer" in str(error)  # noqa: PT017 -- passing means it was not raised at all
                return
    pytest.fail("aioresponses works unpatched: the shim in tests/conftest.py and this file can go")
