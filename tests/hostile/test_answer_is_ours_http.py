"""A well-formed 200 that is about another customer is no answer: not a result of a read, and no success of a write."""

from __future__ import annotations

from typing import Any

import pytest

from printnow_async import CustomerUpdate, NewAccount, NoResponseError, OutcomeUnknownError, RetryPolicy
from tests.support.hostile_clients import WIRES, account, server_and_client
from tests.support.hostile_faults import applied, drop, foreign
from tests.support.hostile_model import Asked, answer_bytes
from tests.support.hostile_server import Connection, turns

NEW = account()
UPDATE = CustomerUpdate(company="Changed")
NEVER = RetryPolicy.none()


def answered(body: dict[str, Any], *, apply: bool = True):
    """These fields in a 200, whatever the truth is; the request is done, or not."""

    def fault(connection: Connection, asked: Asked) -> None:
        if apply:
            connection.true_answer(asked)
        connection.finish(answer_bytes(200, body))

    return fault


def says_that_it_was_anothers(error: BaseException | None) -> bool:
    """Whether the evidence tells why a 200 was not believed."""
    return isinstance(error, OutcomeUnknownError) and any("another" in line for line in error.evidence)


# ---------------------------------------------------------------- each operation


@pytest.mark.parametrize("wire", WIRES)
async def test_a_read_repeats_until_the_answer_is_about_the_customer_asked_for(wire: str) -> None:
    """Three answers about somebody else, and then the right one."""
    async with server_and_client(wire) as (server, client):
        number = server.model.add()
        server.faults.extend([foreign(apply=True)] * 3)
        assert (await client.customers.get(number)).id == number
        assert len(server.asked) == 4
        assert len({asked.connection for asked in server.asked}) == 4


async def test_a_read_that_is_only_ever_answered_with_another_customer_fails() -> None:
    """It has had no usable answer: that is what the error says, and no customer comes back."""
    async with server_and_client("own") as (server, client):
        number = server.model.add()
        server.faults.extend([foreign(apply=True)] * 4)
        with pytest.raises(NoResponseError, match="another"):
            await client.customers.get(number)


@pytest.mark.parametrize("was_applied", [True, False])
async def test_an_update_answered_with_another_id_is_sent_again(was_applied: bool) -> None:
    """Its values are absolute, so the repeat does no harm, and its own answer is the result."""
    async with server_and_client("own") as (server, client):
        number = server.model.add()
        server.faults.append(foreign(apply=was_applied))
        assert (await client.customers.update(number, UPDATE)).id == number
        assert server.model.people[number].company == "Changed"
        assert len(server.asked) == 2


async def test_an_update_that_is_only_ever_answered_with_another_id_is_unknown() -> None:
    """And the evidence says what the answers were."""
    async with server_and_client("own") as (server, client):
        number = server.model.add()
        server.faults.extend([foreign(apply=False)] * 4)
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.update(number, UPDATE)
        assert says_that_it_was_anothers(caught.value)
        assert len(caught.value.evidence) == 4


@pytest.mark.parametrize("was_applied", [True, False])
async def test_a_transfer_answered_with_another_destination_is_sent_again(was_applied: bool) -> None:
    """The work arrives once, at the customer that it was meant for."""
    async with server_and_client("own") as (server, client):
        source, destination = server.model.add(temporary=True), server.model.add()
        server.faults.append(foreign(apply=was_applied))
        assert (await client.customers.transfer(source, to=destination)).id == destination
        assert server.model.people[destination].received == [source]


async def test_a_transfer_answered_with_the_source_is_not_believed() -> None:
    """What a transfer returns is the destination."""
    async with server_and_client("own", retry=NEVER) as (server, client):
        source, destination = server.model.add(temporary=True), server.model.add()
        server.faults.append(answered(server.model.wire(source), apply=False))
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.transfer(source, to=destination)
        assert says_that_it_was_anothers(caught.value)


async def test_a_create_answered_with_another_username_and_email_is_sent_again() -> None:
    """It was not applied, so the repeat makes the account."""
    async with server_and_client("own") as (server, client):
        server.faults.append(foreign(apply=False))
        made = await client.customers.create(NEW, storefront_id=1)
        assert [person.id for person in server.model.made] == [made.id]


async def test_a_create_that_was_applied_and_answered_with_another_is_unknown() -> None:
    """The repeat finds the name taken, by us or by somebody else."""
    async with server_and_client("own") as (server, client):
        server.faults.append(foreign(apply=True))
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.create(NEW, storefront_id=1)
        assert says_that_it_was_anothers(caught.value)
        assert len(server.model.made) == 1


async def test_a_create_that_was_refused_and_answered_with_another_is_no_success() -> None:
    """Whatever it ends in: the account is not there."""
    async with server_and_client("own") as (server, client):
        server.model.add(name="janesmith")
        server.faults.append(foreign(apply=True))
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.create(NEW, storefront_id=1)
        assert says_that_it_was_anothers(caught.value)
        assert server.model.made == []


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 5, "username": "jane", "is_temporary": False, "storefront_id": 1},
        {"id": 5, "username": "guest-5", "is_temporary": True, "storefront_id": 2},
    ],
    ids=["permanent", "of another storefront"],
)
async def test_a_guest_that_cannot_be_ours_is_not_believed(answer: dict[str, Any]) -> None:
    """A temporary user was asked for, on storefront 1; the create does not repeat, and stays unknown."""
    async with server_and_client("own") as (server, client):
        server.faults.append(answered(answer))
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.customers.create_temporary(storefront_id=1)
        assert says_that_it_was_anothers(caught.value)
        assert len(server.asked) == 1


