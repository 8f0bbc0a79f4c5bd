"""A process may die at any point, with any answer lost: what comes after reaches one settled state.

Every move × every fault × every point at which its process can die: before and after each operation on the
tracker, before each request and before each answer is read.
"""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from printnow_async import (
    EmailInUseError,
    LifecycleState,
    MemoryTracker,
    NotTemporaryError,
    PrintNowClient,
    PrintNowError,
    TempUserLifecycle,
    UsernameInUseError,
)
from printnow_async.lifecycle.intent import ConvertIntent
from printnow_async.lifecycle.options import steps_of
from printnow_async.sandbox import Fault
from printnow_async.testing import run_instantly
from printnow_async.testing.tracker_suite import make_record
from tests.support.guests import (
    CREATE,
    PATCH,
    TRANSFER,
    Killed,
    Life,
    MortalTracker,
    Shop,
    account,
    clock,
    mortal_client,
    shop,
)
from tests.support.raw_server import answer, raw_server

FAULTS = {
    "none": None,
    "drop": Fault.drop(),
    "apply_then_drop": Fault.apply_then_drop(),
    "apply_then_502": Fault.apply_then_status(502),
    "status_503": Fault.status(503),
    "truncate": Fault.truncate(),
    "late": Fault.latency(8),
}
CLAIMED = 5
"""The point of a move after a start at which its step is recorded, and nothing sent."""
SETTLED = {LifecycleState.ACTIVE, LifecycleState.CONVERTED, LifecycleState.TRANSFERRED}


async def move(guest: TempUserLifecycle, name: str, member: int) -> Any:
    """Make a move of this name."""

    async def find(_: object) -> int:
        return member

    match name:
        case "convert":
            return await guest.convert(account())
        case "transfer":
            return await guest.transfer(to=member)
        case "checkout":
            return await guest.checkout(account("newname", "member@example.com"), existing=find)
    raise AssertionError(name)


async def mortal_guest(opened: Shop, life: Life) -> TempUserLifecycle:
    return await TempUserLifecycle.start(
        mortal_client(opened, life),
        MortalTracker(opened.tracker, life),
        reference="cart",
        storefront_id=1,
        clock=clock,
    )


async def die(work: Any) -> bool:
    """Run a process to its death or its end; whether it died."""
    task = asyncio.ensure_future(work)
    await asyncio.wait([task])
    error = task.exception()
    assert error is None or isinstance(error, Killed | PrintNowError), error
    return isinstance(error, Killed)


def every_point(scenario: Any, **options: Any) -> None:
    """Run a scenario again and again, dying one point later each time, until it does not die."""

    async def once(point: int) -> bool:
        async with shop(seed=point, **options) as opened:
            return await scenario(opened, Life(dies_at=point))

    async def main() -> int:
        point = 0
        while await once(point):
            point += 1
        return point

    assert run_instantly(main()) >= 5


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("name", "removes"),
    [("convert", False), ("transfer", False), ("transfer", True), ("checkout", False), ("checkout", True)],
    ids=["convert", "transfer", "transfer, source removed", "checkout", "checkout, source removed"],
)
def test_a_move_that_died_is_settled_by_recover_and_finished_by_the_next(name: str, fault: str, removes: bool) -> None:
    """After recover() one settled state that the sandbox agrees with; the same move again then succeeds, once."""

    async def scenario(opened: Shop, life: Life) -> bool:
        member = opened.member()
        guest = await opened.guest()
        temp_id = guest.temp_id or 0
        opened.sandbox.add_work(temp_id, albums=3)
        if (injected := FAULTS[fault]) is not None:
            opened.sandbox.inject(injected, route=TRANSFER if name == "transfer" else PATCH)
            if name == "checkout":
                opened.sandbox.inject(injected, route=TRANSFER)

        async def process() -> None:
            await move(await mortal_guest(opened, life), name, member)

        died = await die(process())
        await asyncio.sleep(30)  # the lease runs out, and what was on its way has landed
        opened.sandbox.clear_faults()

        survivor = await opened.resume()
        await survivor.recover()
        assert survivor.state in SETTLED
        assert survivor.record.lease_holder is None
        assert not survivor.record.unsettled
        _agrees(opened, survivor, member)

        customer = await move(survivor, name, member)
        assert survivor.account_id == customer.id == (temp_id if name == "convert" else member)
        assert opened.sandbox.customers[member].albums == (0 if name == "convert" else 3)
        assert opened.created == (1 if name == "convert" else 0)
        assert opened.temporaries == (0 if name == "convert" or removes else 1)
        _agrees(opened, survivor, member)

        before = len(opened.sandbox.requests)
        await move(survivor, name, member)
        assert all(request.method == "GET" for request in opened.sandbox.requests[before:])
        return died

    every_point(scenario, removes_transferred=removes)


