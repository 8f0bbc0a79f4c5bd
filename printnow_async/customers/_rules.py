"""The rules of the customer operations: how an answer is read, whose it is, and what may be done when none came.

Source of all endpoints, fields and messages: vendor's page "Customers".
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

import attrs

from printnow_async._http.attempts import Attempts
from printnow_async._http.converter import decoded
from printnow_async._http.rules import Ask, ForeignAnswerError, Known, Rule
from printnow_async._http.wire import Endpoint, RawResponse, Request, invalid_answer
from printnow_async.errors import (
    APIError,
    CustomerNotFoundError,
    EmailInUseError,
    InvalidResponseError,
    NotTemporaryError,
    UsernameInUseError,
    status_error_class,
)
from printnow_async.models import Customer, NewAccount

COLLECTION: Final = "/api/v2/customer"
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


GET: Final = Endpoint("customers.get", "GET", _ONE, write=False, error_class=_customer_class)
CREATE: Final = Endpoint("customers.create", "POST", COLLECTION, write=True, error_class=_in_use_class)
CREATE_TEMPORARY: Final = Endpoint("customers.create_temporary", "POST", COLLECTION, write=True)
UPDATE: Final = Endpoint("customers.update", "PATCH", _ONE, write=True, error_class=_customer_class)
CONVERT: Final = Endpoint("customers.convert", "PATCH", _ONE, write=True, error_class=_customer_class)
TRANSFER: Final = Endpoint(
    "customers.transfer", "PATCH", "/api/v2/customer/{id}/transfer", write=True, error_class=_customer_class
)
DELETE: Final = Endpoint("customers.delete", "DELETE", _ONE, write=True, error_class=_customer_class)


def _read_for(operation: str) -> Endpoint:
    """The read of a customer that an operation needs."""
    return attrs.evolve(GET, operation=operation)


# ---------------------------------------------------------------- the rules


@attrs.frozen
class ReadingCustomer(Rule[Customer]):
    """A read of one customer. Unanswered: repeats."""

    customer_id: int

    def read(self, response: RawResponse) -> Customer:
        customer = decoded(Customer, response)
        if customer.id != self.customer_id:
            raise ForeignAnswerError(f"customer {customer.id}, not {self.customer_id}")
        return customer


@attrs.frozen
class Updating(Rule[Customer | None]):
    """Unanswered: repeats, since the values are absolute. None: the answer has no body."""

    customer_id: int

    def read(self, response: RawResponse) -> Customer | None:
        return ReadingCustomer(self.customer_id).read(response) if response.body.strip() else None


@attrs.frozen
class Deleting(Rule[None]):
    """Unanswered: repeats; a 404 on the repeat is success."""

    customer_id: int

    def read(self, response: RawResponse) -> None:
        """Any answer of success will do, but for one that names another customer. The body is not documented."""
        try:
            body = response.json()
        except InvalidResponseError:
            return
        named = body.get("id") if isinstance(body, dict) else None
        if type(named) is int and named != self.customer_id:
            raise ForeignAnswerError(f"it names another customer than {self.customer_id}")

    async def look(self, ask: Ask, answer: APIError | None) -> Known[None] | None:
        return Known(None) if answer is not None and answer.status == 404 else None


@attrs.frozen
class Creating(Rule[Customer]):
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
class CreatingTemporary(Rule[Customer]):
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
class Converting(Rule[Customer | None]):
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
            raise invalid_answer(response.request, response.status, "$.is_temporary", STILL_TEMPORARY)
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
        request = Request(CONVERT_READ, self.path)
        customer = await ask(request, ReadingCustomer(self.customer_id))
        if customer.is_temporary is None:
            reason = "missing: without it nobody can tell whether this is still a temporary user"
            raise InvalidResponseError(
                reason, path="$.is_temporary", operation=CONVERT.operation, request_id=request.request_id
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
class Transferring(Rule[Customer | None]):
    """Unanswered: repeats, to the same destination.

    A 404 on the repeat, with the source gone and the destination readable, is success. None: the answer has no body.
    """

    refusals_prove: ClassVar[bool] = False
    source: str
    source_id: int
    destination: str
    destination_id: int

    def read(self, response: RawResponse) -> Customer | None:
        return ReadingCustomer(self.destination_id).read(response) if response.body.strip() else None

    async def look(self, ask: Ask, answer: APIError | None) -> Known[Customer | None] | None:
        if answer is None or answer.status != 404:
            return None
        try:
            await ask(Request(TRANSFER_READ, self.source), ReadingCustomer(self.source_id))
        except CustomerNotFoundError:
            pass
        else:
            return None
        destination = await ask(Request(TRANSFER_READ, self.destination), ReadingCustomer(self.destination_id))
        return Known(destination)


STILL_TEMPORARY: Final = "the convert was answered with success, but the customer is still temporary"

CONVERT_READ: Final = _read_for(CONVERT.operation)
TRANSFER_READ: Final = _read_for(TRANSFER.operation)
UPDATE_READ: Final = _read_for(UPDATE.operation)


# ---------------------------------------------------------------- whose an answer is


def _same(ours: str | None, theirs: str) -> bool:
    """Whether two names are one: a server may keep names in a case of its own."""
    return ours is not None and ours.casefold() == theirs.casefold()


def _has_our_username(customer: Customer, account: NewAccount) -> bool:
    """Whether the customer logs in as we wanted; a storefront may use the e-mail address as the login."""
    return _same(customer.username, account.username) or _same(customer.username, account.email)
