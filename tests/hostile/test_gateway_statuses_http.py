"""Every 5xx, 499 and 408 says nothing about the request: a gateway gave up, and the write may have been applied."""

from __future__ import annotations

import pytest

from printnow_async import (
    Customer,
    CustomerUpdate,
    OutcomeUnknownError,
    RetryPolicy,
    ServerError,
    UnexpectedStatusError,
)
from tests.support.hostile_clients import account, server_and_client
from tests.support.hostile_faults import applied, status

STATUSES = (408, 499, 500, 501, 502, 503, 504, 505, 511, 520, 522, 524, 530, 599)
NEW = account()
UPDATE = CustomerUpdate(company="Changed")
on_every_status = pytest.mark.parametrize("code", STATUSES)


@on_every_status
async def test_a_guest_that_was_made_behind_a_gateway_that_gave_up_is_unknown(code: int) -> None:
    """A plain error would say that there is no guest, and nobody would count the orphan."""
    async with server_and_client("own") as (server, client):
        server.faults.append(applied(status(code)))
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.create_temporary(storefront_id=1)
        assert isinstance(caught.value.__cause__, UnexpectedStatusError if code < 500 else ServerError)
        assert caught.value.__cause__.status == code
        assert len(server.asked) == len(server.model.made) == 1


@on_every_status
async def test_a_create_that_was_applied_behind_a_gateway_is_unknown(code: int) -> None:
    """The repeat finds the name taken: by ourselves, but nobody can tell."""
    async with server_and_client("own") as (server, client):
        server.faults.append(applied(status(code)))
        with pytest.raises(OutcomeUnknownError):
            await client.customers.create(NEW, storefront_id=1)
        assert (len(server.asked), len(server.model.made)) == (2, 1)


@on_every_status
async def test_a_create_that_was_not_applied_is_made_by_the_repeat(code: int) -> None:
    """The username is unique, so no duplicate can arise."""
    async with server_and_client("own") as (server, client):
        server.faults.append(status(code))
        made = await client.customers.create(NEW, storefront_id=1)
        assert [person.id for person in server.model.made] == [made.id]


@on_every_status
@pytest.mark.parametrize("was_applied", [True, False])
async def test_update_delete_convert_and_transfer_are_made_good(code: int, was_applied: bool) -> None:
    """Each as its own rule says: repeated, read back, or found to be done."""
    gateway = applied(status(code)) if was_applied else status(code)
    async with server_and_client("own") as (server, client):
        number, guest, other = server.model.add(), server.model.add(temporary=True), server.model.add(temporary=True)
        destination = server.model.add()

        server.faults.append(gateway)
        assert (await client.customers.update(number, UPDATE)).company == "Changed"
        server.faults.append(gateway)
        await client.customers.delete(number)
        assert server.model.deleted == {number: 1}
        server.faults.append(gateway)
        assert (await client.customers.convert(guest, NEW, check=False)).username == "janesmith"
        assert server.model.people[guest].converted_by == ["janesmith"]
        assert server.model.people[guest].updates == 0
        server.faults.append(gateway)
        assert (await client.customers.transfer(other, to=destination)).id == destination
        assert server.model.people[destination].received == [other]


@on_every_status
async def test_a_read_repeats_behind_a_gateway_that_gave_up(code: int) -> None:
    """And comes to its customer."""
    async with server_and_client("own") as (server, client):
        number = server.model.add()
        server.faults.extend([status(code)] * 3)
        found: Customer = await client.customers.get(number)
        assert found.id == number
        assert len(server.asked) == 4


@on_every_status
async def test_without_retries_every_write_is_unknown_and_every_read_fails_plainly(code: int) -> None:
    """The last failure is the cause of the first, and is raised itself for the other."""
    async with server_and_client("own", retry=RetryPolicy.none()) as (server, client):
        number, guest, destination = server.model.add(), server.model.add(temporary=True), server.model.add()
        server.choose = lambda _: status(code)
        customers = client.customers
        writes = (
            lambda: customers.update(number, UPDATE),
            lambda: customers.delete(number),
            lambda: customers.create(NEW, storefront_id=1),
            lambda: customers.create_temporary(storefront_id=1),
            lambda: customers.convert(guest, NEW, check=False),
            lambda: customers.transfer(guest, to=destination),
        )
        for write in writes:
            with pytest.raises(OutcomeUnknownError) as caught:
                await write()
            assert getattr(caught.value.__cause__, "status", None) == code
        with pytest.raises(UnexpectedStatusError if code < 500 else ServerError):
            await client.customers.get(number)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 410, 413, 415, 418, 422, 451, 498])
async def test_other_statuses_are_the_servers_last_word(code: int) -> None:
    """They judge the request, so nothing was applied and nothing is sent again."""
    async with server_and_client("own") as (server, client):
        server.choose = lambda _: status(code)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is another for each status
            await client.customers.create_temporary(storefront_id=1)
        assert getattr(caught.value, "status", None) == code
        assert len(server.asked) == 1
