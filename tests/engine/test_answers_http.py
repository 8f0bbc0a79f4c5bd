"""Answers that are large, slow, broken or of the wrong shape: the documented error, in bounded memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest

from printnow_async import (
    AuthenticationError,
    BadRequestError,
    ConnectionLostError,
    CustomerNotFoundError,
    CustomerUpdate,
    InvalidResponseError,
    NewAccount,
    NotTemporaryError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PrintNowClient,
    RetryPolicy,
    ServerError,
    UnexpectedStatusError,
    UsernameInUseError,
)
from tests.support.raw_server import Exchange, answer, raw_server

NEW = NewAccount("janesmith", "securepass123", "jane@example.com", "Jane", "Smith")
JANE = {"id": 12, "username": "janesmith", "is_temporary": False}
GUEST = {"id": 12, "username": "guest-1", "is_temporary": True}


def client_of(url: str, **options: Any) -> PrintNowClient:
    return PrintNowClient("token", "key", base_url=url, retry=RetryPolicy(base_delay=0.0), **options)


async def test_an_error_page_of_5_mb_is_read_up_to_64_kib() -> None:
    """The error says what the page says, keeps 64 KiB of it, and the rest is neither read nor kept."""
    sent = 0

    async def page(exchange: Exchange) -> None:
        nonlocal sent
        head = b"<html><head><title>Gone wrong</title></head><body>"
        exchange.writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5000050\r\n\r\n" + head)
        for _ in range(500):
            exchange.writer.write(b"x" * 10_000)
            await exchange.writer.drain()
            sent += 10_000

    async with raw_server(page) as server, client_of(server.url) as client:
        tracemalloc.start()
        with pytest.raises(PermissionDeniedError) as caught:
            await client.customers.get(12)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert caught.value.message.startswith("Gone wrong")
        assert len(caught.value.body) == 64 * 1024
        assert sent < 5_000_000
        assert peak < 4_000_000


@pytest.mark.parametrize("status", [200, 500])
async def test_a_gzip_bomb_is_not_unpacked(status: int) -> None:
    """A gigabyte of zeros in a megabyte is given up after the bound, whatever the status."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    async with raw_server(answer(status, bomb, Content_Encoding="gzip")) as server, client_of(server.url) as client:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        with pytest.raises(InvalidResponseError if status == 200 else ServerError):
            await client.with_options(retry=RetryPolicy.none()).customers.get(12)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - before < 40_000_000


async def test_a_compressed_answer_is_read() -> None:
    """gzip of reasonable size is just an encoding."""
    packed = gzip.compress(json.dumps(JANE).encode())
    async with raw_server(answer(200, packed, Content_Encoding="gzip")) as server, client_of(server.url) as client:
        assert (await client.customers.get(12)).username == "janesmith"


async def test_a_redirect_is_never_followed() -> None:
    """One request, and an UnexpectedStatusError: credentials go nowhere else."""
    away = answer(302, b"", Location="http://127.0.0.1:1/elsewhere")
    async with raw_server(away) as server, client_of(server.url) as client:
        with pytest.raises(UnexpectedStatusError) as caught:
            await client.customers.get(12)
        assert caught.value.status == 302
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"<html>welcome</html>", "$"),
        (b"", "$"),
        (b"[]", "$"),
        (b'{"id": "12"}', "$.id"),
        (b'{"id": 12, "tax_exempt": "false"}', "$.tax_exempt"),
        (b'{"id": 12, "user_groups": [null]}', "$.user_groups[0]"),
        (b"{}", "$.id"),
    ],
)
async def test_a_200_of_the_wrong_shape_names_the_field(body: bytes, path: str) -> None:
    """InvalidResponseError for a read and for a write; it is an answer, so it is not asked for again."""
    async with raw_server(answer(200, body)) as server, client_of(server.url) as client:
        with pytest.raises(InvalidResponseError) as read:
            await client.customers.get(12)
        with pytest.raises(InvalidResponseError, match="most likely applied") as write:
            await client.customers.create(NEW, storefront_id=1)
        assert read.value.path == write.value.path == path
        assert len(server.requests) == 2


async def test_a_204_to_an_update_reads_the_customer() -> None:
    """The documented customer is fetched where the answer has no body."""
    async with raw_server(answer(204), answer(200, JANE)) as server, client_of(server.url) as client:
        assert (await client.customers.update(12, CustomerUpdate(company="X"))).id == 12
        assert [request.method for request in server.requests] == ["PATCH", "GET"]


async def test_a_204_to_a_transfer_reads_the_destination() -> None:
    """It is the destination that a transfer returns."""
    async with raw_server(answer(204), answer(200, JANE)) as server, client_of(server.url) as client:
        assert (await client.customers.transfer(99, to=12)).id == 12
        assert server.requests[1].path == "/api/v2/customer/12"


async def test_a_204_to_a_convert_reads_the_customer() -> None:
    """And finds it permanent."""
    answers = (answer(200, GUEST), answer(204), answer(200, JANE))
    async with raw_server(*answers) as server, client_of(server.url) as client:
        assert (await client.customers.convert(12, NEW)).username == "janesmith"


