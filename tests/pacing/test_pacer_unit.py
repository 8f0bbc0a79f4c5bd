"""A pacer is waited for before each attempt, and nothing is sent where a pacer fails. On a clock that is moved."""

from __future__ import annotations

import asyncio
import pickle

import pytest

from printnow_async import (
    CallEvent,
    ConfigurationError,
    DeadlineExceededError,
    Limits,
    NewAccount,
    OutcomeUnknownError,
    PacerError,
    PrintNowClient,
    RateLimitError,
    RawResponse,
    RetryPolicy,
    Sent,
    Timeout,
)
from tests.support.loops import on_fake_time
from tests.support.transports import EMPTY, LOST, UNSENT, FakeTransport, client_on, found

JANE = NewAccount("janesmith", "securepass123", "jane@example.com", "Jane", "Smith")
AT_ONCE = RetryPolicy(base_delay=0, max_delay=0)


class Log(FakeTransport):
    """A transport and a pacer that write one log of what happens, with the time."""

    def __init__(self, *outcomes, slow=0.0, fails_at=None, hold_fails=False):
        super().__init__(*outcomes)
        self.log, self.slow, self.fails_at, self.hold_fails, self.turns = [], slow, fails_at, hold_fails, 0

    async def attempt(self, request, *, ends, connect):
        self.log.append(request.endpoint.method)
        self.ends = ends
        return await super().attempt(request, ends=ends, connect=connect)

    async def turn(self):
        if self.turns == self.fails_at:
            raise OSError("the database is gone")
        self.turns += 1
        await asyncio.sleep(self.slow)
        self.log.append("turn")

    async def hold(self, seconds):
        if self.hold_fails:
            raise OSError("the database is gone")
        self.log.append(f"hold {seconds:g}")


def paced(log, **options):
    return client_on(log, pacer=log, **{"retry": AT_ONCE, **options})


@on_fake_time
async def test_a_turn_is_taken_before_each_attempt():
    log = Log(UNSENT, LOST, EMPTY)
    await paced(log).ping()
    assert log.log == ["turn", "GET"] * 3


@on_fake_time
async def test_a_client_with_other_options_has_the_same_pacer():
    log = Log(EMPTY)
    await paced(log).with_options(timeout=Timeout()).ping()
    assert log.log == ["turn", "GET"]


@on_fake_time
async def test_a_pacer_that_is_slower_than_the_deadline_ends_the_call_with_nothing_sent():
    log, seen = Log(EMPTY, slow=60.0), []
    client = paced(log, timeout=Timeout(attempt=1.0, total=10.0), observers=[seen.append])
    with pytest.raises(DeadlineExceededError) as caught:
        await client.customers.create_temporary(storefront_id=1)
    assert asyncio.get_running_loop().time() == 10.0
    assert caught.value.sent is Sent.NEVER
    assert log.requests == []
    assert client.limits.in_flight == 0
    assert [event.sent for event in seen if isinstance(event, CallEvent)] == [Sent.NEVER]


@on_fake_time
async def test_the_wait_for_a_turn_is_no_part_of_the_attempt():
    """An attempt has its whole time after the turn."""
    log = Log(EMPTY, slow=60.0)
    await paced(log, timeout=Timeout(attempt=1.0, total=None)).ping()
    assert log.ends == 61.0


@on_fake_time
async def test_a_convert_takes_both_turns_before_it_looks_and_none_before_it_writes():
    """What the look has shown is old when a turn stands between the look and the write."""
    guest, jane = found(id=7, is_temporary=True), found(id=7, username="janesmith", is_temporary=False)
    log = Log(guest, UNSENT, guest, jane)
    await paced(log).customers.convert(7, JANE)
    assert log.log == ["turn", "turn", "GET", "PATCH"] * 2


@on_fake_time
async def test_a_convert_without_a_look_takes_one_turn():
    log = Log(found(id=7, username="janesmith", is_temporary=False))
    await paced(log).customers.convert(7, JANE, check=False)
    assert log.log == ["turn", "PATCH"]


@on_fake_time
async def test_a_429_with_retry_after_holds_everybody_who_shares_the_pacer():
    log = Log(RawResponse(429, retry_after=60.0), EMPTY)
    await paced(log).ping()
    assert log.log == ["turn", "GET", "hold 60", "turn", "GET"]
    assert asyncio.get_running_loop().time() >= 60.0


