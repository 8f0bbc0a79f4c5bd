"""The steps 1 to 3: one customer, a guest who becomes a customer, and a guest who has an account already."""

from __future__ import annotations

from printnow_async.cli.demo.ledger import AskedCustomer, Claim, Expectation, StepResult
from printnow_async.cli.demo.stage import (
    DELETE_ROUTE,
    GET_ROUTE,
    PATCH_ROUTE,
    POST_ROUTE,
    STOREFRONT,
    TRANSFER_ROUTE,
    Stage,
    work_at,
)
from printnow_async.errors import EmailInUseError, UsernameInUseError
from printnow_async.models import CustomerUpdate, NewAccount
from printnow_async.sandbox import Fault

__all__ = ["one_customer", "registered_guest", "returning_guest"]


async def one_customer(stage: Stage) -> StepResult:
    """Create, update, read and delete one customer. A fault strikes each of the four requests."""
    faults = {
        POST_ROUTE: Fault.drop(),
        PATCH_ROUTE: Fault.truncate(),
        GET_ROUTE: Fault.status(503),
        DELETE_ROUTE: Fault.apply_then_drop(),
    }
    for route, fault in faults.items():
        stage.sandbox.inject(fault, route)
    customers = stage.client.customers
    account = stage.person("one")
    made = await customers.create(account, storefront_id=STOREFRONT)
    stage.tell("create", f"{made.id} {made.username}")
    await customers.update(made.id, CustomerUpdate(last_name="Lovelace", tax_exempt=True))
    stage.tell("update", "last name, tax exemption")
    read = await customers.get(made.id)
    stage.tell("get", f"{read.first_name} {read.last_name}, {'' if read.tax_exempt else 'not '}tax-exempt")
    await customers.delete(made.id)
    stage.tell("delete", "gone")
    return StepResult(
        "one customer",
        [AskedCustomer.of(account, Claim.DELETED, made.id)],
        [Expectation(made.id, "last_name", "Lovelace"), Expectation(made.id, "tax_exempt", value=True)],
    )


async def registered_guest(stage: Stage) -> StepResult:
    """Convert a guest. The convert is applied, and a gateway answers 502 instead of the API."""
    guest, guest_id = await stage.guest("cart-1")
    stage.sandbox.inject(Fault.apply_then_status(502), PATCH_ROUTE)
    account = stage.person("guest")
    converted = await guest.convert(account)
    stage.tell("convert", f"{converted.id} {converted.username}")
    await guest.convert(account)
    stage.tell("once more", f"{guest.state} already")
    once = Expectation(f"PATCH /api/v2/customer/{guest_id}", "times received", 1)
    permanent = Expectation(guest_id, "is_temporary", value=False)
    return StepResult(
        "guest registers",
        [AskedCustomer.of(account, Claim.CREATED, converted.id)],
        [permanent, *work_at(guest_id), once],
    )


async def returning_guest(stage: Stage) -> StepResult:
    """Check out a guest whose e-mail address has an account. The work moves to that account, once."""
    known = stage.person("known")
    account = await stage.client.customers.create(known, storefront_id=STOREFRONT)
    stage.tell("account", f"{account.id} {account.username}")
    guest, guest_id = await stage.guest("cart-2")
    stage.sandbox.inject(Fault.drop(), PATCH_ROUTE)
    stage.sandbox.inject(Fault.apply_then_drop(), TRANSFER_ROUTE)
    again = NewAccount("second.try", known.password, known.email, known.first_name, known.last_name, "Demo second")
    refusals: list[UsernameInUseError | EmailInUseError] = []

    async def owner(error: UsernameInUseError | EmailInUseError) -> int:
        refusals.append(error)
        stage.tell("convert", error.message)
        return account.id

    customer = await guest.checkout(again, existing=owner)
    if refusals:
        second = AskedCustomer.of(again, Claim.REFUSED)
        stage.tell("transfer", f"3 albums, 2 projects, 1 session to {customer.id}")
    else:
        second = AskedCustomer.of(again, Claim.CREATED, customer.id)
        stage.tell("convert", "accepted, against the rule")
    return StepResult(
        "guest, e-mail taken",
        [AskedCustomer.of(known, Claim.CREATED, account.id), AskedCustomer(Claim.CREATED, guest_id), second],
        [*work_at(account.id), *work_at(guest_id, 0), Expectation(guest_id, "is_temporary", value=True)],
    )