async def test_an_applied_write_whose_customer_cannot_be_read_says_that_it_was_applied() -> None:
    """The 204 was success: what fails afterwards must not read as a failed write."""
    async with raw_server(answer(204), answer(404)) as server, client_of(server.url) as client:
        with pytest.raises(InvalidResponseError, match="most likely applied") as caught:
            await client.customers.update(12, CustomerUpdate(company="X"))
        assert isinstance(caught.value.__cause__, CustomerNotFoundError)


async def test_a_convert_that_is_answered_with_a_temporary_user_is_not_success() -> None:
    """A 200 that shows the customer still temporary contradicts itself."""
    async with raw_server(answer(200, GUEST)) as server, client_of(server.url) as client:
        with pytest.raises(InvalidResponseError) as caught:
            await client.customers.convert(12, NEW)
        assert caught.value.path == "$.is_temporary"


async def test_a_convert_of_an_account_that_is_ours_already_writes_nothing() -> None:
    """The same convert again is answered from the read."""
    async with raw_server(answer(200, JANE)) as server, client_of(server.url) as client:
        assert (await client.customers.convert(12, NEW)).id == 12
        assert [request.method for request in server.requests] == ["GET"]


async def test_a_convert_of_another_permanent_account_is_never_patched() -> None:
    """A PATCH would overwrite its password and names."""
    other = {**JANE, "username": "somebody"}
    async with raw_server(answer(200, other)) as server, client_of(server.url) as client:
        with pytest.raises(NotTemporaryError) as caught:
            await client.customers.convert(12, NEW)
        assert caught.value.customer_id == 12
        assert [request.method for request in server.requests] == ["GET"]


async def test_a_convert_is_not_sent_where_nobody_can_tell_that_the_customer_is_temporary() -> None:
    """An answer without is_temporary proves nothing, and the PATCH could hit an account."""
    async with raw_server(answer(200, {"id": 12, "username": "x"})) as server, client_of(server.url) as client:
        with pytest.raises(InvalidResponseError) as caught:
            await client.customers.convert(12, NEW)
        assert caught.value.path == "$.is_temporary"
        assert [request.method for request in server.requests] == ["GET"]


async def test_a_convert_with_check_false_leaves_the_read_out() -> None:
    """One request, for a caller who has just created the guest."""
    async with raw_server(answer(200, JANE)) as server, client_of(server.url) as client:
        await client.customers.convert(12, NEW, check=False)
        assert [request.method for request in server.requests] == ["PATCH"]


async def test_a_convert_that_lands_after_its_read_back_is_found_by_the_next_one() -> None:
    """PATCH lost, read-back still temporary, PATCH again "in use", read-back: it is ours after all."""

    async def lose(exchange: Exchange) -> None:
        exchange.writer.close()

    in_use = answer(400, {"message": "Username is already in use."})
    answers = (answer(200, GUEST), lose, answer(200, GUEST), in_use, answer(200, JANE))
    async with raw_server(*answers) as server, client_of(server.url) as client:
        assert (await client.customers.convert(12, NEW)).username == "janesmith"
        assert [request.method for request in server.requests] == ["GET", "PATCH", "GET", "PATCH", "GET"]


async def test_a_convert_whose_read_back_shows_another_account_is_not_temporary() -> None:
    """Somebody registered the guest meanwhile: no second PATCH."""

    async def lose(exchange: Exchange) -> None:
        exchange.writer.close()

    other = answer(200, {**JANE, "username": "somebody"})
    async with raw_server(answer(200, GUEST), lose, other) as server, client_of(server.url) as client:
        with pytest.raises(NotTemporaryError):
            await client.customers.convert(12, NEW)
        assert [request.method for request in server.requests] == ["GET", "PATCH", "GET"]


async def test_a_convert_whose_read_back_fails_is_unknown() -> None:
    """The cause is the write's own failure; the failed read-back is among the evidence."""

    async def lose(exchange: Exchange) -> None:
        exchange.writer.close()

    async with raw_server(answer(200, GUEST), lose, answer(401)) as server, client_of(server.url) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.convert(12, NEW)
        assert isinstance(caught.value.__cause__, ConnectionLostError)
        assert "read: 401 Unauthorized" in caught.value.evidence
        assert caught.value.operation == "customers.convert"


async def test_a_create_that_is_taken_at_once_is_plainly_taken() -> None:
    """Without an open attempt before it, "in use" is an answer like any other."""
    in_use = answer(400, {"Message": "Username is already in use."})
    async with raw_server(in_use) as server, client_of(server.url) as client:
        with pytest.raises(UsernameInUseError):
            await client.customers.create(NEW, storefront_id=1)
        assert len(server.requests) == 1


