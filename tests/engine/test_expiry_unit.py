"""One timer ends every attempt at its time, by the rules of cancellation that `asyncio.timeout` keeps."""

from __future__ import annotations

import asyncio

from printnow_async._http.expiry import Expiry
from tests.support.loops import on_fake_time


def now():
    return asyncio.get_running_loop().time()


async def bounded(expiry, ends, seconds):
    """Wait so long under a bound; "timeout" where the bound came first."""
    bound = expiry.begin(ends)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError as error:
        if not bound.caused(error):
            raise
        return "timeout"
    finally:
        bound.end()
    return "done"


@on_fake_time
async def test_each_attempt_ends_at_its_own_time():
    expiry = Expiry(asyncio.get_running_loop())
    ends = {}

    async def one(after):
        assert await bounded(expiry, after, 100.0) == "timeout"
        ends[after] = now()

    await asyncio.gather(*map(one, (5.0, 1.0, 3.0, 3.0)))
    assert ends == {1.0: 1.0, 3.0: 3.0, 5.0: 5.0}
    assert asyncio.current_task().cancelling() == 0


@on_fake_time
async def test_an_attempt_that_ends_before_is_left_alone_afterwards():
    expiry = Expiry(asyncio.get_running_loop())
    assert await bounded(expiry, 2.0, 1.0) == "done"
    await asyncio.sleep(10.0)
    assert now() == 11.0


@on_fake_time
async def test_an_attempt_without_a_bound_goes_on():
    assert await bounded(Expiry(asyncio.get_running_loop()), None, 1e6) == "done"


@on_fake_time
async def test_a_cancellation_from_outside_passes_through_even_at_the_same_moment():
    expiry = Expiry(asyncio.get_running_loop())
    for after in (50.0, 1.0):
        task = asyncio.ensure_future(bounded(expiry, now() + after, 100.0))
        asyncio.get_running_loop().call_later(1.0, task.cancel)
        assert await asyncio.gather(task, return_exceptions=True) != ["timeout"]
        assert task.cancelled()


@on_fake_time
async def test_a_cancellation_that_was_made_another_error_is_forgotten_by_the_task():
    """A caller's own timeout counts the cancellations of its task."""
    bound = Expiry(asyncio.get_running_loop()).begin(1.0)
    try:
        await asyncio.sleep(5.0)
    except asyncio.CancelledError:
        pass
    finally:
        bound.end()
    assert asyncio.current_task().cancelling() == 0


@on_fake_time
async def test_closing_ends_what_is_under_way_and_leaves_no_timer():
    expiry = Expiry(asyncio.get_running_loop())
    tasks = [asyncio.ensure_future(bounded(expiry, ends, 100.0)) for ends in (50.0, None)]
    await asyncio.sleep(1.0)
    expiry.close()
    assert await asyncio.gather(*tasks) == ["timeout", "timeout"]
    assert now() == 1.0


@on_fake_time
async def test_attempts_that_have_ended_are_forgotten():
    expiry = Expiry(asyncio.get_running_loop())
    for _ in range(1_000):
        expiry.begin(now() + 30.0).end()
    assert len(expiry._heap) <= 65