def _agrees(opened: Shop, guest: TempUserLifecycle, member: int) -> None:
    """The record says what the sandbox holds."""
    customer = opened.sandbox.customers.get(guest.temp_id or 0)
    albums = opened.sandbox.customers[member].albums
    match guest.state:
        case LifecycleState.CONVERTED:
            assert customer is not None
            assert not customer.is_temporary
            assert customer.username == "janesmith"
        case LifecycleState.TRANSFERRED:
            assert albums == 3
        case _:
            assert customer is not None
            assert customer.is_temporary
            assert albums == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_start_that_died_is_made_again_and_counted(fault: str) -> None:
    """The next start has a guest; every other temporary user there may be is counted."""

    async def scenario(opened: Shop, life: Life) -> bool:
        if (injected := FAULTS[fault]) is not None:
            opened.sandbox.inject(injected, route=CREATE)
        died = await die(mortal_guest(opened, life))
        await asyncio.sleep(30)
        opened.sandbox.clear_faults()
        guest = await opened.guest()
        assert guest.state is LifecycleState.ACTIVE
        assert guest.temp_id in opened.sandbox.customers
        assert opened.temporaries - 1 <= guest.record.possible_orphans <= 1
        assert (await opened.guest()).temp_id == guest.temp_id
        return died

    every_point(scenario)


@pytest.mark.heavy(12)
@pytest.mark.once
def test_a_recovery_that_dies_is_recovered_too() -> None:
    """Killed in the middle of a convert, then in the middle of recovering it, at every point of either."""

    async def scenario(opened: Shop, first: Life) -> bool:
        deaths = []
        for second in range(30):
            reference = f"cart-{second}"
            name = f"jane-{second}"
            guest = await opened.guest(reference)
            opened.sandbox.inject(Fault.apply_then_drop(), route=PATCH)

            async def process(life: Life, reference: str = reference, name: str = name) -> None:
                mortal = await TempUserLifecycle.resume(
                    mortal_client(opened, life),
                    MortalTracker(opened.tracker, life),
                    reference=reference,
                    clock=clock,
                )
                await mortal.convert(account(name))

            first.point, first.dead = 0, False
            deaths.append(await die(process(first)))
            await asyncio.sleep(30)
            await die(process(Life(dies_at=second)))
            await asyncio.sleep(30)
            opened.sandbox.clear_faults()
            survivor = await opened.resume(reference)
            assert survivor.state in SETTLED
            assert (await survivor.convert(account(name))).id == guest.temp_id
        assert opened.created == 30
        return any(deaths)

    every_point(scenario)


# ---------------------------------------------------------------- the table of the guide, cell by cell

SAYS = ["temporary", "ours", "another", "gone", "unreadable"]