async def test_a_401_in_the_middle_leaves_an_open_write_unknown() -> None:
    """Credentials that end between two attempts say nothing of the first."""

    async def lose(exchange: Exchange) -> None:
        exchange.writer.close()

    async with raw_server(lose, answer(401)) as server, client_of(server.url) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.update(12, CustomerUpdate(company="X"))
        assert isinstance(caught.value.__cause__, AuthenticationError)


async def test_a_delete_that_aiohttp_resent_by_itself_counts_as_repeated() -> None:
    """The kept connection drops after the DELETE was applied; the hidden resend gets 404; that is success."""

    async def lose(exchange: Exchange) -> None:
        exchange.writer.close()

    async with raw_server(answer(200, JANE), lose, answer(404)) as server, client_of(server.url) as client:
        await client.customers.get(12)
        policy = RetryPolicy.none()  # so that the resend is not ours
        await client.with_options(retry=policy).customers.delete(12)
        assert [request.method for request in server.requests] == ["GET", "DELETE", "DELETE"]


async def test_a_delete_of_nobody_is_not_found_on_a_kept_connection_too() -> None:
    """A first 404 is CustomerNotFoundError."""
    async with raw_server(answer(200, JANE), answer(404)) as server, client_of(server.url) as client:
        await client.customers.get(12)
        with pytest.raises(CustomerNotFoundError):
            await client.customers.delete(12)


async def test_a_transfer_refused_on_its_repeat_is_unknown() -> None:
    """400 on a repeat may mean that the first one did it all."""

    async def lose(exchange: Exchange) -> None:
        exchange.writer.close()

    async with raw_server(lose, answer(400)) as server, client_of(server.url) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.transfer(99, to=12)
        assert isinstance(caught.value.__cause__, BadRequestError)


async def test_a_transfer_that_finds_nobody_at_first_is_not_found() -> None:
    """Without an open attempt a 404 is the answer, and nothing is read."""
    async with raw_server(answer(404)) as server, client_of(server.url) as client:
        with pytest.raises(CustomerNotFoundError):
            await client.customers.transfer(99, to=12)
        assert len(server.requests) == 1


async def test_an_error_status_counts_though_its_body_breaks_off() -> None:
    """400 was read; that the page behind it was cut short changes nothing."""

    async def cut_short(exchange: Exchange) -> None:
        exchange.writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 500\r\n\r\nno such")
        await exchange.writer.drain()
        exchange.writer.close()

    async with raw_server(cut_short) as server, client_of(server.url) as client:
        with pytest.raises(BadRequestError):
            await client.customers.create(NEW, storefront_id=1)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nxxxxx",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=["binary", "no status", "bad length", "bad chunk", "bad gzip", "endless header"],
)
async def test_an_answer_that_is_not_http_is_a_lost_connection(junk: bytes) -> None:
    """No status that aiohttp makes up is passed on: a read fails plainly, a write is unknown."""

    async def send_junk(exchange: Exchange) -> None:
        exchange.writer.write(junk)
        await exchange.writer.drain()
        exchange.writer.close()

    async with raw_server(send_junk) as server, client_of(server.url) as client:
        once = client.with_options(retry=RetryPolicy.none())
        with pytest.raises(ConnectionLostError):
            await once.customers.get(12)
        with pytest.raises(OutcomeUnknownError) as caught:
            await once.customers.create(NEW, storefront_id=1)
        assert isinstance(caught.value.__cause__, ConnectionLostError)


async def test_the_request_carries_what_the_vendor_asks_for() -> None:
    """HTTP Basic, JSON, our request id, and no cookie."""
    sets_cookie = answer(200, JANE, Set_Cookie="session=1")
    async with raw_server(sets_cookie) as server, client_of(server.url) as client:
        await client.customers.create(NEW, storefront_id=3)
        await client.customers.get(12)
        create, get = server.requests
        assert create.headers["authorization"] == get.headers["authorization"] == "Basic dG9rZW46a2V5"
        assert create.headers["content-type"] == "application/json"
        assert create.headers["x-request-id"] != get.headers["x-request-id"]
        assert "cookie" not in get.headers
        assert json.loads(create.body) == {
            "storefront_id": 3,
            "username": "janesmith",
            "password": "securepass123",
            "email": "jane@example.com",
            "first_name": "Jane",
            "last_name": "Smith",
            "receive_marketing_emails": False,
        }


async def test_a_base_url_with_a_path_keeps_it() -> None:
    """A gateway may put the API below a prefix."""
    async with raw_server(answer(200, JANE)) as server, client_of(server.url + "/gateway/") as client:
        await client.customers.get(12)
        assert server.requests[0].path == "/gateway/api/v2/customer/12"


async def test_calls_that_are_cut_off_by_close_do_not_hang() -> None:
    """aclose() while a call is in flight ends the call, and leaves nothing behind."""
    arrived = asyncio.Event()

    async def never(_: Exchange) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with raw_server(never) as server:
        client = client_of(server.url)
        call = asyncio.ensure_future(client.customers.get(12))
        await arrived.wait()
        await client.aclose()
        with pytest.raises(Exception, match=r"closed|lost"):
            await call
