"""The customer endpoints, one method each, with what may be repeated written beside it.

The API has no idempotency keys, so what an unanswered attempt means is a rule of each operation. Unsent and
refused attempts repeat for all of them; a write that stays open ends in `OutcomeUnknownError`.

Source of all endpoints, fields and messages: vendor's page "Customers".
"""

from __future__ import annotations

import re
from typing import Any, Final

from printnow_async._checks import checked_id
from printnow_async._http.caller import Caller, Sender
from printnow_async._http.converter import decoded, dump, dump_values
from printnow_async._http.sending import Replay
from printnow_async._http.wire import Endpoint, Request, Response, invalid_answer
from printnow_async.errors import (
    APIError,
    ConfigurationError,
    CustomerNotFoundError,
    EmailInUseError,
    InvalidResponseError,
    NoResponseError,
    NotTemporaryError,
    PrintNowError,
    UsernameInUseError,
    status_error_class,
)
from printnow_async.models import Customer, CustomerUpdate, NewAccount

__all__ = ["Customers"]

_COLLECTION: Final = "/api/v2/customer"
_ONE: Final = "/api/v2/customer/{id}"

_IN_USE: Final = re.compile(r"\b(already|in use|taken|exists?|duplicate|not available|not unique)\b", re.IGNORECASE)
_WHICH: Final = re.compile(r"\b(?:(user[\s_-]?name|login)|(e-?mail))", re.IGNORECASE)


def _in_use_class(status: int, message: str) -> type[APIError]:
    """Which of username and e-mail is meant, by the message's text (section "Error Responses")."""
    if status == 400:
        for sentence in re.split(r"[.;!\n]\s", message):
            which = _WHICH.search(sentence) if _IN_USE.search(sentence) else None
            if which is not None:
                return UsernameInUseError if which.group(1) else EmailInUseError
    return status_error_class(status)


def _customer_class(status: int, message: str) -> type[APIError]:
    """As above, for a path that names a customer: a 404 there is that customer."""
    return CustomerNotFoundError if status == 404 else _in_use_class(status, message)


_GET: Final = Endpoint("customers.get", "GET", _ONE, write=False, error_class=_customer_class)
_CREATE: Final = Endpoint("customers.create", "POST", _COLLECTION, write=True, error_class=_in_use_class)
_CREATE_TEMPORARY: Final = Endpoint("customers.create_temporary", "POST", _COLLECTION, write=True)
_UPDATE: Final = Endpoint("customers.update", "PATCH", _ONE, write=True, error_class=_customer_class)
_CONVERT: Final = Endpoint("customers.convert", "PATCH", _ONE, write=True, error_class=_customer_class)
_TRANSFER: Final = Endpoint(
    "customers.transfer", "PATCH", "/api/v2/customer/{id}/transfer", write=True, error_class=_customer_class
)
_DELETE: Final = Endpoint("customers.delete", "DELETE", _ONE, write=True, error_class=_customer_class)


def _never(_: APIError) -> bool:
    """For a write whose second run the server may refuse because of the first: no refusal is proof then.

    A create that is repeated may meet its own first attempt, and a server may say so in words we do not know.
    """
    return False


_CREATE_REPLAY: Final = Replay(proves_unapplied=_never)