async def test_a_guest_whose_storefront_is_not_told_is_ours() -> None:
    """Customers in answers may lack the storefront: there is nothing to hold against what was asked then."""
    async with server_and_client("own") as (server, client):
        server.model.tells_storefront = False
        assert (await client.customers.create_temporary(storefront_id=7)).id == server.model.made[0].id


async def test_a_guest_is_created_again_after_anothers_answer_only_when_asked_to() -> None:
    """repeat_temporary_creates means this way of getting no answer too."""
    retry = RetryPolicy(base_delay=0, max_delay=0, repeat_temporary_creates=True)
    async with server_and_client("own", retry=retry) as (server, client):
        server.faults.append(foreign(apply=True))
        guest = await client.customers.create_temporary(storefront_id=1)
        assert guest.id == server.model.made[-1].id
        assert len(server.model.made) == 2


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("was_applied", [True, False])
async def test_a_convert_answered_with_another_is_read_back(was_applied: bool, check: bool) -> None:
    """Applied, it is settled by the read; not applied, it is sent again."""
    async with server_and_client("own") as (server, client):
        guest = server.model.add(temporary=True)
        server.choose = strikes_the_first_patch(foreign(apply=was_applied))
        assert (await client.customers.convert(guest, NEW, check=check)).username == "janesmith"
        assert server.model.people[guest].converted_by == ["janesmith"]
        assert len(server.asked_of(f"PATCH /api/v2/customer/{guest}")) == (1 if was_applied else 2)


async def test_a_read_back_that_is_answered_with_another_customer_settles_nothing() -> None:
    """Not even with one who has our username: the id is another."""
    async with server_and_client("own", retry=NEVER) as (server, client):
        guest = server.model.add(temporary=True)
        server.faults.extend([drop, foreign(apply=True, username="janesmith")])
        with pytest.raises(OutcomeUnknownError):
            await client.customers.convert(guest, NEW, check=False)


async def test_a_convert_is_not_settled_by_the_look_at_another_customer_before_it() -> None:
    """The read before the PATCH repeats until it is about the temporary user that is to be converted."""
    async with server_and_client("own") as (server, client):
        guest = server.model.add(temporary=True)
        server.faults.append(foreign(apply=True, username="janesmith"))
        assert (await client.customers.convert(guest, NEW)).id == guest
        assert server.model.people[guest].converted_by == ["janesmith"]


async def test_a_transfer_is_not_settled_by_the_read_of_another_destination() -> None:
    """A 404 on the repeat, the source gone, and a destination that is read as somebody else: read again."""
    async with server_and_client("own") as (server, client):
        source, destination = server.model.add(temporary=True), server.model.add()
        reads = 0

        def choose(asked: Asked):
            nonlocal reads
            if asked.method == "PATCH" and len(server.asked) == 1:
                return applied(drop)
            if asked.route == f"GET /api/v2/customer/{destination}":
                reads += 1
                return foreign(apply=True) if reads == 1 else None
            return None

        server.choose = choose
        assert (await client.customers.transfer(source, to=destination)).id == destination
        assert reads == 2


def strikes_the_first_patch(fault):
    """A choice of faults: this one for the first PATCH, and none for anything else."""
    left = [fault]
    return lambda asked: left.pop() if asked.method == "PATCH" and left else None


# ---------------------------------------------------------------- what is ours


@pytest.mark.parametrize(
    ("username", "email"),
    [
        ("JaneSmith", "jane@here.example"),
        ("jane@HERE.example", "Jane@Here.Example"),
        ("JANE@here.example", None),
        ("janesmith", None),
    ],
)
async def test_our_username_or_email_in_whatever_case_is_ours(username: str, email: str | None) -> None:
    """A server may keep names in a case of its own, and use the address as the login."""
    account_of_jane = NewAccount("janesmith", "securepass123", "jane@here.example", "Jane", "Smith")
    body = {"username": username, "email": email, "is_temporary": False}
    async with server_and_client("own", retry=NEVER) as (server, client):
        guest = server.model.add(temporary=True)
        server.faults.append(answered({**body, "id": 77}))
        assert (await client.customers.create(account_of_jane, storefront_id=1)).id == 77
        server.faults.append(answered({**body, "id": guest}, apply=False))
        assert (await client.customers.convert(guest, account_of_jane, check=False)).id == guest
        server.faults.append(answered({**body, "id": guest}, apply=False))
        before = len(server.asked)
        assert (await client.customers.convert(guest, account_of_jane)).username == username
        assert [asked.method for asked in server.asked[before:]] == ["GET"]


async def test_the_connection_of_anothers_answer_is_closed() -> None:
    """What else is on its way on that connection must not be read by anybody."""
    async with server_and_client("own") as (server, client):
        number = server.model.add()
        server.faults.append(foreign(apply=True, afterwards=True))
        await client.customers.get(number)
        await turns()
        assert [connection.open for connection in server.connections] == [False, True]
