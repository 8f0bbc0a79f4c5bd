"""The customer endpoints, one method each, with what may be repeated written beside it.

The API has no idempotency keys, so what an unanswered attempt means is a rule of each operation. Unsent and
refused attempts repeat for all of them; a write that stays open ends in `OutcomeUnknownError`. Each rule also says
which answers are ours: another customer's answer is no answer.

Source of all endpoints, fields and messages: vendor's page "Customers".
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

import attrs

from printnow_async._checks import checked_id
from printnow_async._http.attempts import Attempts
from printnow_async._http.caller import Asker, Caller
from printnow_async._http.converter import decoded, dump, dump_values
from printnow_async._http.rules import Ask, ForeignAnswerError, Known, Rule
from printnow_async._http.wire import Endpoint, RawResponse, Request, invalid_answer
from printnow_async.errors import (
    APIError,
    ConfigurationError,
    CustomerNotFoundError,
    EmailInUseError,
    InvalidResponseError,
    NoResponseError,
    NotTemporaryError,
    PacerError,
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


def _read_for(operation: str) -> Endpoint:
    """The read of a customer that an operation needs."""
    return attrs.evolve(_GET, operation=operation)


# ---------------------------------------------------------------- the rules


@attrs.frozen
class _TheCustomer(Rule[Customer]):
    """A read of one customer. Unanswered: repeats."""

    customer_id: int

    def read(self, response: RawResponse) -> Customer:
        customer = decoded(Customer, response)
        if customer.id != self.customer_id:
            raise ForeignAnswerError(f"customer {customer.id}, not {self.customer_id}")
        return customer


@attrs.frozen
class _Update(Rule[Customer | None]):
    """Unanswered: repeats, since the values are absolute. None: the answer has no body."""

    customer_id: int

    def read(self, response: RawResponse) -> Customer | None:
        return _TheCustomer(self.customer_id).read(response) if response.body.strip() else None


class _Delete(Rule[None]):
    """Unanswered: repeats; a 404 on the repeat is success."""

    def read(self, response: RawResponse) -> None:
        """Any answer of success will do."""

    async def look(self, ask: Ask, answer: APIError | None) -> Known[None] | None:
        return Known(None) if answer is not None and answer.status == 404 else None


@attrs.frozen
class _Create(Rule[Customer]):
    """Unanswered: repeats, since the username is unique.

    No refusal of a repeat proves that nothing was applied: a create that is repeated may meet its own first attempt,
    and a server may say so in words we do not know.
    """

    refusals_prove: ClassVar[bool] = False
    account: NewAccount

    def read(self, response: RawResponse) -> Customer:
        customer = decoded(Customer, response)
        if customer.username is None and customer.email is None:
            return customer  # nothing in it says whose it is
        if not (_has_our_username(customer, self.account) or _same(customer.email, self.account.email)):
            raise ForeignAnswerError("an account of another name")
        return customer


@attrs.frozen
class _CreateTemporary(Rule[Customer]):
    """Unanswered: repeats only where that was asked for, since a repeat may leave an orphan."""

    refusals_prove: ClassVar[bool] = False
    storefront_id: int
    repeats: bool

    def read(self, response: RawResponse) -> Customer:
        customer = decoded(Customer, response)
        if customer.is_temporary is False:
            raise ForeignAnswerError(f"customer {customer.id}, who is permanent")
        if customer.storefront_id not in {None, self.storefront_id}:
            raise ForeignAnswerError(f"a customer of storefront {customer.storefront_id}, not {self.storefront_id}")
        return customer


@attrs.frozen
class _Convert(Rule[Customer | None]):
    """The customer is read directly before each PATCH, and once more where the last PATCH got no answer.

    A PATCH of a customer who is permanent would overwrite that account's password and names. None: no body.
    """

    customer_id: int
    path: str
    account: NewAccount
    check: bool

    def read(self, response: RawResponse) -> Customer | None:
        if not response.body.strip():
            return None
        customer = decoded(Customer, response)
        if customer.is_temporary and customer.id == self.customer_id:
            raise invalid_answer(response.request, response.status, "$.is_temporary", _STILL_TEMPORARY)
        if customer.username is None:
            ours = customer.id == self.customer_id or _same(customer.email, self.account.email)
        else:
            ours = _has_our_username(customer, self.account)
        if not ours:
            raise ForeignAnswerError(f"customer {customer.id}, under another username")
        return customer

    def looks_first(self, attempts: Attempts) -> bool:
        return self.check or attempts.open

    async def look(self, ask: Ask, answer: APIError | None) -> Known[Customer | None] | None:
        """The account we want, if that is what the customer is; `NotTemporaryError` for another permanent account."""
        request = Request(_CONVERT_READ, self.path)
        customer = await ask(request, _TheCustomer(self.customer_id))
        if customer.is_temporary is None:
            reason = "missing: without it nobody can tell whether this is still a temporary user"
            raise InvalidResponseError(
                reason, path="$.is_temporary", operation=_CONVERT.operation, request_id=request.request_id
            )
        if customer.is_temporary:
            return None
        if _has_our_username(customer, self.account):
            return Known(customer)
        raise NotTemporaryError(
            f"customer {self.customer_id} is a permanent account already, under another username: "
            "nothing was written to it",
            customer_id=self.customer_id,
        )


@attrs.frozen
class _Transfer(Rule[Customer | None]):
    """Unanswered: repeats, to the same destination.

    A 404 on the repeat, with the source gone and the destination readable, is success. None: the answer has no body.
    """

    refusals_prove: ClassVar[bool] = False
    source: str
    source_id: int
    destination: str
    destination_id: int

    def read(self, response: RawResponse) -> Customer | None:
        return _TheCustomer(self.destination_id).read(response) if response.body.strip() else None

    async def look(self, ask: Ask, answer: APIError | None) -> Known[Customer | None] | None:
        if answer is None or answer.status != 404:
            return None
        try:
            await ask(Request(_TRANSFER_READ, self.source), _TheCustomer(self.source_id))
        except CustomerNotFoundError:
            pass
        else:
            return None
        destination = await ask(Request(_TRANSFER_READ, self.destination), _TheCustomer(self.destination_id))
        return Known(destination)


_STILL_TEMPORARY: Final = "the convert was answered with success, but the customer is still temporary"

_CONVERT_READ: Final = _read_for(_CONVERT.operation)
_TRANSFER_READ: Final = _read_for(_TRANSFER.operation)
_UPDATE_READ: Final = _read_for(_UPDATE.operation)


# ---------------------------------------------------------------- the methods


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
        request = Request(_GET, _path(customer_id))
        with self._caller.operation(_GET) as call:
            return await call.send(request, _TheCustomer(customer_id))

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
            about={"storefront_id": storefront_id, "username": account.username},
        )
        with self._caller.operation(_CREATE) as call:
            return await call.send(request, _Create(account))

    async def create_temporary(self, *, storefront_id: int) -> Customer:
        """Make a temporary user (a guest) on the storefront, and return it.

        Unanswered: does not repeat, `OutcomeUnknownError` at once, because a repeat could leave an orphan that
        nobody can delete; `RetryPolicy(repeat_temporary_creates=True)` repeats all the same.

        Source: section "Create Customer", "Request Body (Temporary User)".
        """
        body = dump_values(storefront_id=checked_id(storefront_id, "storefront_id"), is_temporary=True)
        request = Request(_CREATE_TEMPORARY, _COLLECTION, body, about={"storefront_id": storefront_id})
        with self._caller.operation(_CREATE_TEMPORARY) as call:
            return await call.send(request, _CreateTemporary(storefront_id, self._repeat_temporary_creates))

    async def update(self, customer_id: int, changes: CustomerUpdate) -> Customer:
        """Change a permanent customer, and return it as it is then. Fires the `customer_updated` webhook.

        Unanswered: repeats, since the values are absolute. A temporary user cannot be updated: the server refuses.

        Raises `CustomerNotFoundError`. Source: section "Update Customer", "Updatable Fields".
        """
        _check(changes, CustomerUpdate, "changes")
        path = _path(customer_id)
        request = Request(
            _UPDATE,
            path,
            dump(changes),
            secrets=(changes.password,) if isinstance(changes.password, str) else (),
            about={"customer_id": customer_id},
        )
        with self._caller.operation(_UPDATE) as call:
            customer = await call.send(request, _Update(customer_id))
            return customer or await _read_back(call, request, Request(_UPDATE_READ, path), customer_id)

    async def delete(self, customer_id: int) -> None:
        """Soft-delete a permanent customer. Fires the `customer_deleted` webhook.

        Unanswered: repeats, and a 404 on the repeat is success. aiohttp resends a DELETE once by itself when a kept
        connection drops; that counts as a repeat too. A 404 on the first try is `CustomerNotFoundError`.

        Temporary users cannot be deleted: the server refuses. Source: section "Delete Customer".
        """
        request = Request(_DELETE, _path(customer_id), about={"customer_id": customer_id})
        with self._caller.operation(_DELETE) as call:
            await call.send(request, _Delete())

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
        request = Request(
            _CONVERT,
            path,
            dump(account, is_temporary=False),
            secrets=(account.password,),
            about={"customer_id": customer_id, "username": account.username},
        )
        with self._caller.operation(_CONVERT) as call:
            customer = await call.send(request, _Convert(customer_id, path, account, check))
            if customer is not None:
                return customer
            customer = await _read_back(call, request, Request(_CONVERT_READ, path), customer_id)
            if customer.is_temporary:
                raise invalid_answer(request, 200, "$.is_temporary", _STILL_TEMPORARY)
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
        request = Request(_TRANSFER, f"{source}/transfer", dump_values(id=to), about={"customer_id": customer_id})
        with self._caller.operation(_TRANSFER) as call:
            customer = await call.send(request, _Transfer(source, customer_id, destination, to))
            return customer or await _read_back(call, request, Request(_TRANSFER_READ, destination), to)


# ---------------------------------------------------------------- arguments


def _path(customer_id: int, name: str = "customer_id") -> str:
    return f"{_COLLECTION}/{checked_id(customer_id, name)}"


def _check(value: object, cls: type[Any], name: str) -> None:
    if not isinstance(value, cls):
        raise ValueError(f"{name} must be a {cls.__name__}, not {type(value).__name__}")


# ---------------------------------------------------------------- answers


def _same(ours: str | None, theirs: str) -> bool:
    """Whether two names are one: a server may keep names in a case of its own."""
    return ours is not None and ours.casefold() == theirs.casefold()


def _has_our_username(customer: Customer, account: NewAccount) -> bool:
    """Whether the customer logs in as we wanted; a storefront may use the e-mail address as the login."""
    return _same(customer.username, account.username) or _same(customer.username, account.email)


async def _read_back(call: Asker, write: Request, read: Request, customer_id: int) -> Customer:
    """The customer after a write whose answer had no body (it was applied all the same)."""
    failed: PrintNowError
    try:
        return await call.send(read, _TheCustomer(customer_id))
    except (APIError, NoResponseError, InvalidResponseError, ConfigurationError, PacerError) as error:
        failed = error
    reason = f"the answer had no body, and reading the customer failed: {failed.message}"
    raise invalid_answer(write, 200, "$", reason) from failed