class Customers:
    """`client.customers`: create, read, update, delete, convert and transfer customers.

    Every method raises `AuthenticationError` for bad credentials, `APIError` of another kind for any other answer
    that is not success, `NoResponseError` when none came, `InvalidResponseError` for a 2xx of the wrong shape,
    `ConfigurationError` on a closed client, and `ValueError` for an argument that cannot be right, before any request.
    Writes raise `OutcomeUnknownError` when they may or may not have been applied.
    """

    def __init__(self, caller: Caller, *, repeat_temporary_creates: bool = False) -> None:
        self._caller = caller
        self._create_temporary_replay = Replay(repeat=repeat_temporary_creates, proves_unapplied=_never)

    async def get(self, customer_id: int) -> Customer:
        """The customer with this ID. Unanswered: repeats.

        Raises `CustomerNotFoundError` where no active customer has it. Source: section "Get Customer".
        """
        path = _path(customer_id)
        with self._caller.operation(_GET) as call:
            return await _read(call, path)

    async def create(self, account: NewAccount, *, storefront_id: int) -> Customer:
        """Make a permanent account on the storefront, and return it. Fires the `customer_created` webhook.

        Unanswered: repeats, since the username is unique and no duplicate can arise. A refusal of
        such a repeat ("in use", mostly) is an `OutcomeUnknownError`: the account is ours or someone else's, and no
        endpoint can tell.

        Raises `UsernameInUseError` or `EmailInUseError` where one is taken. Source: section "Create Customer".
        """
        _check(account, NewAccount, "account")
        # a body is never a local variable: tracebacks may show those
        request = Request(
            _CREATE,
            _COLLECTION,
            dump(account, storefront_id=checked_id(storefront_id, "storefront_id")),
            secrets=(account.password,),
        )
        with self._caller.operation(_CREATE) as call:
            return _customer(call, request, await call.send(request, replay=_CREATE_REPLAY))

    async def create_temporary(self, *, storefront_id: int) -> Customer:
        """Make a temporary user (a guest) on the storefront, and return it.

        Unanswered: does not repeat, `OutcomeUnknownError` at once, because a repeat could leave an orphan that
        nobody can delete; `RetryPolicy(repeat_temporary_creates=True)` repeats all the same.

        Source: section "Create Customer", "Request Body (Temporary User)".
        """
        body = dump_values(storefront_id=checked_id(storefront_id, "storefront_id"), is_temporary=True)
        request = Request(_CREATE_TEMPORARY, _COLLECTION, body)
        with self._caller.operation(_CREATE_TEMPORARY) as call:
            return _customer(call, request, await call.send(request, replay=self._create_temporary_replay))

    async def update(self, customer_id: int, changes: CustomerUpdate) -> Customer:
        """Change a permanent customer, and return it as it is then. Fires the `customer_updated` webhook.

        Unanswered: repeats, since the values are absolute. A temporary user cannot be updated: the server refuses.

        Raises `CustomerNotFoundError`. Source: section "Update Customer", "Updatable Fields".
        """
        _check(changes, CustomerUpdate, "changes")
        path = _path(customer_id)
        request = Request(
            _UPDATE, path, dump(changes), secrets=(changes.password,) if isinstance(changes.password, str) else ()
        )
        with self._caller.operation(_UPDATE) as call:
            return await _customer_or_read(call, request, await call.send(request), path)

    async def delete(self, customer_id: int) -> None:
        """Soft-delete a permanent customer. Fires the `customer_deleted` webhook.

        Unanswered: repeats, and a 404 on the repeat is success. aiohttp resends a DELETE once by itself when a kept
        connection drops; that counts as a repeat too. A 404 on the first try is `CustomerNotFoundError`.

        Temporary users cannot be deleted: the server refuses. Source: section "Delete Customer".
        """

        async def settle(answer: APIError | None) -> Response | None:
            return Response(204) if answer is not None and answer.status == 404 else None

        request = Request(_DELETE, _path(customer_id))
        with self._caller.operation(_DELETE) as call:
            await call.send(request, replay=Replay(settle=settle))

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
        _check(account, NewAccount, "account")
        path = _path(customer_id)
        request = Request(_CONVERT, path, dump(account, is_temporary=False), secrets=(account.password,))
        with self._caller.operation(_CONVERT) as call:
            if check:
                before = await _read(call, path)
                if _converted(call, before, customer_id, account):
                    return before

            async def settle(_: APIError | None) -> Response | None:
                response = await call.send(Request(_GET, path))
                now = _customer(call, Request(_GET, path), response)
                return response if _converted(call, now, customer_id, account) else None

            response = await call.send(request, replay=Replay(settle=settle))
            customer = await _customer_or_read(call, request, response, path)
            if customer.is_temporary:
                reason = "the convert was answered with success, but the customer is still temporary"
                raise invalid_answer(Request(_GET, path), response, call.request_id, "$.is_temporary", reason)
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
        request = Request(_TRANSFER, f"{source}/transfer", dump_values(id=to))
        with self._caller.operation(_TRANSFER) as call:

            async def settle(answer: APIError | None) -> Response | None:
                if answer is None or answer.status != 404 or not await _is_gone(call, source):
                    return None
                return await call.send(Request(_GET, destination))

            response = await call.send(request, replay=Replay(settle=settle, proves_unapplied=_never))
            return await _customer_or_read(call, request, response, destination)


# ---------------------------------------------------------------- arguments


def _path(customer_id: int, name: str = "customer_id") -> str:
    return f"{_COLLECTION}/{checked_id(customer_id, name)}"


def _check(value: object, cls: type[Any], name: str) -> None:
    if not isinstance(value, cls):
        raise ValueError(f"{name} must be a {cls.__name__}, not {type(value).__name__}")


# ---------------------------------------------------------------- answers


def _customer(call: Sender, request: Request, response: Response) -> Customer:
    """The customer in an answer; `InvalidResponseError` where it holds none."""
    return decoded(Customer, request, response, call.request_id)


async def _read(call: Sender, path: str) -> Customer:
    request = Request(_GET, path)
    return _customer(call, request, await call.send(request))


async def _is_gone(call: Sender, path: str) -> bool:
    try:
        await call.send(Request(_GET, path))
    except CustomerNotFoundError:
        return True
    return False


async def _customer_or_read(call: Sender, request: Request, response: Response, path: str) -> Customer:
    """The customer in the answer to a write; read where the answer has no body (it was applied all the same)."""
    if response.body.strip():
        return _customer(call, request, response)
    failed: PrintNowError
    try:
        return await _read(call, path)
    except (APIError, NoResponseError, InvalidResponseError, ConfigurationError) as error:
        failed = error
    reason = f"the answer had no body, and reading the customer failed: {failed.message}"
    raise invalid_answer(request, response, call.request_id, "$", reason) from failed


def _converted(call: Sender, customer: Customer, customer_id: int, account: NewAccount) -> bool:
    """Whether this is the account we want already; `NotTemporaryError` where it is another permanent one.

    Usernames are compared without regard to case: a server may keep them in a case of its own.
    """
    if customer.is_temporary is None:
        reason = "missing: without it nobody can tell whether this is still a temporary user"
        raise InvalidResponseError(
            reason, path="$.is_temporary", operation=_CONVERT.operation, request_id=call.request_id
        )
    if customer.is_temporary:
        return False
    if (customer.username or "").casefold() == account.username.casefold():
        return True
    raise NotTemporaryError(
        f"customer {customer_id} is a permanent account already, under another username: nothing was written to it",
        customer_id=customer_id,
    )
