"""A convert never changes somebody else: the look at the customer stands directly before each PATCH.

Between the two may lie a pause, a queue or a repeat, and in that time somebody else may make an account of the
temporary user: another tab, another process, the storefront itself.
"""

from __future__ import annotations

import asyncio

import pytest

from printnow_async import Limits, NotTemporaryError, OutcomeUnknownError, RetryPolicy
from printnow_async.testing import run_instantly
from tests.support.hostile_clients import WIRES, account, server_and_client
from tests.support.hostile_faults import applied, closing, drop, foreign, refused, reset, status
from tests.support.hostile_model import Asked, Model, answer_bytes
from tests.support.hostile_server import Connection, Fault, HostileServer

NEW = account()
BETWEEN: dict[str, Fault] = {
    "429": refused(429),
    "503 with Retry-After": refused(503),
    "500": status(500),
    "524": status(524),
    "408": status(408),
    "FIN": drop,
    "RST": reset,
    "another's answer": foreign(apply=False),
}


def patches(server: HostileServer, number: int) -> list[Asked]:
    """The PATCHes of this customer that the model has applied."""
    return [asked for asked in server.asked_of(f"PATCH /api/v2/customer/{number}") if asked.status == 200]


def each_patch_was_looked_at(server: HostileServer, number: int) -> None:
    """Directly before each PATCH, in all that the server was asked, stands a GET of the same customer and call."""
    for place, asked in enumerate(server.asked):
        if asked.route == f"PATCH /api/v2/customer/{number}":
            before = server.asked[place - 1]
            assert (before.route, before.call) == (f"GET /api/v2/customer/{number}", asked.call), server.asked


def registered_after(fault: Fault, number: int) -> Fault:
    """The fault, and then somebody else makes an account of this temporary user."""

    def struck(connection: Connection, asked: Asked) -> None:
        fault(connection, asked)
        connection.server.model.register(number)

    return struck


def strikes_patches(*faults: Fault):
    """A choice: these faults for the first PATCHes, in order."""
    left = list(faults)
    return lambda asked: left.pop(0) if asked.method == "PATCH" and left else None


def untouched(model: Model, number: int) -> bool:
    """Whether the stranger's account is as she made it."""
    person = model.people[number]
    return (person.username, person.updates, person.overwritten) == ("the-stranger", 0, 0)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("between", BETWEEN)
async def test_a_stranger_who_registers_before_the_repeat_is_not_overwritten(between: str, wire: str) -> None:
    """The first PATCH was turned away or lost; by the time of the next, the customer is hers."""
    async with server_and_client(wire) as (server, client):
        guest = server.model.add(temporary=True)
        server.choose = strikes_patches(registered_after(BETWEEN[between], guest))
        with pytest.raises(NotTemporaryError):
            await client.customers.convert(guest, NEW)
        assert untouched(server.model, guest)
        assert patches(server, guest) == []
        each_patch_was_looked_at(server, guest)


@pytest.mark.parametrize("refusals", [1, 2, 3])
async def test_the_look_is_taken_again_before_every_patch(refusals: int) -> None:
    """As often as it is turned away; then it is applied once."""
    async with server_and_client("own") as (server, client):
        guest = server.model.add(temporary=True)
        server.choose = strikes_patches(*[refused(429)] * refusals)
        assert (await client.customers.convert(guest, NEW)).id == guest
        assert server.model.people[guest].converted_by == ["janesmith"]
        assert len(server.asked) == 2 * (refusals + 1)
        each_patch_was_looked_at(server, guest)


@pytest.mark.parametrize("fault", ["500", "524", "408", "FIN", "RST", "another's answer"])
async def test_a_repeat_after_no_answer_is_looked_at_too(fault: str) -> None:
    """The read-back, or another look after it: a GET is the last thing before the PATCH."""
    async with server_and_client("own") as (server, client):
        guest = server.model.add(temporary=True)
        server.choose = strikes_patches(BETWEEN[fault], refused(429), BETWEEN[fault])
        assert (await client.customers.convert(guest, NEW)).id == guest
        assert server.model.people[guest].converted_by == ["janesmith"]
        each_patch_was_looked_at(server, guest)


@pytest.mark.parametrize("wire", WIRES)
async def test_no_other_call_comes_between_the_look_and_the_patch(wire: str) -> None:
    """One place, and 20 calls that want it: at the first of them after the look, the stranger registers."""
    async with server_and_client(wire, limits=Limits(max_concurrency=1)) as (server, client):
        guest, other = server.model.add(temporary=True), server.model.add()

        def choose(asked: Asked) -> None:
            looked = server.asked_of(f"GET /api/v2/customer/{guest}")
            if looked and asked.path.endswith(f"/{other}"):
                server.model.register(guest)

        server.choose = choose
        calls = [client.customers.get(other) for _ in range(20)]
        convert, *_ = await asyncio.gather(client.customers.convert(guest, NEW), *calls, return_exceptions=True)
        assert server.model.people[guest].overwritten == 0
        each_patch_was_looked_at(server, guest)
        assert isinstance(convert, NotTemporaryError) or server.model.people[guest].converted_by == ["janesmith"]


