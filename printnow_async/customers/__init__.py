"""The customer endpoints, one method each, with what may be repeated written beside it.

The API has no idempotency keys, so what an unanswered attempt means is a rule of each operation. Unsent and
refused attempts repeat for all of them; a write that stays open ends in `OutcomeUnknownError`. Each rule also says
which answers are ours: another customer's answer is no answer.

Source of all endpoints, fields and messages: vendor's page "Customers".
"""

from __future__ import annotations

from typing import Any

from printnow_async._checks import checked_id
from printnow_async._http.caller import Asker, Caller
from printnow_async._http.converter import dump, dump_json
from printnow_async._http.wire import Request, invalid_answer
from printnow_async.customers._rules import (
    COLLECTION,
    CONVERT,
    CONVERT_READ,
    CREATE,
    CREATE_TEMPORARY,
    DELETE,
    GET,
    STILL_TEMPORARY,
    TRANSFER,
    TRANSFER_READ,
    UPDATE,
    UPDATE_READ,
    Converting,
    Creating,
    CreatingTemporary,
    Deleting,
    ReadingCustomer,
    Transferring,
    Updating,
)
from printnow_async.errors import (
    APIError,
    ConfigurationError,
    InvalidResponseError,
    NoResponseError,
    PacerError,
    PrintNowError,
)
from printnow_async.models import Customer, CustomerUpdate, NewAccount

__all__ = ["Customers"]


