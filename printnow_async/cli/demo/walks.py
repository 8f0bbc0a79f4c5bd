"""The first steps: one customer's life, a guest who becomes a customer, a guest who turns out to be one already."""

from __future__ import annotations

from printnow_async.cli.demo.ledger import Ask, Claim, Expectation, Row, Sending
from printnow_async.cli.demo.people import person
from printnow_async.cli.demo.stage import STOREFRONT, WORK, Stage, temp_id
from printnow_async.errors import EmailInUseError, UsernameInUseError
from printnow_async.models import CustomerUpdate, NewAccount
from printnow_async.sandbox import Fault

__all__ = ["one_customer", "registered_guest", "returning_guest"]

_POST = "POST /api/v2/customer"
_GET = "GET /api/v2/customer/{id}"
_PATCH = "PATCH /api/v2/customer/{id}"
_DELETE = "DELETE /api/v2/customer/{id}"
_TRANSFER = "PATCH /api/v2/customer/{id}/transfer"


async def one_customer(stage: Stage) -> Row:
    """Create, update, read and delete one customer; something goes wrong with each of the four requests."""
    faults = {_POST: Fault.drop(), _PATCH: Fault.truncate(), _GET: Fault.status(503), _DELETE: Fault.apply_then_drop()}
    for route, fault in faults.items():
        stage.sandbox.inject(fault, route)
    customers = stage.client.customers
    account = person(stage.chance, "one")
    made = await customers.create(account, storefront_id=STOREFRONT)
    stage.note("create", f"{made.id} {made.username}")
    await customers.update(made.id, CustomerUpdate(last_name="Lovelace", tax_exempt=True))
    stage.note("update", "last name, tax exemption")
    read = await customers.get(made.id)
    stage.note("get", f"{read.first_name} {read.last_name}, {'' if read.tax_exempt else 'not '}tax-exempt")
    await customers.delete(made.id)
    stage.note("delete", "gone")
    return Row(
        "one customer",
        [_ask(Claim.DELETED, made.id, account)],
        [Expectation(made.id, "last_name", "Lovelace"), Expectation(made.id, "tax_exempt", value=True)],
    )


async def registered_guest(stage: Stage) -> Row:
    """A guest designs something and registers; the convert is applied, and a gateway answers in its place."""
    guest = await stage.guest("cart-1")
    stage.sandbox.inject(Fault.apply_then_status(502), _PATCH)
    account = person(stage.chance, "guest")
    converted = await guest.convert(account)
    stage.note("convert", f"{converted.id} {converted.username}")
    await guest.convert(account)
    stage.note("once more", f"{guest.state} already")
    return Row(
        "guest registers",
        [_ask(Claim.CREATED, converted.id, account)],
        [Expectation(temp_id(guest), "is_temporary", value=False), *_work(temp_id(guest), 1)],
        [Sending(f"PATCH /api/v2/customer/{guest.temp_id}", 1)],
    )


async def returning_guest(stage: Stage) -> Row:
    """A guest registers with an e-mail address that has an account: the work moves there, once."""
    known = person(stage.chance, "known")
    account = await stage.client.customers.create(known, storefront_id=STOREFRONT)
    stage.note("account", f"{account.id} {account.username}")
    guest = await stage.guest("cart-2")
    stage.sandbox.inject(Fault.drop(), _PATCH)
    stage.sandbox.inject(Fault.apply_then_drop(), _TRANSFER)
    again = NewAccount("second.try", known.password, known.email, known.first_name, known.last_name, "Demo second")
    refusals: list[UsernameInUseError | EmailInUseError] = []

    async def whose(error: UsernameInUseError | EmailInUseError) -> int:
        refusals.append(error)
        stage.note("convert", error.message)
        return account.id

    customer = await guest.checkout(again, existing=whose)
    if refusals:
        second = _ask(Claim.REFUSED, None, again)
        stage.note("transfer", f"3 albums, 2 projects, 1 session to {customer.id}")
    else:
        second = _ask(Claim.CREATED, customer.id, again)
        stage.note("convert", "accepted, against the rule")
    return Row(
        "guest, e-mail taken",
        [_ask(Claim.CREATED, account.id, known), Ask(Claim.CREATED, guest.temp_id), second],
        [*_work(account.id, 1), *_work(temp_id(guest), 0), Expectation(temp_id(guest), "is_temporary", value=True)],
    )


def _ask(claim: Claim, customer_id: int | None, account: NewAccount) -> Ask:
    return Ask(claim, customer_id, account.username, account.company)


def _work(customer_id: int, times: int) -> list[Expectation]:
    """What a guest designs is at this customer, so many times."""
    return [Expectation(customer_id, field, times * count) for field, count in WORK.items()]
