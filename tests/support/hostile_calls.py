"""The operations as a hostile server sees them: how each is called, and by the model what became of the call."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from printnow_async import (
    CustomerUpdate,
    InvalidResponseError,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
    WebhookEvent,
)
from tests.support.hostile_clients import account
from tests.support.hostile_model import Model


@attrs.define
class Prepared:
    """One call that is about to be made: nobody else's customer, name or storefront is in it."""

    operation: str
    run: Callable[[PrintNowClient], Awaitable[Any]]
    applied: Callable[[], int] | None = None
    """How often it took effect, by the model; None for a read."""
    is_right: Callable[[Any], bool] = lambda _: True
    """Whether this is the result that it should have."""
    harmed: Callable[[], bool] = lambda: False
    """Whether it changed somebody else."""
    subject: int = 0
    """The customer that the path names, where there is one."""
    fails: bool = False
    """Whether the server refuses it, so that no success can be true."""


def prepare(operation: str, model: Model, rng: random.Random, serial: int) -> Prepared:
    """A call of the operation, with everything it needs in the model."""
    return _PREPARE[operation](model, rng, serial)


def _get(model: Model, _: random.Random, __: int) -> Prepared:
    number = model.add()
    return Prepared("get", lambda c: c.customers.get(number), None, lambda got: got.id == number)


def _create(model: Model, rng: random.Random, serial: int) -> Prepared:
    name, taken = f"user-{serial}", rng.random() < 0.3
    if taken:
        model.add(name=name)

    def applied() -> int:
        return sum(person.username == name for person in model.made)

    def is_right(got: Any) -> bool:
        return bool(got.username == name and got.id in {person.id for person in model.made})

    return Prepared(
        "create", lambda c: c.customers.create(account(name), storefront_id=1), applied, is_right, fails=taken
    )


def _create_temporary(model: Model, _: random.Random, serial: int) -> Prepared:
    storefront = 10_000 + serial

    def made() -> list[int]:
        return [person.id for person in model.made if person.storefront == storefront]

    return Prepared(
        "create_temporary",
        lambda c: c.customers.create_temporary(storefront_id=storefront),
        lambda: len(made()),
        lambda got: got.id in made(),
    )


def _update(model: Model, rng: random.Random, serial: int) -> Prepared:
    number, company = model.add(), f"company-{serial}"
    missing = rng.random() < 0.2
    person = model.people[number]
    if missing:
        del model.people[number]

    return Prepared(
        "update",
        lambda c: c.customers.update(number, CustomerUpdate(company=company)),
        lambda: int(person.company == company),
        lambda got: got.id == number and got.company == company,
        fails=missing,
    )


def _delete(model: Model, _: random.Random, __: int) -> Prepared:
    number = model.add()
    return Prepared("delete", lambda c: c.customers.delete(number), lambda: model.deleted.get(number, 0))


def _convert(model: Model, rng: random.Random, serial: int) -> Prepared:
    number, name, taken = model.add(temporary=True), f"convert-{serial}", rng.random() < 0.2
    person = model.people[number]
    if taken:
        model.add(name=name)
    return Prepared(
        "convert",
        lambda c: c.customers.convert(number, account(name)),
        lambda: len(person.converted_by),
        lambda got: got.id == number and got.username == name and person.username == name,
        lambda: person.overwritten > 0,
        subject=number,
        fails=taken,
    )


def _transfer(model: Model, rng: random.Random, _: int) -> Prepared:
    source, destination, missing = model.add(temporary=True), model.add(), rng.random() < 0.2
    person = model.people[destination]
    if missing:
        del model.people[destination]
    return Prepared(
        "transfer",
        lambda c: c.customers.transfer(source, to=destination),
        lambda: person.received.count(source),
        lambda got: got.id == destination,
        fails=missing,
    )


def _subscribe(model: Model, _: random.Random, serial: int) -> Prepared:
    url = f"https://example.com/{serial}"

    def mine() -> list[int]:
        return [number for number, hook in model.hooks.items() if hook["target_url"] == url]

    return Prepared(
        "subscribe",
        lambda c: c.webhooks.subscribe(url, WebhookEvent.CUSTOMER_CREATED),
        lambda: len(mine()),
        lambda got: got.id in mine(),
    )


def _unsubscribe(model: Model, _: random.Random, serial: int) -> Prepared:
    number = model.add_hook(f"https://example.com/old/{serial}", "order_created")
    return Prepared("unsubscribe", lambda c: c.webhooks.unsubscribe(number), lambda: model.unsubscribed.get(number, 0))


_PREPARE: dict[str, Callable[[Model, random.Random, int], Prepared]] = {
    "ping": lambda *_: Prepared("ping", lambda c: c.ping()),
    "storefronts": lambda *_: Prepared(
        "storefronts", lambda c: c.storefronts.list(), None, lambda got: [each.id for each in got] == [1]
    ),
    "get": _get,
    "create": _create,
    "create_temporary": _create_temporary,
    "update": _update,
    "delete": _delete,
    "convert": _convert,
    "transfer": _transfer,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
}
OPERATIONS = tuple(_PREPARE)
IDENTIFIED = ("get", "create", "create_temporary", "update", "convert", "transfer")
"""The operations whose answer names the customer that it is about."""


async def play(call: Prepared, client: PrintNowClient) -> tuple[Any, PrintNowError | None]:
    """Make the call; its result, or how it failed. Anything but an error of this package comes through."""
    try:
        return await call.run(client), None
    except PrintNowError as error:
        return None, error


def check(call: Prepared, result: Any, error: PrintNowError | None, story: object) -> None:
    """What holds whatever the wire did; `story` is shown where it does not."""
    context = (call, result, error, story)
    assert not call.harmed(), ("a stranger was changed", *context)
    if error is None:
        assert call.is_right(result), ("another's answer", *context)
    if call.applied is None:
        assert not isinstance(error, OutcomeUnknownError), ("a read has no outcome", *context)
        return
    applied = call.applied()
    assert applied <= 1, ("applied twice", *context)
    if error is None:
        assert applied == 1, ("success of what was not applied", *context)
    elif isinstance(error, OutcomeUnknownError):
        assert error.evidence, context
        assert isinstance(error.__cause__, PrintNowError), context
    elif isinstance(error, InvalidResponseError):
        assert applied == 1, ("an answer that says applied, of what was not", *context)
    else:
        assert applied == 0, ("a plain error of what was applied", *context)
