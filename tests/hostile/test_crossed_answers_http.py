"""No call gets an answer that was meant for another, whatever lies on a kept connection (own and borrowed, TLS too)."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest

from printnow_async import (
    Customer,
    CustomerUpdate,
    Limits,
    OutcomeUnknownError,
    PrintNowClient,
    RetryPolicy,
    UsernameInUseError,
)
from tests.support.hostile_clients import AT_ONCE, WIRES, account, server_and_client
from tests.support.hostile_faults import followed, foreign
from tests.support.hostile_model import EMAIL_IN_USE, NOT_FOUND, STRANGER, USERNAME_IN_USE, Asked, answer_bytes
from tests.support.hostile_server import Connection, HostileServer, honest, hostile_server, turns

on_every_wire = pytest.mark.parametrize("wire", WIRES)


async def keep_connections(server: HostileServer, client: PrintNowClient, count: int) -> int:
    """Let the client open so many connections at once, and keep them; a customer that it has asked for."""
    number = server.model.add()
    held: list[tuple[Connection, Asked]] = []

    def hold(connection: Connection, asked: Asked) -> None:
        held.append((connection, asked))
        if len(held) == count:
            for each, request in held:
                honest(each, request)

    server.faults.extend([hold] * count)
    await asyncio.gather(*(client.customers.get(number) for _ in range(count)))
    await turns()
    assert len(server.idle()) == count
    return number


@on_every_wire
async def test_an_honest_connection_is_used_again(wire: str) -> None:
    """What guards against strays does not cost a connection for every call: session tickets of TLS are no answers."""
    async with server_and_client(wire) as (server, client):
        number = server.model.add()
        for _ in range(20):
            assert (await client.customers.get(number)).id == number
            await client.customers.create_temporary(storefront_id=1)
        assert len(server.connections) == 1


@on_every_wire
async def test_a_stray_answer_on_an_idle_connection_is_read_by_nobody(wire: str) -> None:
    """One stray, and 50 calls after it: each gets its own customer, and none on the connection of the stray."""
    async with server_and_client(wire) as (server, client):
        numbers = [server.model.add() for _ in range(50)]
        await client.customers.get(numbers[0])
        assert await server.stray(answer_bytes(200, server.model.wire(STRANGER))) == 1
        before = len(server.asked)
        assert [(await client.customers.get(number)).id for number in numbers] == numbers
        assert {asked.connection for asked in server.asked[before:]} == {1}
        assert len(server.asked) == before + 50


@on_every_wire
async def test_strays_on_every_connection_of_a_pool_are_read_by_nobody(wire: str) -> None:
    """All idle connections are struck at once, and 8 calls at once follow."""
    async with server_and_client(wire) as (server, client):
        await keep_connections(server, client, 8)
        numbers = [server.model.add() for _ in range(8)]
        assert await server.stray(answer_bytes(200, server.model.wire(STRANGER))) == 8
        found = await asyncio.gather(*(client.customers.get(number) for number in numbers))
        assert [customer.id for customer in found] == numbers
        assert {asked.connection for asked in server.asked[-8:]}.isdisjoint(range(8))


@on_every_wire
@pytest.mark.parametrize("head_first", [False, True], ids=["at once", "head first"])
async def test_a_doubled_answer_is_read_once(wire: str, head_first: bool) -> None:
    """The double lies behind the answer in the same packet, before the connection is given back or just after."""
    async with server_and_client(wire) as (server, client):
        numbers = [server.model.add() for _ in range(20)]
        for number in numbers:
            server.faults.append(followed(head_first=head_first))
            assert (await client.customers.get(number)).id == number
        assert len(server.asked) == 20


@on_every_wire
async def test_two_guests_never_share_an_id(wire: str) -> None:
    """The guest that a stray answer names was made for another request: a create of our own never returns it."""
    async with server_and_client(wire) as (server, client):
        server.model.tells_storefront = False
        first = await client.customers.create_temporary(storefront_id=1)
        for _ in range(20):
            await server.stray(answer_bytes(200, server.model.wire(first.id)))
            await client.customers.create_temporary(storefront_id=1)
        made = [person.id for person in server.model.made]
        assert len(set(made)) == len(server.asked) == 21


@on_every_wire
async def test_guests_that_are_made_after_a_stray_are_those_that_were_made_for_them(wire: str) -> None:
    """Shifted by one answer, every shopper would get the guest of the shopper before."""
    async with server_and_client(wire) as (server, client):
        server.model.tells_storefront = False
        other = server.model.add(temporary=True)
        await client.ping()
        await server.stray(answer_bytes(200, server.model.wire(other)))
        guests = [await client.customers.create_temporary(storefront_id=1) for _ in range(10)]
        assert [guest.id for guest in guests] == [person.id for person in server.model.made]


@on_every_wire
async def test_a_create_that_was_refused_is_never_a_success(wire: str) -> None:
    """The stray is the success of an earlier create; ours is refused, as the name is taken."""
    async with server_and_client(wire) as (server, client):
        server.model.add(name="janesmith")
        earlier = await client.customers.create(account("somebody"), storefront_id=1)
        await server.stray(answer_bytes(200, server.model.wire(earlier.id)))
        with pytest.raises(UsernameInUseError):
            await client.customers.create(account("janesmith"), storefront_id=1)


@on_every_wire
@pytest.mark.parametrize("stray", [USERNAME_IN_USE, EMAIL_IN_USE, NOT_FOUND, (204, None)], ids=str)
async def test_a_stray_refusal_does_not_refuse_a_write(wire: str, stray: tuple[int, object]) -> None:
    """A plain error says that nothing was applied: it must be the answer to this very request."""
    async with server_and_client(wire) as (server, client):
        guest, customer = server.model.add(temporary=True), server.model.add()
        await client.ping()
        await server.stray(answer_bytes(*stray))
        assert (await client.customers.create(account(), storefront_id=1)).username == "janesmith"
        await server.stray(answer_bytes(*stray))
        assert (await client.customers.convert(guest, account("johnsmith"), check=False)).id == guest
        await server.stray(answer_bytes(*stray))
        assert (await client.customers.update(customer, CustomerUpdate(company="X"))).company == "X"
        await server.stray(answer_bytes(*stray))
        await client.customers.delete(customer)
        assert server.model.deleted == {customer: 1}


@on_every_wire
async def test_an_old_answer_about_the_same_customer_is_no_proof_of_an_update(wire: str) -> None:
    """The id is ours, so only the connection tells: the update itself is turned away."""
    async with server_and_client(wire, retry=RetryPolicy.none()) as (server, client):
        number = server.model.add()
        found = await client.customers.get(number)
        await server.stray(answer_bytes(200, server.model.wire(found.id)))
        del server.model.people[number]
        with pytest.raises(Exception, match="Customer not found"):
            await client.customers.update(number, CustomerUpdate(company="X"))


@on_every_wire
@pytest.mark.parametrize("late_fin", [False, True], ids=["408 alone", "408 and a late FIN"])
async def test_a_408_on_an_idle_connection_is_harmless(wire: str, late_fin: bool) -> None:
    """A server that ends idle connections with a 408 has not answered the next request with it."""
    async with server_and_client(wire) as (server, client):
        await keep_connections(server, client, 4)
        assert await server.stray(answer_bytes(408, {"Message": "idle"}, Connection="close")) == 4
        if late_fin:
            for connection in server.idle():
                connection.fin()
            await turns()
        guests = [await client.customers.create_temporary(storefront_id=1) for _ in range(6)]
        assert [guest.id for guest in guests] == [person.id for person in server.model.made]


@on_every_wire
@pytest.mark.parametrize(
    "stray",
    [b"HTTP/1.1 200 OK\r\nContent-Le", b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"\x00\xff"],
    ids=["half an answer", "an empty line", "100", "garbage"],
)
async def test_a_connection_on_which_anything_arrived_while_idle_is_not_used_again(wire: str, stray: bytes) -> None:
    """Even what is no answer yet: its rest would come as the beginning of the next one."""
    async with server_and_client(wire) as (server, client):
        await client.ping()
        await server.stray(stray)
        await client.customers.create_temporary(storefront_id=1)
        assert [asked.connection for asked in server.asked] == [0, 1]


@on_every_wire
async def test_a_stray_that_lies_unread_in_the_socket_is_read_by_nobody(wire: str) -> None:
    """It has arrived, but the event loop has had no turn to read it when the next request goes out."""
    async with server_and_client(wire) as (server, client):
        server.model.tells_storefront = False
        other = server.model.add(temporary=True)
        await client.ping()
        await turns()
        (connection,) = server.idle()
        connection.write(answer_bytes(200, server.model.wire(other)))
        assert (await client.customers.create_temporary(storefront_id=1)).id == server.model.made[0].id


@on_every_wire
async def test_after_another_customers_answer_no_idle_connection_is_used_again(wire: str) -> None:
    """A proxy that confused one connection may have confused them all."""
    async with server_and_client(wire) as (server, client):
        number = await keep_connections(server, client, 4)
        server.faults.append(foreign(apply=True))
        before = len(server.asked)
        assert (await client.customers.get(number)).id == number
        found = await asyncio.gather(*(client.customers.get(number) for _ in range(4)))
        assert {customer.id for customer in found} == {number}
        assert {asked.connection for asked in server.asked[before + 1 :]}.isdisjoint(range(4))


class SlowConnector(aiohttp.TCPConnector):
    """Hands out a connection only after what has arrived on it was read."""

    async def connect(self, *args, **kwargs):
        connection = await super().connect(*args, **kwargs)
        await turns(3 * 4)
        return connection


async def test_an_answer_that_came_before_the_request_was_written_is_nobodys() -> None:
    """The first connection is greeted with the guest of somebody else; nothing was sent on it, so all is well."""
    async with hostile_server() as server:
        server.model.tells_storefront = False
        other = server.model.add(temporary=True)

        def greet(connection: Connection) -> None:
            if connection.number == 0:
                connection.write(answer_bytes(200, server.model.wire(other)))

        server.greeting = greet
        async with contextlib.AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=SlowConnector()))
            client = await stack.enter_async_context(
                PrintNowClient("token", "key", base_url=server.url, session=session, retry=AT_ONCE)
            )
            guest = await client.customers.create_temporary(storefront_id=1)
        assert [guest.id] == [person.id for person in server.model.made]
        assert [asked.connection for asked in server.asked] == [1]


@on_every_wire
async def test_one_shifted_connection_costs_one_attempt(wire: str) -> None:
    """Another's answer comes first and our own after it: the repeat is on a fresh connection, and all after it are."""
    async with server_and_client(wire, limits=Limits(max_concurrency=1)) as (server, client):
        numbers = [server.model.add() for _ in range(10)]
        server.faults.append(foreign(apply=True, afterwards=True))
        found: list[Customer] = [await client.customers.get(number) for number in numbers]
        assert [customer.id for customer in found] == numbers
        assert len(server.asked) == 11


@on_every_wire
async def test_a_guest_answered_with_a_permanent_customer_is_unknown(wire: str) -> None:
    """It was made, perhaps; whose answer this is nobody can tell, so nobody is logged in as them."""
    async with server_and_client(wire) as (server, client):
        server.faults.append(foreign(apply=True))
        with pytest.raises(OutcomeUnknownError, match="another"):
            await client.customers.create_temporary(storefront_id=1)
        assert len(server.asked) == 1
