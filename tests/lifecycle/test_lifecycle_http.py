"""Contract, "Lifecycle": started once, followed everywhere, converted or transferred exactly once."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from printnow_async import (
    BadRequestError,
    ConnectError,
    CustomerNotFoundError,
    EmailInUseError,
    LifecycleConflictError,
    LifecycleNotFoundError,
    LifecycleState,
    NotTemporaryError,
    OutcomeUnknownError,
    RetryPolicy,
    TempUserLifecycle,
    TransitionError,
    UsernameInUseError,
)
from printnow_async.sandbox import Fault
from printnow_async.testing import run_instantly
from tests.support.guests import CREATE, PATCH, TRANSFER, Shop, account, clock, shop


def in_shop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test in an instant event loop, with a shop of its own."""

    def run(**arguments: Any) -> None:
        async def main() -> None:
            async with shop() as opened:
                await test(opened, **arguments)
                assert opened.client.limits.in_flight == 0
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run_instantly(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    given = list(inspect.signature(test).parameters.values())[1:]  # pytest gives the rest, and no shop
    run.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    return run


@in_shop
async def test_a_guest_is_started_once_under_its_reference(shop: Shop) -> None:
    """Get-or-create: the second start finds the first one's temporary user."""
    first, second = await shop.guest(), await shop.guest()
    assert first.temp_id == second.temp_id
    assert first.state is LifecycleState.ACTIVE
    assert first.account_id is None
    assert shop.temporaries == 1


@in_shop
async def test_two_processes_that_start_at_once_make_one_temporary_user(shop: Shop) -> None:
    """Twenty starts of one reference, one POST."""
    guests = await asyncio.gather(*(shop.guest() for _ in range(20)))
    assert len({guest.temp_id for guest in guests}) == 1
    assert shop.sent(CREATE) == 1


@in_shop
async def test_another_reference_is_another_guest(shop: Shop) -> None:
    """References do not touch each other."""
    assert (await shop.guest("a")).temp_id != (await shop.guest("b")).temp_id


@in_shop
async def test_a_reference_belongs_to_its_storefront(shop: Shop) -> None:
    """start with another storefront is a conflict, and no request."""
    await shop.guest()
    with pytest.raises(LifecycleConflictError):
        await TempUserLifecycle.start(shop.client, shop.tracker, reference="cart", storefront_id=2)
    assert shop.sent(CREATE) == 1


@in_shop
async def test_resume_finds_what_is_tracked_and_nothing_else(shop: Shop) -> None:
    """LifecycleNotFoundError names the reference."""
    guest = await shop.guest()
    assert (await shop.resume()).temp_id == guest.temp_id
    with pytest.raises(LifecycleNotFoundError) as caught:
        await shop.resume("nobody")
    assert caught.value.reference == "nobody"


@in_shop
async def test_adopt_tracks_a_temporary_user_made_elsewhere(shop: Shop) -> None:
    """It is read, and its storefront known; the same again is the same guest; another id is a conflict."""
    elsewhere = await shop.client.customers.create_temporary(storefront_id=2)
    guest = await TempUserLifecycle.adopt(shop.client, shop.tracker, reference="x", temp_id=elsewhere.id)
    assert (guest.temp_id, guest.state, guest.record.storefront_id) == (elsewhere.id, LifecycleState.ACTIVE, 2)
    again = await TempUserLifecycle.adopt(shop.client, shop.tracker, reference="x", temp_id=elsewhere.id)
    assert again.record == guest.record
    with pytest.raises(LifecycleConflictError):
        await TempUserLifecycle.adopt(shop.client, shop.tracker, reference="x", temp_id=elsewhere.id + 1)


@in_shop
async def test_adopt_refuses_a_permanent_customer(shop: Shop) -> None:
    """NotTemporaryError, and nothing is tracked."""
    with pytest.raises(NotTemporaryError):
        await TempUserLifecycle.adopt(shop.client, shop.tracker, reference="x", temp_id=shop.member())
    with pytest.raises(LifecycleNotFoundError):
        await shop.resume("x")


@in_shop
async def test_convert_makes_the_guest_the_account(shop: Shop) -> None:
    """The same customer, permanent; the record says so; the transitions were told in order."""
    guest = await shop.guest()
    customer = await guest.convert(account())
    assert customer.id == guest.temp_id == guest.account_id
    assert customer.username == "janesmith"
    assert guest.state is LifecycleState.CONVERTED
    assert [transition.after.value for transition in shop.transitions] == [
        "creating",
        "active",
        "converting",
        "converted",
    ]
    assert shop.transitions[0].before is None
    assert {transition.reference for transition in shop.transitions} == {"cart"}


@in_shop
async def test_the_same_convert_again_returns_the_same_customer_without_a_write(shop: Shop) -> None:
    """Case of the username makes no difference; another password does not either: it is not stored."""
    guest = await shop.guest()
    customer = await guest.convert(account())
    assert (await (await shop.resume()).convert(account("JaneSmith", "janesmith@example.com"))).id == customer.id
    assert shop.sent(PATCH) == 1


@in_shop
async def test_many_that_convert_at_once_send_one_patch_and_get_the_same_customer(shop: Shop) -> None:
    """A user who double-clicks, on many processes."""
    await shop.guest()
    guests = [await shop.resume() for _ in range(10)]
    customers = await asyncio.gather(*(guest.convert(account()) for guest in guests))
    assert len({customer.id for customer in customers}) == 1
    assert shop.sent(PATCH) == 1


@in_shop
async def test_one_handle_may_be_used_by_many_tasks(shop: Shop) -> None:
    """The same object, ten times at once."""
    guest = await shop.guest()
    customers = await asyncio.gather(*(guest.convert(account()) for _ in range(10)))
    assert len({customer.id for customer in customers}) == 1
    assert shop.sent(PATCH) == 1
    assert guest.record.lease_holder is None


@in_shop
async def test_another_convert_is_a_conflict_and_no_request(shop: Shop) -> None:
    """After success as well as while the first is under way."""
    guest, other = await shop.guest(), await shop.guest()
    shop.sandbox.inject(Fault.latency(2), route=PATCH)
    first = asyncio.ensure_future(guest.convert(account()))
    await asyncio.sleep(1)
    before = len(shop.sandbox.requests)
    with pytest.raises(LifecycleConflictError):
        await other.convert(account("somebody"))
    with pytest.raises(LifecycleConflictError):
        await other.transfer(to=12345)
    assert len(shop.sandbox.requests) == before
    await first
    with pytest.raises(LifecycleConflictError):
        await other.convert(account("somebody"))
    with pytest.raises(LifecycleConflictError):
        await other.convert(account("janesmith", "another@example.com"))
    with pytest.raises(LifecycleConflictError):
        await other.transfer(to=12345)
    assert shop.sent(PATCH) == 1


@in_shop
async def test_transfer_moves_everything_once(shop: Shop) -> None:
    """To the destination, which is returned; again without a write; elsewhere it is a conflict."""
    member = shop.member()
    guest = await shop.guest()
    shop.sandbox.add_work(guest.temp_id or 0, albums=3)
    customers = await asyncio.gather(*(guest.transfer(to=member) for _ in range(10)))
    assert {customer.id for customer in customers} == {member}
    assert (guest.state, guest.account_id) == (LifecycleState.TRANSFERRED, member)
    assert shop.sandbox.customers[member].albums == 3
    assert shop.sent(TRANSFER) == 1
    with pytest.raises(LifecycleConflictError):
        await guest.transfer(to=shop.member("other"))
    with pytest.raises(LifecycleConflictError):
        await guest.convert(account())


@in_shop
async def test_a_refused_convert_falls_back_to_active(shop: Shop) -> None:
    """The username is taken: the error comes through, and another one may be tried at once."""
    shop.member("janesmith")
    guest = await shop.guest()
    with pytest.raises(UsernameInUseError):
        await guest.convert(account())
    assert guest.state is LifecycleState.ACTIVE
    assert (await guest.convert(account("janesmith2"))).username == "janesmith2"


@in_shop
async def test_a_transfer_to_nobody_falls_back_to_active(shop: Shop) -> None:
    """CustomerNotFoundError, and the guest is as before."""
    guest = await shop.guest()
    with pytest.raises(CustomerNotFoundError):
        await guest.transfer(to=987654321)
    assert guest.state is LifecycleState.ACTIVE


@in_shop
async def test_a_step_that_was_never_sent_falls_back_to_active(shop: Shop) -> None:
    """The service is away: nothing happened, and nothing is left open."""
    guest = await shop.guest()
    await shop.sandbox.aclose()
    with pytest.raises(ConnectError):
        await guest.convert(account())
    assert guest.state is LifecycleState.ACTIVE
    assert not guest.record.unsettled


@in_shop
async def test_checkout_converts_where_it_can(shop: Shop) -> None:
    """Nobody is asked."""
    guest = await shop.guest()
    customer = await guest.checkout(account(), existing=_never_asked)
    assert customer.id == guest.temp_id


@in_shop
async def test_checkout_transfers_where_the_email_is_taken(shop: Shop) -> None:
    """The caller says whose it is; the same checkout again asks nobody and writes nothing."""
    member = shop.member("jane")
    guest = await shop.guest()
    shop.sandbox.add_work(guest.temp_id or 0, projects=4)
    asked: list[Any] = []

    async def find(error: UsernameInUseError | EmailInUseError) -> int:
        asked.append(error)
        return member

    customer = await guest.checkout(account("newname", "jane@example.com"), existing=find)
    assert customer.id == member
    assert [type(error) for error in asked] == [EmailInUseError]
    assert shop.sandbox.customers[member].projects == 4
    writes = shop.sent(PATCH), shop.sent(TRANSFER)
    again = await (await shop.resume()).checkout(account("newname", "jane@example.com"), existing=_never_asked)
    assert again.id == member
    assert (shop.sent(PATCH), shop.sent(TRANSFER)) == writes


@in_shop
async def test_many_checkouts_at_once_end_in_one_transfer(shop: Shop) -> None:
    """All get the same customer, and no error that a user would see."""
    member = shop.member("jane")
    await shop.guest()

    async def find(_: object) -> int:
        await asyncio.sleep(0.3)
        return member

    guests = [await shop.resume() for _ in range(8)]
    customers = await asyncio.gather(
        *(guest.checkout(account("newname", "jane@example.com"), existing=find) for guest in guests)
    )
    assert {customer.id for customer in customers} == {member}
    assert shop.sent(TRANSFER) == 1


@in_shop
async def test_checkout_without_an_answer_lets_the_error_through(shop: Shop) -> None:
    """existing gives None: the user has to choose another e-mail address."""
    shop.member("jane")
    guest = await shop.guest()

    async def nobody(_: object) -> None:
        return None

    with pytest.raises(EmailInUseError):
        await guest.checkout(account("newname", "jane@example.com"), existing=nobody)
    assert guest.state is LifecycleState.ACTIVE


@in_shop
async def test_a_guest_who_registered_elsewhere_is_never_patched(shop: Shop) -> None:
    """NotTemporaryError, no PATCH; the account is as it was."""
    guest = await shop.guest()
    await shop.client.customers.convert(guest.temp_id or 0, account("elsewhere"))
    patches, before = shop.sent(PATCH), shop.sandbox.customers[guest.temp_id or 0]
    with pytest.raises(NotTemporaryError):
        await guest.convert(account())
    assert shop.sent(PATCH) == patches
    assert shop.sandbox.customers[guest.temp_id or 0] == before
    assert guest.state is LifecycleState.ACTIVE


@in_shop
async def test_an_abandoned_guest_goes_nowhere(shop: Shop) -> None:
    """Every move is a TransitionError; abandoning again is nothing; the temporary user stays."""
    guest = await shop.guest()
    await guest.abandon()
    await guest.abandon()
    assert guest.state is LifecycleState.ABANDONED
    with pytest.raises(TransitionError):
        await guest.convert(account())
    with pytest.raises(TransitionError):
        await guest.transfer(to=shop.member())
    assert shop.temporaries == 1


@in_shop
async def test_a_converted_guest_cannot_be_abandoned(shop: Shop) -> None:
    """TransitionError after the end."""
    guest = await shop.guest()
    await guest.convert(account())
    with pytest.raises(TransitionError):
        await guest.abandon()


@in_shop
async def test_a_start_without_an_answer_is_unknown_and_counted(shop: Shop) -> None:
    """The next start makes a new temporary user, and the record counts the other one."""
    shop.sandbox.inject(Fault.apply_then_drop(), route=CREATE)
    with pytest.raises(OutcomeUnknownError):
        await shop.guest()
    guest = await shop.guest()
    assert guest.state is LifecycleState.ACTIVE
    assert guest.record.possible_orphans == 1
    assert shop.temporaries == 2


@in_shop
async def test_a_start_that_was_refused_leaves_no_orphan_to_count(shop: Shop) -> None:
    """Nothing was created, and it is known."""
    shop.sandbox.inject(Fault.status(400), route=CREATE)
    with pytest.raises(BadRequestError):
        await shop.guest()
    guest = await shop.guest()
    assert guest.record.possible_orphans == 0
    assert shop.temporaries == 1


@in_shop
async def test_an_unknown_convert_is_settled_by_the_next_one(shop: Shop) -> None:
    """The answers of PATCH and read-back are lost; the same convert again finds the account."""
    guest = await shop.guest()
    hasty = shop.client.with_options(retry=RetryPolicy.none())
    hurried = await TempUserLifecycle.resume(hasty, shop.tracker, reference="cart", clock=clock)
    shop.sandbox.inject(Fault.apply_then_drop(), route=PATCH)
    with pytest.raises(OutcomeUnknownError):
        await _convert_with_lost_read_back(shop, hurried)
    assert hurried.state is LifecycleState.CONVERTING
    assert not hurried.record.lease_holder
    customer = await guest.convert(account())
    assert customer.id == guest.temp_id
    assert shop.sent(PATCH) == 1
    assert guest.state is LifecycleState.CONVERTED


async def _convert_with_lost_read_back(shop: Shop, guest: TempUserLifecycle) -> None:
    """Convert, with every GET failing from the PATCH on."""
    converting = asyncio.ensure_future(guest.convert(account()))
    while not shop.sent(PATCH):
        await asyncio.sleep(0)
    shop.sandbox.inject(Fault.status(500), route="GET /api/v2/customer/{id}")
    await converting


@in_shop
async def test_a_patch_that_lands_after_its_read_back_is_settled_later(shop: Shop) -> None:
    """Contract, the second thing no client can know: the record says active, the next convert finds the account."""
    guest = await shop.guest()
    shop.sandbox.inject(Fault.latency(60), route=PATCH, times=1)
    hasty = await TempUserLifecycle.resume(
        shop.client.with_options(retry=RetryPolicy.none()), shop.tracker, reference="cart", clock=clock
    )
    with pytest.raises(OutcomeUnknownError):
        await hasty.convert(account())
    await hasty.recover()
    assert hasty.state is LifecycleState.ACTIVE
    await asyncio.sleep(100)  # it lands
    patches = shop.sent(PATCH)
    with pytest.raises(LifecycleConflictError):
        await guest.convert(account("somebody"))
    assert guest.state is LifecycleState.CONVERTED
    assert (await guest.convert(account())).username == "janesmith"
    assert shop.sent(PATCH) == patches


@in_shop
async def test_a_second_process_waits_for_the_first_ones_result(shop: Shop) -> None:
    """For as long as `wait` says, then it is a conflict; the holder's lease is renewed meanwhile."""
    guest, other = await shop.guest(lease=3), await shop.resume()
    hurried = await shop.resume(wait=1)
    shop.sandbox.inject(Fault.latency(4.5), route=PATCH)
    first = asyncio.ensure_future(guest.convert(account()))
    await asyncio.sleep(0.5)
    second = asyncio.ensure_future(other.convert(account()))
    with pytest.raises(LifecycleConflictError, match="another process"):
        await hurried.convert(account())
    assert (await first).id == (await second).id
    assert shop.sent(PATCH) == 1


@in_shop
async def test_a_cancelled_step_is_let_go_at_once(shop: Shop) -> None:
    """The web framework cancels the request: the next one need not wait for the lease to run out."""
    guest = await shop.guest()
    shop.sandbox.inject(Fault.latency(1), route=PATCH)
    first = asyncio.ensure_future(guest.convert(account()))
    await asyncio.sleep(0.5)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert guest.state is LifecycleState.CONVERTING
    assert guest.record.lease_holder is None
    await asyncio.sleep(1)  # it is applied all the same
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await (await shop.resume()).convert(account())).username == "janesmith"
    assert loop.time() - began < 1
    assert shop.applied(PATCH) == 1


