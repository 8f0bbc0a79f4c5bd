"""One customer as the sandbox keeps it, and the object it answers with.

The answer has exactly the fields of the vendor's page ("Customers", "Response Fields"), in its order, and
never the password. Assumed, because the page is silent: somebody who never logged in has
`"last_logged_in_on": null`; no organization is `null` and no company an empty string (as the vendor's order
examples have them); `storefront_id` is in every answer, as it is in the page's example.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TypedDict

import attrs

__all__ = ["CustomerFields", "SandboxCustomer", "timestamp"]

DEFAULT_GROUP = "RETAIL"
LONGEST_FRACTION = 7


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@attrs.frozen(kw_only=True)
class SandboxCustomer:
    """A customer in the sandbox, as it was when it was asked for: a later change makes a new object."""

    id: int
    """Unique over all storefronts; deleted ones keep theirs."""
    storefront_id: int
    """The storefront it belongs to, for good."""
    storefront: str
    """That storefront's name."""
    username: str
    """Login name; random for a temporary user."""
    password: str = attrs.field(repr=False)
    """As it was last set, so that a test can tell whether it was overwritten. Never answered."""
    email: str
    """E-mail address; random for a temporary user."""
    first_name: str = ""
    """Empty for a temporary user."""
    last_name: str = ""
    """Empty for a temporary user."""
    company: str = ""
    """Empty when there is none."""
    receive_marketing_emails: bool = False
    """Whether the customer opted in to marketing e-mails."""
    tax_exempt: bool = False
    """Whether the customer is exempt in person; `is_tax_exempt` also asks the user groups."""
    organization: str | None = None
    """Kept by the shop's administrators; the API cannot set it."""
    user_groups: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Every group the customer is in; the answer leaves out `RETAIL`."""
    exempt_groups: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """The names of the user groups that are marked tax-exempt."""
    is_temporary: bool = False
    """Whether this is a temporary (anonymous) user."""
    last_logged_in_on: str | None = None
    """Timestamp as it is answered, or None when the customer never logged in."""
    created_on: str
    """Timestamp as it is answered."""
    last_updated_on: str
    """Timestamp as it is answered."""
    albums: int = 0
    """How many image albums it owns; a transfer moves them."""
    projects: int = 0
    """How many saved projects it owns; a transfer moves them."""
    punchout_sessions: int = 0
    """How many punchout sessions it owns; a transfer moves them."""

    @property
    def is_tax_exempt(self) -> bool:
        """Whether the customer, or any of its user groups, is exempt ("Response Fields", `tax_exempt`)."""
        return self.tax_exempt or not set(self.exempt_groups).isdisjoint(self.user_groups)

    def answer(self) -> dict[str, object]:
        """Give the customer object of the API: the documented fields, in the documented order."""
        return {
            "storefront": self.storefront,
            "storefront_id": self.storefront_id,
            "id": self.id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "username": self.username,
            "receive_marketing_emails": self.receive_marketing_emails,
            "last_logged_in_on": self.last_logged_in_on,
            "created_on": self.created_on,
            "last_updated_on": self.last_updated_on,
            "company": self.company,
            "organization": self.organization,
            "user_groups": [name for name in self.user_groups if name != DEFAULT_GROUP],
            "tax_exempt": self.is_tax_exempt,
            "is_temporary": self.is_temporary,
        }


class CustomerFields(TypedDict, total=False):
    """What a test may say about a permanent customer that it puts into the sandbox; the rest is made up."""

    id: int
    storefront_id: int
    username: str
    password: str
    email: str
    first_name: str
    last_name: str
    company: str
    receive_marketing_emails: bool
    tax_exempt: bool
    organization: str | None
    user_groups: Iterable[str]
    exempt_groups: Iterable[str]
    last_logged_in_on: str | None


def timestamp(moment: dt.datetime, digits: int, last_digit: int = 0) -> str:
    """Give `moment` (UTC) as the API writes it, with 0 to 7 fractional digits, cut and not rounded.

    The seventh digit is finer than Python's clock: it is `last_digit`.
    """
    whole = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06d}{last_digit}"[:digits]
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"