@pytest.mark.parametrize("says", SAYS)
@pytest.mark.parametrize("state", ["converting", "transferring"])
def test_each_cell_of_the_recovery_table(state: str, says: str) -> None:
    """(state, what the server says of the temporary user) → what recover() makes of it."""

    async def main() -> None:
        async with shop() as opened:
            member = opened.member()
            guest = await opened.guest()
            temp_id = guest.temp_id or 0
            opened.sandbox.add_work(temp_id, albums=3)
            life = Life(dies_at=CLAIMED)

            async def process() -> None:
                await move(await mortal_guest(opened, life), state.removesuffix("ing").replace("ferr", "fer"), member)

            assert await die(process())
            assert (await opened.tracker.load("cart")).state == state
            await asyncio.sleep(30)
            writes = opened.sent(PATCH) + opened.sent(TRANSFER)
            if says == "ours":
                await opened.client.customers.convert(temp_id, account())
            elif says == "another":
                await opened.client.customers.convert(temp_id, account("somebody"))
            elif says == "gone":
                opened.sandbox.inject(
                    Fault.status(404, body="Customer not found."), route=f"GET /api/v2/customer/{temp_id}", times=9
                )
            elif says == "unreadable":
                opened.sandbox.inject(Fault.status(500), route="GET /api/v2/customer/{id}", every=1)
            landed = opened.sent(PATCH) + opened.sent(TRANSFER)
            expected, error, written = {
                ("converting", "temporary"): ("active", None, 0),
                ("converting", "ours"): ("converted", None, 0),
                ("converting", "another"): ("active", None, 0),
                ("converting", "gone"): ("active", None, 0),
                ("converting", "unreadable"): ("converting", PrintNowError, 0),
                ("transferring", "temporary"): ("transferred", None, 1),
                ("transferring", "ours"): ("active", None, 1),
                ("transferring", "another"): ("active", None, 1),
                ("transferring", "gone"): ("transferred", None, 0),
                ("transferring", "unreadable"): ("transferring", PrintNowError, 0),
            }[state, says]
            survivor = TempUserLifecycle(opened.client, guest._steps)
            if error is None:
                await survivor.recover()
            else:
                with pytest.raises(error):
                    await survivor.recover()
            assert survivor.state == expected
            assert opened.sent(PATCH) + opened.sent(TRANSFER) - landed == written
            assert writes <= landed
            if expected != "transferred":
                assert opened.sandbox.customers[member].albums == 0

    run_instantly(main())


def test_a_guest_who_registered_elsewhere_during_the_step_is_active_and_never_patched() -> None:
    """The convert died unsent; somebody else registered the guest; the next convert says NotTemporaryError."""

    async def main() -> None:
        async with shop() as opened:
            guest = await opened.guest()
            assert await die(_convert_to_death(opened))
            await asyncio.sleep(30)
            await opened.client.customers.convert(guest.temp_id or 0, account("elsewhere"))
            patches = opened.sent(PATCH)
            with pytest.raises(NotTemporaryError):
                await (await opened.resume()).convert(account())
            assert opened.sent(PATCH) == patches

    run_instantly(main())


async def _convert_to_death(opened: Shop) -> None:
    await (await mortal_guest(opened, Life(dies_at=CLAIMED))).convert(account())


def test_a_taken_email_survives_a_death_between_refusal_and_transfer() -> None:
    """The process that asked whose the e-mail is dies; the next checkout asks again and transfers."""

    async def main() -> None:
        async with shop() as opened:
            member = opened.member()
            guest = await opened.guest()
            asked: list[Any] = []

            async def find(error: UsernameInUseError | EmailInUseError) -> int:
                asked.append(error)
                if len(asked) == 1:
                    raise Killed
                return member

            async def process() -> None:
                await guest.checkout(account("newname", "member@example.com"), existing=find)

            assert await die(process())
            customer = await (await opened.resume()).checkout(account("newname", "member@example.com"), existing=find)
            assert customer.id == member
            assert len(asked) == 2

    run_instantly(main())


async def test_a_patch_of_the_dead_that_lands_between_our_read_and_our_patch_is_found() -> None:
    """Taken over, still temporary, then "in use": by the process before us. It is ours, and it is success."""
    guest = {"id": 7, "username": "guest-7", "is_temporary": True}
    jane = {"id": 7, "username": "janesmith", "is_temporary": False}
    in_use = answer(400, {"Message": "Username is already in use."})
    async with raw_server(answer(200, guest), in_use, answer(200, jane)) as server:
        async with PrintNowClient("token", "key", base_url=server.url) as client:
            record = make_record("cart", temp_id=7)
            intent = ConvertIntent.of(account(), record)
            dead = attrs.evolve(
                record,
                state=LifecycleState.CONVERTING,
                unsettled=True,
                username_digest=intent.username_digest,
                email_digest=intent.email_digest,
            )
            tracker = MemoryTracker()
            assert await tracker.insert(dead)
            survivor = TempUserLifecycle(client, steps_of(tracker, "cart", {}))
            assert (await survivor.convert(account())).id == 7
            assert survivor.state is LifecycleState.CONVERTED
            assert [request.method for request in server.requests] == ["GET", "PATCH", "GET"]