@in_shop
async def test_an_observer_that_raises_changes_nothing(shop: Shop) -> None:
    """Plain or asynchronous, it is logged and ignored."""
    seen: list[str] = []

    async def later(transition: Any) -> None:
        await asyncio.sleep(0)
        seen.append(transition.after.value)
        raise RuntimeError("no mail server")

    logging.getLogger("printnow_async").addHandler(handler := logging.NullHandler())
    guest = await shop.guest(on_transition=later)
    logging.getLogger("printnow_async").removeHandler(handler)
    assert seen == ["creating", "active"]
    assert guest.state is LifecycleState.ACTIVE


@in_shop
async def test_nothing_personal_is_stored(shop: Shop) -> None:
    """No password, username, e-mail address, token or key, nor a digest that another record shares."""
    first, second = await shop.guest("a"), await shop.guest("b")
    await first.convert(account())
    with pytest.raises(UsernameInUseError):
        await second.convert(account())
    stored = repr((first.record, second.record)).casefold()
    for secret in ("janesmith", "securepass123", "example.com", shop.sandbox.token, shop.sandbox.key):
        assert secret not in stored
    assert first.record.username_digest != second.record.username_digest


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        *(({"reference": value}, "reference") for value in ("", "x" * 201, 5, "a\0b", "a\ud800", "\udc00b")),
        *(({"lease": value}, "lease") for value in (0, -1, math.inf, math.nan, "long", True)),
        *(({"wait": value}, "wait") for value in (-1, math.inf, math.nan, "long")),
        ({"leese": 5}, "no such option: leese"),
    ],
)
@in_shop
async def test_a_wrong_option_is_named_before_any_request(shop: Shop, arguments: dict[str, Any], named: str) -> None:
    """ValueError from each of the three ways to a guest, and the tracker is not asked either."""
    for way in (
        partial(TempUserLifecycle.start, storefront_id=1),
        TempUserLifecycle.resume,
        partial(TempUserLifecycle.adopt, temp_id=7),
    ):
        with pytest.raises(ValueError, match=f"^{named}"):
            await way(shop.client, None, **{"reference": "cart", **arguments})
    assert not shop.sandbox.requests