@pytest.mark.parametrize(
    "refusal",
    [RawResponse(429, retry_after=121.0), RawResponse(429), RawResponse(503, retry_after=5.0)],
    ids=["longer than max_retry_after", "no Retry-After", "503"],
)
@on_fake_time
async def test_no_other_refusal_holds_anybody(refusal):
    """One that is longer than we would wait ourselves is not for others to wait either."""
    log = Log(refusal)
    with pytest.raises(Exception, match=str(refusal.status)):
        await paced(log, retry=RetryPolicy.none()).ping()
    assert log.log == ["turn", "GET"]


@on_fake_time
async def test_a_pacer_that_fails_at_first_ends_the_call_with_nothing_sent():
    log = Log(EMPTY, fails_at=0)
    client = paced(log)
    with pytest.raises(PacerError, match="the pacer failed: OSError") as caught:
        await client.customers.create(JANE, storefront_id=1)
    assert caught.value.sent is Sent.NEVER
    assert isinstance(caught.value.__cause__, OSError)
    assert log.requests == []
    assert client.limits.in_flight == 0
    assert pickle.loads(pickle.dumps(caught.value)).sent is Sent.NEVER  # noqa: S301 - made in this process


@on_fake_time
async def test_a_pacer_that_fails_after_an_attempt_that_was_not_sent_leaves_nothing_unknown():
    log = Log(UNSENT, fails_at=1)
    with pytest.raises(PacerError) as caught:
        await paced(log).customers.create(JANE, storefront_id=1)
    assert caught.value.sent is Sent.NEVER


@on_fake_time
async def test_a_pacer_that_fails_after_an_unanswered_write_leaves_that_write_unknown():
    log = Log(LOST, fails_at=1)
    with pytest.raises(OutcomeUnknownError) as caught:
        await paced(log).customers.create(JANE, storefront_id=1)
    assert isinstance(caught.value.__cause__, PacerError)
    assert caught.value.__cause__.sent is Sent.MAYBE
    assert isinstance(caught.value.__cause__.__cause__, OSError)
    assert caught.value.evidence == ("attempt 1: the connection was lost",)


@on_fake_time
async def test_a_pacer_that_fails_after_an_unanswered_read_ends_in_the_pacers_error():
    log = Log(LOST, fails_at=1)
    with pytest.raises(PacerError) as caught:
        await paced(log).customers.get(7)
    assert caught.value.sent is Sent.MAYBE


@on_fake_time
async def test_a_pacer_whose_hold_fails_ends_the_call():
    log = Log(RawResponse(429, retry_after=1.0), hold_fails=True)
    with pytest.raises(PacerError):
        await paced(log).customers.create(JANE, storefront_id=1)
    assert len(log.requests) == 1


@on_fake_time
async def test_a_time_out_of_the_pacers_own_is_not_our_deadline():
    class TimesOut(Log):
        async def turn(self):
            raise TimeoutError

    with pytest.raises(PacerError, match="TimeoutError"):
        await paced(TimesOut(EMPTY)).ping()


@on_fake_time
async def test_a_call_that_waits_for_its_turn_holds_its_place_and_gives_it_back_when_it_is_cancelled():
    client = paced(Log(EMPTY, slow=60.0), limits=Limits(max_concurrency=1))
    waiting = asyncio.ensure_future(client.ping())
    await asyncio.sleep(1)
    assert client.limits.in_flight == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert client.limits.in_flight == 0


class OnlyTurns:
    async def turn(self):
        pass


@pytest.mark.parametrize("value", ["fast", 50, object(), OnlyTurns()], ids=lambda value: type(value).__name__)
def test_what_cannot_pace_is_refused_when_the_client_is_made(value):
    with pytest.raises(ConfigurationError, match="pacer must have the coroutines turn and hold"):
        PrintNowClient("token", "key", pacer=value)


@on_fake_time
async def test_a_hold_that_takes_long_does_not_outlast_the_deadline():
    """The call ends with the refusal that it has."""

    class Slow(Log):
        async def hold(self, seconds):
            await asyncio.sleep(600.0)

    client = paced(Slow(RawResponse(429, retry_after=1.0)), timeout=Timeout(attempt=1.0, total=10.0))
    with pytest.raises(RateLimitError):
        await client.ping()
    assert asyncio.get_running_loop().time() == 10.0


@on_fake_time
async def test_a_refusal_that_is_not_repeated_still_holds_the_others():
    log = Log(RawResponse(429, retry_after=60.0))
    with pytest.raises(RateLimitError):
        await paced(log, retry=RetryPolicy.none()).ping()
    assert log.log == ["turn", "GET", "hold 60"]
