"""The documented rules of customers, in memory: no socket, no JSON text, no waiting.

Source: the vendor's "Customers" page. Assumed, because the page does not say so:

- usernames and e-mail addresses are compared without regard to case (casefolded), within one storefront;
- the random names of temporary users count as well; the names of a deleted customer are free again;
- the form of a body is checked first (see `checks`), then the username, then the e-mail address;
- an unknown storefront is refused with 400, "Storefront not found.";
- `is_temporary` in the body of a PATCH to a permanent customer is ignored, like username and e-mail there;
- a PATCH that keeps a temporary user temporary is refused with 400, and so is the delete of a temporary user;
- `"company": null` clears the company; `null` in any other field of an update is a wrong type;
- every accepted update fires `customer_updated` and moves `last_updated_on`, even one that changes nothing;
- a convert keeps the id, `created_on`, organization, user groups and work; a transfer fires no webhook and
  leaves `last_updated_on` alone;
- a transfer is refused with 404 when either user is missing, and with 400 when the source is permanent, or the
  destination is temporary or on another storefront; a temporary user can be read after a transfer, and transferred
  again, unless `removes_transferred` is set.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from typing import Any, Unpack, final

import attrs

from printnow_async.sandbox.checks import (
    Body,
    Refusal,
    account_fields,
    flag,
    optional_text,
    password,
    text,
    whole_number,
)
from printnow_async.sandbox.hooks import Hooks
from printnow_async.sandbox.stored_customer import LONGEST_FRACTION, CustomerFields, SandboxCustomer, timestamp

__all__ = ["FiredWebhook", "Refusal", "Store"]

USERNAME_IN_USE = "Username is already in use."
EMAIL_IN_USE = "Email address is already in use."
NO_CUSTOMER = "Customer not found."

FIRST_CUSTOMER_ID = 1001  # not 1, so that a storefront's id in the place of a customer's does not work by chance


@attrs.frozen
class FiredWebhook:
    """A webhook that the vendor would have sent. The sandbox sends none: the body is not documented."""

    event: str
    """`customer_created`, `customer_updated` or `customer_deleted`."""
    customer_id: int
    """The ID of the customer."""


@final
class Store:
    """The customers of some storefronts and the subscriptions to webhooks, and the rules by which they change.

    Takes the names of storefronts by id, a clock for the timestamps (aware, UTC), and a seed for all that is random.
    Methods that stand for an endpoint raise `Refusal` with the documented status and message.
    """

    def __init__(
        self,
        storefronts: Mapping[int, str],
        *,
        clock: Callable[[], dt.datetime],
        seed: int = 0,
        removes_transferred: bool = False,
    ) -> None:
        self.storefronts = dict(storefronts)
        self.customers: dict[int, SandboxCustomer] = {}
        self.deleted: dict[int, SandboxCustomer] = {}
        self.hooks = Hooks()
        self.webhooks: list[FiredWebhook] = []
        self._clock = clock
        self._random = random.Random(f"{seed}/store")
        self._removes_transferred = removes_transferred
        self._next_id = FIRST_CUSTOMER_ID
        self._digits = self._random.randrange(LONGEST_FRACTION + 1)
        self._usernames: dict[tuple[int, str], int] = {}
        self._emails: dict[tuple[int, str], int] = {}

    def get(self, customer_id: int) -> SandboxCustomer:
        """An existing customer ("Get Customer"); 404 otherwise."""
        try:
            return self.customers[customer_id]
        except KeyError:
            raise Refusal(404, NO_CUSTOMER) from None

    def create(self, body: Body) -> SandboxCustomer:
        """Make a permanent customer, or a temporary user if the body says so ("Create Customer")."""
        storefront_id = whole_number(body, "storefront_id")
        if storefront_id not in self.storefronts:
            raise Refusal(400, "Storefront not found.")
        if flag(body, "is_temporary", default=False):
            return self._create_temporary(storefront_id)
        account = account_fields(body)
        self._check_unique(storefront_id, account["username"], account["email"])
        customer = self._keep(self._new(self._take_id(), storefront_id, account))
        self._fire("customer_created", customer)
        return customer

    def change(self, customer_id: int, body: Body) -> SandboxCustomer:
        """Carry out a PATCH: update a permanent customer, or convert a temporary user ("Update Customer")."""
        customer = self.get(customer_id)
        return self._convert(customer, body) if customer.is_temporary else self._update(customer, body)

    def transfer(self, source_id: int, body: Body) -> SandboxCustomer:
        """Move a temporary user's work to a permanent customer, who is returned ("Transfer Temporary User")."""
        source = self.get(source_id)
        if not source.is_temporary:
            raise Refusal(400, "Only a temporary customer can be transferred.")
        target = self.get(whole_number(body, "id"))
        if target.is_temporary:
            raise Refusal(400, "The destination must be a permanent customer.")
        if target.storefront_id != source.storefront_id:
            raise Refusal(400, "Both customers must belong to the same storefront.")
        emptied = self._keep(attrs.evolve(source, albums=0, projects=0, punchout_sessions=0))
        if self._removes_transferred:
            self._bury(emptied)
        return self.add_work(target.id, source.albums, source.projects, source.punchout_sessions)

    def delete(self, customer_id: int) -> None:
        """Soft-delete a permanent customer ("Delete Customer")."""
        customer = self.get(customer_id)
        if customer.is_temporary:
            raise Refusal(400, "A temporary customer cannot be deleted.")
        self._bury(customer)
        self._fire("customer_deleted", customer)

    def add_customer(self, **fields: Unpack[CustomerFields]) -> SandboxCustomer:
        """Add a permanent customer without a request or a webhook: see `Sandbox.add_customer`."""
        customer_id = fields["id"] if "id" in fields else self._take_id()
        storefront_id = fields.get("storefront_id", min(self.storefronts))
        if storefront_id not in self.storefronts:
            raise ValueError(f"storefront_id: there is no storefront {storefront_id}")
        if customer_id in self.customers or customer_id in self.deleted:
            raise ValueError(f"id: {customer_id} is taken")
        made_up = {"username": f"customer{customer_id}", "email": f"customer{customer_id}@example.com"}
        made_up |= {"password": f"password{customer_id}", "first_name": "Jane", "last_name": "Smith"}
        customer = self._new(customer_id, storefront_id, made_up | fields)
        try:
            self._check_unique(storefront_id, customer.username, customer.email)
        except Refusal as refusal:
            raise ValueError(refusal.message) from None
        return self._keep(customer)

    def add_work(
        self, customer_id: int, albums: int = 0, projects: int = 0, punchout_sessions: int = 0
    ) -> SandboxCustomer:
        """Add work to an existing customer; `ValueError` where there is no such customer."""
        customer = self.customers.get(customer_id)
        if customer is None:
            raise ValueError(f"customer_id: there is no customer {customer_id}")
        return self._keep(
            attrs.evolve(
                customer,
                albums=customer.albums + albums,
                projects=customer.projects + projects,
                punchout_sessions=customer.punchout_sessions + punchout_sessions,
            )
        )

    def _create_temporary(self, storefront_id: int) -> SandboxCustomer:
        name = f"temp-{self._random.getrandbits(64):016x}"
        credentials = {
            "username": name,
            "email": f"{name}@temporary.invalid",
            "password": f"{self._random.getrandbits(128):032x}",
            "is_temporary": True,
        }
        return self._keep(self._new(self._take_id(), storefront_id, credentials))

    def _convert(self, customer: SandboxCustomer, body: Body) -> SandboxCustomer:
        if flag(body, "is_temporary", default=False):
            raise Refusal(400, "A temporary customer cannot be updated while it stays temporary.")
        account = account_fields(body)
        self._check_unique(customer.storefront_id, account["username"], account["email"], but=customer.id)
        permanent = attrs.evolve(customer, is_temporary=False, **account)
        permanent = self._keep(self._touched(permanent))
        self._fire("customer_created", permanent)
        return permanent

    def _update(self, customer: SandboxCustomer, body: Body) -> SandboxCustomer:
        changes: dict[str, Any] = {}
        if "password" in body:
            changes["password"] = password(body)
        if "company" in body:
            changes["company"] = optional_text(body, "company")
        changes |= {name: text(body, name) for name in ("first_name", "last_name") if name in body}
        for name in ("receive_marketing_emails", "tax_exempt"):
            if name in body:
                changes[name] = flag(body, name, default=False)
        updated = self._keep(self._touched(attrs.evolve(customer, **changes)))
        self._fire("customer_updated", updated)
        return updated

    def _new(self, customer_id: int, storefront_id: int, fields: Mapping[str, Any]) -> SandboxCustomer:
        now = self._timestamp(customer_id)
        known: dict[str, Any] = {"created_on": now, "last_updated_on": now, **fields}
        known.update(id=customer_id, storefront_id=storefront_id, storefront=self.storefronts[storefront_id])
        return SandboxCustomer(**known)

    def _touched(self, customer: SandboxCustomer) -> SandboxCustomer:
        return attrs.evolve(customer, last_updated_on=self._timestamp(customer.id))

    def _timestamp(self, customer_id: int) -> str:
        # one customer's timestamps have one width, so that cut digits never make its time go backwards
        digits = (self._digits + customer_id) % (LONGEST_FRACTION + 1)
        return timestamp(self._clock(), digits, customer_id % 10)

    def _take_id(self) -> int:
        while self._next_id in self.customers or self._next_id in self.deleted:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    def _check_unique(self, storefront_id: int, username: str, email: str, but: int | None = None) -> None:
        if self._usernames.get((storefront_id, username.casefold()), but) != but:
            raise Refusal(400, USERNAME_IN_USE)
        if self._emails.get((storefront_id, email.casefold()), but) != but:
            raise Refusal(400, EMAIL_IN_USE)

    def _keep(self, customer: SandboxCustomer) -> SandboxCustomer:
        self._forget_names(customer.id)
        self.customers[customer.id] = customer
        self._usernames[customer.storefront_id, customer.username.casefold()] = customer.id
        self._emails[customer.storefront_id, customer.email.casefold()] = customer.id
        return customer

    def _bury(self, customer: SandboxCustomer) -> None:
        self._forget_names(customer.id)
        self.deleted[customer.id] = self.customers.pop(customer.id)

    def _forget_names(self, customer_id: int) -> None:
        known = self.customers.get(customer_id)
        if known is not None:
            del self._usernames[known.storefront_id, known.username.casefold()]
            del self._emails[known.storefront_id, known.email.casefold()]

    def _fire(self, event: str, customer: SandboxCustomer) -> None:
        self.webhooks.append(FiredWebhook(event, customer.id))