class Customers:
    """`client.customers`: create, read, update, delete, convert and transfer customers.

    Every method raises `AuthenticationError` for bad credentials, `APIError` of another kind for any other answer
    that is not success, `NoResponseError` when none came, `InvalidResponseError` for a 2xx of the wrong shape,
    `ConfigurationError` on a closed client, and `ValueError` for an argument that cannot be right, before any request.
    Writes raise `OutcomeUnknownError` when they may or may not have been applied.
    """

    def __init__(self, caller: Caller, *, repeat_temporary_creates: bool = False) -> None:
        self._caller = caller
        self._repeat_temporary_creates = repeat_temporary_creates

    async def get(self, customer_id: int) -> Customer:
        """The customer with this ID. Unanswered: repeats.

        Raises `CustomerNotFoundError` where no active customer has it. Source: section "Get Customer".
        """
        request = Request(GET, _path(customer_id))
        with self._caller.operation(GET) as call:
            return await call.send(request, ReadingCustomer(customer_id))

    async def create(self, account: NewAccount, *, storefront_id: int) -> Customer:
        """Make a permanent account on the storefront, and return it. Fires the `customer_created` webhook.

        Unanswered: repeats, since the username is unique and no duplicate can arise. A refusal of
        such a repeat ("in use", mostly) is an `OutcomeUnknownError`: the account is ours or someone else's, and no
        endpoint can tell.

        Raises `UsernameInUseError` or `EmailInUseError` where one is taken. Source: section "Create Customer".
        """
        if problem := _problem(account, NewAccount, "account"):
            del account  # a crash reporter shows the local variables of a frame that raises
            raise ValueError(problem)
        # a body is never a local variable: tracebacks may show those
        request = Request(
            CREATE,
            COLLECTION,
            dump(account, storefront_id=checked_id(storefront_id, "storefront_id")),
            secrets=(account.password,),
            about={"storefront_id": storefront_id, "username": account.username},
        )
        with self._caller.operation(CREATE) as call:
            return await call.send(request, Creating(account))

    async def create_temporary(self, *, storefront_id: int) -> Customer:
        """Make a temporary user (a guest) on the storefront, and return it.

        Unanswered: does not repeat, `OutcomeUnknownError` at once, because a repeat could leave an orphan that
        nobody can delete; `RetryPolicy(repeat_temporary_creates=True)` repeats all the same.

        Source: section "Create Customer", "Request Body (Temporary User)".
        """
        body = dump_json({"storefront_id": checked_id(storefront_id, "storefront_id"), "is_temporary": True})
        request = Request(CREATE_TEMPORARY, COLLECTION, body, about={"storefront_id": storefront_id})
        with self._caller.operation(CREATE_TEMPORARY) as call:
            return await call.send(request, CreatingTemporary(storefront_id, self._repeat_temporary_creates))

    async def update(self, customer_id: int, changes: CustomerUpdate) -> Customer:
        """Change a permanent customer, and return it as it is then. Fires the `customer_updated` webhook.

        Unanswered: repeats, since the values are absolute. A temporary user cannot be updated: the server refuses.

        Raises `CustomerNotFoundError`. Source: section "Update Customer", "Updatable Fields".
        """
        if problem := _problem(changes, CustomerUpdate, "changes"):
            del changes  # a crash reporter shows the local variables of a frame that raises
            raise ValueError(problem)
        path = _path(customer_id)
        request = Request(
            UPDATE,
            path,
            dump(changes),
            secrets=(changes.password,) if isinstance(changes.password, str) else (),
            about={"customer_id": customer_id},
        )
        with self._caller.operation(UPDATE) as call:
            customer = await call.send(request, Updating(customer_id))
            return customer or await _read_back(call, request, Request(UPDATE_READ, path), customer_id)

    async def delete(self, customer_id: int) -> None:
        """Soft-delete a permanent customer. Fires the `customer_deleted` webhook.

        Unanswered: repeats, and a 404 on the repeat is success. aiohttp resends a DELETE once by itself when a kept
        connection drops; that counts as a repeat too. A 404 on the first try is `CustomerNotFoundError`.

        Temporary users cannot be deleted: the server refuses. Source: section "Delete Customer".
        """
        request = Request(DELETE, _path(customer_id), about={"customer_id": customer_id})
        with self._caller.operation(DELETE) as call:
            await call.send(request, Deleting(customer_id))

    async def convert(self, customer_id: int, account: NewAccount, *, check: bool = True) -> Customer:
        """Make the temporary user `customer_id` a permanent account, and return it. Fires `customer_created`.

        The customer is read first: permanent already with our username, it is returned and nothing is written; with
        another, it is a `NotTemporaryError` and nothing is written, since a PATCH would overwrite that account's
        password and names. `check=False` leaves that first read out.

        Unanswered: read back. Permanent with our username is success; still temporary repeats; permanent with
        another username is `NotTemporaryError`; unreadable is `OutcomeUnknownError`.

        Raises `UsernameInUseError` or `EmailInUseError` where one is taken (then nothing was changed), and
        `CustomerNotFoundError`. Source: section "Update Customer", "Converting a Temporary User".
        """
        if problem := _problem(account, NewAccount, "account"):
            del account  # a crash reporter shows the local variables of a frame that raises
            raise ValueError(problem)
        path = _path(customer_id)
        request = Request(
            CONVERT,
            path,
            dump(account, is_temporary=False),
            secrets=(account.password,),
            about={"customer_id": customer_id, "username": account.username},
        )
        with self._caller.operation(CONVERT) as call:
            customer = await call.send(request, Converting(customer_id, path, account, check))
            if customer is not None:
                return customer
            customer = await _read_back(call, request, Request(CONVERT_READ, path), customer_id)
            if customer.is_temporary:
                raise invalid_answer(request, 200, "$.is_temporary", STILL_TEMPORARY)
            return customer

    async def transfer(self, customer_id: int, *, to: int) -> Customer:
        """Move everything of the temporary user `customer_id` to the permanent customer `to`, and return that one.

        Everything is albums, projects and punchout sessions; both belong to the same storefront.

        Unanswered: repeats, to the same destination. A 404 on the repeat with the source gone and the destination
        readable is success; any other refusal of a repeat is `OutcomeUnknownError`.

        Raises `CustomerNotFoundError` where either is missing. Source: section "Transfer Temporary User".
        """
        source, destination = _path(customer_id), _path(to, "to")
        if customer_id == to:
            raise ValueError(f"to must be another customer than the one to transfer from, not {to} too")
        request = Request(TRANSFER, f"{source}/transfer", dump_json({"id": to}), about={"customer_id": customer_id})
        with self._caller.operation(TRANSFER) as call:
            customer = await call.send(request, Transferring(source, customer_id, destination, to))
            return customer or await _read_back(call, request, Request(TRANSFER_READ, destination), to)


# ---------------------------------------------------------------- arguments


def _path(customer_id: int, name: str = "customer_id") -> str:
    return f"{COLLECTION}/{checked_id(customer_id, name)}"


def _problem(value: object, cls: type[Any], name: str) -> str:
    return "" if isinstance(value, cls) else f"{name} must be a {cls.__name__}, not {type(value).__name__}"


async def _read_back(call: Asker, write: Request, read: Request, customer_id: int) -> Customer:
    """The customer after a write whose answer had no body (it was applied all the same)."""
    failed: PrintNowError
    try:
        return await call.send(read, ReadingCustomer(customer_id))
    except (APIError, NoResponseError, InvalidResponseError, ConfigurationError, PacerError) as error:
        failed = error
    reason = f"the answer had no body, and reading the customer failed: {failed.message}"
    raise invalid_answer(write, 200, "$", reason) from failed
