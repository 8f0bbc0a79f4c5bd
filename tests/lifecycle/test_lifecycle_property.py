"""Lifecycle, faults, deaths and strangers in any order: a state machine checks the promises against the sandbox."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from printnow_async import LifecycleState, PrintNowError, TempUserLifecycle
from printnow_async.sandbox import Fault
from printnow_async.testing import InstantEventLoop
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
from tests.support.scale import at_scale

FAULTS = [
    Fault.drop(),
    Fault.drop(reset=True),
    Fault.apply_then_drop(),
    Fault.apply_then_status(502),
    Fault.status(503),
    Fault.status(429, retry_after=1),
    Fault.truncate(),
    Fault.latency(8),
    Fault.latency(8, after=True),
]
ROUTES = [CREATE, PATCH, TRANSFER, "GET /api/v2/customer/{id}"]
NAMES = st.sampled_from(["anna", "bert"])
LIVES = st.none() | st.integers(0, 14)


class GuestMachine(RuleBasedStateMachine):
    """One reference, two members, any number of processes that may die."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=InstantEventLoop)
        self.stack = contextlib.AsyncExitStack()
        self.shop: Shop = self.run(self.stack.enter_async_context(shop()))
        self.members = [self.shop.member("m1"), self.shop.member("m2")]
        self.strangers: dict[int, str] = {}
        self.final: tuple[Any, ...] | None = None

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.run(self._finish())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    async def _process(self, dies_at: int | None, move: Any) -> Any:
        """Run a move as a process that may die; what it returned, or None."""
        life = Life(dies_at=dies_at)

        async def work() -> Any:
            guest = await TempUserLifecycle.start(
                mortal_client(self.shop, life),
                MortalTracker(self.shop.tracker, life),
                reference="cart",
                storefront_id=1,
                clock=clock,
                wait=1,
            )
            return await move(guest)

        task = asyncio.ensure_future(work())
        await asyncio.wait([task])
        error = task.exception()
        assert error is None or isinstance(error, Killed | PrintNowError), error
        return task.result() if error is None else None

    @rule(name=NAMES, dies_at=LIVES)
    def convert(self, name: str, dies_at: int | None) -> None:
        customer = self.run(self._process(dies_at, lambda guest: guest.convert(account(name))))
        assert customer is None or customer.username == name

    @rule(member=st.integers(0, 1), dies_at=LIVES)
    def transfer(self, member: int, dies_at: int | None) -> None:
        to = self.members[member]
        customer = self.run(self._process(dies_at, lambda guest: guest.transfer(to=to)))
        assert customer is None or customer.id == to

    @rule(dies_at=LIVES)
    def checkout(self, dies_at: int | None) -> None:
        async def find(_: object) -> int:
            return self.members[0]

        taken = account("newname", "m1@example.com")
        customer = self.run(self._process(dies_at, lambda guest: guest.checkout(taken, existing=find)))
        assert customer is None or customer.id == self.members[0]

    @rule(name=NAMES, count=st.integers(2, 4), dies_at=LIVES)
    def convert_at_once(self, name: str, count: int, dies_at: int | None) -> None:
        async def main() -> list[Any]:
            moves = [
                self._process(dies_at if i == 0 else None, lambda g: g.convert(account(name))) for i in range(count)
            ]
            return await asyncio.gather(*moves)

        assert len({customer.id for customer in self.run(main()) if customer is not None}) <= 1

    @rule(dies_at=LIVES)
    def recover(self, dies_at: int | None) -> None:
        self.run(self._process(dies_at, lambda guest: guest.recover()))

    @rule()
    def abandon(self) -> None:
        self.run(self._process(None, lambda guest: guest.abandon()))

    @rule(fault=st.sampled_from(FAULTS), route=st.sampled_from(ROUTES), times=st.integers(1, 3))
    def disturb(self, fault: Fault, route: str, times: int) -> None:
        self.shop.sandbox.inject(fault, route=route, times=times)

    @rule(seconds=st.sampled_from([1.0, 16.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @rule()
    def registers_elsewhere(self) -> None:
        """The guest becomes a permanent account behind our back."""

        async def main() -> None:
            record = await self.shop.tracker.load("cart")
            if record is None or record.temp_id is None:
                return
            self.shop.sandbox.clear_faults()
            with contextlib.suppress(PrintNowError):
                await self.shop.client.customers.convert(record.temp_id, account("stranger"))
                self.strangers[record.temp_id] = self.shop.sandbox.customers[record.temp_id].first_name

        self.run(main())

    @invariant()
    def a_final_state_stays(self) -> None:
        async def look() -> Any:
            return await self.shop.tracker.load("cart")

        record = self.run(look())
        if record is not None and record.state.is_final:
            final = (record.state, record.temp_id, record.account_id)
            assert self.final in {None, final}
            self.final = final
        if record is not None and record.state is LifecycleState.CONVERTED:
            customer = self.shop.sandbox.customers[record.account_id]
            assert not customer.is_temporary
            assert customer.username in {"anna", "bert"}

    @invariant()
    def nothing_is_there_twice_and_nobody_is_overwritten(self) -> None:
        sandbox = self.shop.sandbox
        names = [customer.username for customer in sandbox.customers.values()]
        assert len(set(names)) == len(names)
        permanent = [c for c in sandbox.customers.values() if not c.is_temporary]
        assert len(permanent) <= len(self.members) + 1
        for customer_id in self.strangers:
            assert sandbox.customers[customer_id].username == "stranger"
        assert {sandbox.customers[member].username for member in self.members} == {"m1", "m2"}

    async def _finish(self) -> None:
        """Peace at last: whatever is open is settled, and every temporary user accounted for."""
        self.shop.sandbox.clear_faults()
        await asyncio.sleep(100)
        record = await self.shop.tracker.load("cart")
        if record is None:
            return
        guest = await self.shop.resume()
        await guest.recover()
        assert not guest.state.is_step
        assert not guest.record.unsettled
        made = sum(request.route == CREATE and request.applied for request in self.shop.sandbox.requests)
        assert made <= 1 + guest.record.possible_orphans
        if guest.state is LifecycleState.CONVERTED:
            assert guest.account_id == guest.temp_id


GuestMachine.TestCase.settings = settings(max_examples=at_scale(60), stateful_step_count=25, deadline=None)
TestGuestMachine = GuestMachine.TestCase