@pytest.mark.parametrize("value", [0, -1, 2**63, True, 1.0, "1", None])
@in_shop
async def test_an_id_that_is_none_is_named_before_any_request(shop: Shop, value: Any) -> None:
    """ValueError, and nothing is recorded."""
    guest = await shop.guest()
    before, record = len(shop.sandbox.requests), guest.record
    with pytest.raises(ValueError, match=r"^storefront_id must"):
        await TempUserLifecycle.start(shop.client, shop.tracker, reference="new", storefront_id=value)
    with pytest.raises(ValueError, match=r"^temp_id must"):
        await TempUserLifecycle.adopt(shop.client, shop.tracker, reference="new", temp_id=value)
    with pytest.raises(ValueError, match=r"^to must"):
        await guest.transfer(to=value)
    assert len(shop.sandbox.requests) == before
    assert await shop.tracker.load("new") is None
    assert await shop.tracker.load("cart") == record


@in_shop
async def test_an_account_that_is_none_is_named(shop: Shop) -> None:
    """By convert and by checkout."""
    guest = await shop.guest()
    with pytest.raises(ValueError, match="account must"):
        await guest.convert("janesmith")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="account must"):
        await guest.checkout("janesmith", existing=_never_asked)  # type: ignore[arg-type]


@in_shop
async def test_a_transfer_to_the_guest_itself_is_refused_before_anything_is_recorded(shop: Shop) -> None:
    """ValueError, and the guest is as it was."""
    guest = await shop.guest()
    with pytest.raises(ValueError, match="another customer"):
        await guest.transfer(to=guest.temp_id or 0)
    assert guest.state is LifecycleState.ACTIVE


@in_shop
async def test_a_start_that_was_cut_off_is_abandoned_without_being_made_again(shop: Shop) -> None:
    """resume(recover=False) makes no request; the temporary user that may be there is counted."""
    shop.sandbox.inject(Fault.apply_then_drop(), route=CREATE)
    with pytest.raises(OutcomeUnknownError):
        await shop.guest()
    guest = await shop.resume(recover=False)
    assert guest.state is LifecycleState.CREATING
    await guest.abandon()
    assert (guest.state, guest.record.possible_orphans) == (LifecycleState.ABANDONED, 1)
    assert shop.sent(CREATE) == 1


@in_shop
async def test_repr_says_where_it_is(shop: Shop) -> None:
    """For a log line."""
    guest = await shop.guest()
    assert repr(guest) == f"<TempUserLifecycle 'cart': active, temporary user {guest.temp_id}>"
    assert guest.reference == "cart"


async def _never_asked(_: object) -> int:
    raise AssertionError("nobody should be asked")