def test_a_pause_of_the_whole_client_is_not_between_the_look_and_the_patch() -> None:
    """The look is answered just after another call was told to come back in 30 seconds; then the stranger registers."""

    async def main() -> None:
        async with server_and_client("own", limits=Limits(max_concurrency=2)) as (server, client):
            guest, other = server.model.add(temporary=True), server.model.add()
            held: list[tuple[Connection, Asked]] = []

            def hold(connection: Connection, asked: Asked) -> None:
                held.append((connection, asked))

            def turn_away(connection: Connection, asked: Asked) -> None:
                status(429, Retry_After="30")(connection, asked)
                for each, request in held:
                    each.finish(each.true_answer(request))
                connection.later(lambda: server.model.register(guest), 100)

            server.faults.extend([hold, turn_away])
            convert, got = await asyncio.gather(
                client.customers.convert(guest, NEW), client.customers.get(other), return_exceptions=True
            )
            assert getattr(got, "id", None) == other
            assert server.model.people[guest].overwritten == 0
            assert isinstance(convert, NotTemporaryError) or server.model.people[guest].converted_by == ["janesmith"]

    run_instantly(main())


def test_a_patch_that_never_left_is_looked_at_again() -> None:
    """The connection is gone after the look and a new one is refused for a while: the stranger has time to register."""

    async def main() -> None:
        coming_back: list[asyncio.Task[None]] = []

        def observe(event: object) -> None:
            if getattr(event, "failure", None) == "connect" and not coming_back:
                server.model.register(guest)
                coming_back.append(asyncio.ensure_future(server.listen(port=server.port)))

        def answer_and_go(connection: Connection, asked: Asked) -> None:
            server.deafen()
            connection.finish(answer_bytes(*server.model.apply(asked), Connection="close"))

        async with server_and_client("own", retry=RetryPolicy(base_delay=1.0), observers=[observe]) as (server, client):
            guest = server.model.add(temporary=True)
            server.faults.append(answer_and_go)
            with pytest.raises(NotTemporaryError):
                await client.customers.convert(guest, NEW)
            assert coming_back
            assert untouched(server.model, guest)

    run_instantly(main())


@pytest.mark.parametrize("wire", WIRES)
async def test_a_connection_that_ends_after_the_look_changes_nothing(wire: str) -> None:
    """The PATCH goes out on another one, and still directly after the look."""
    async with server_and_client(wire) as (server, client):
        guest = server.model.add(temporary=True)
        server.faults.append(closing)
        assert (await client.customers.convert(guest, NEW)).id == guest
        assert server.model.people[guest].converted_by == ["janesmith"]
        each_patch_was_looked_at(server, guest)


@pytest.mark.parametrize("check", [True, False])
async def test_a_patch_answered_with_a_strangers_username_is_no_success(check: bool) -> None:
    """The id is right and the customer permanent, but the account in the answer is not the one that was asked for."""
    async with server_and_client("own") as (server, client):
        guest = server.model.add(temporary=True)

        def meanwhile(connection: Connection, asked: Asked) -> None:
            server.model.register(guest)  # between the look and the PATCH, where nobody can see it
            connection.finish(connection.true_answer(asked))

        server.choose = strikes_patches(meanwhile)
        with pytest.raises(NotTemporaryError):
            await client.customers.convert(guest, NEW, check=check)


async def test_a_read_back_that_finds_a_stranger_ends_the_convert() -> None:
    """Unanswered, read back, permanent under another name: nothing more is sent."""
    async with server_and_client("own") as (server, client):
        guest = server.model.add(temporary=True)
        server.choose = strikes_patches(registered_after(drop, guest))
        with pytest.raises(NotTemporaryError):
            await client.customers.convert(guest, NEW, check=False)
        assert untouched(server.model, guest)
        assert len(server.asked) == 2


async def test_a_convert_that_was_applied_and_lost_is_not_sent_again() -> None:
    """The look before the repeat is the read-back: permanent with our username is success."""
    async with server_and_client("own") as (server, client):
        guest = server.model.add(temporary=True)
        server.choose = strikes_patches(applied(status(524)))
        assert (await client.customers.convert(guest, NEW)).id == guest
        assert len(patches(server, guest)) == 1
        assert server.model.people[guest].updates == 0


async def test_without_retries_an_unanswered_convert_of_a_stranger_is_told_apart() -> None:
    """The one read-back decides: hers, so not ours; unreadable, so unknown."""
    async with server_and_client("own", retry=RetryPolicy.none()) as (server, client):
        guest = server.model.add(temporary=True)
        server.choose = strikes_patches(registered_after(drop, guest))
        with pytest.raises(NotTemporaryError):
            await client.customers.convert(guest, NEW)
        guest = server.model.add(temporary=True)
        server.faults.extend([drop, drop])
        with pytest.raises(OutcomeUnknownError):
            await client.customers.convert(guest, NEW, check=False)
