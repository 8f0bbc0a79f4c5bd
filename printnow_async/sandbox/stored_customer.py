"""One customer as the sandbox keeps it, and the JSON object that the sandbox answers with.

The answer has exactly the fields of the vendor's page ("Customers", "Response Fields"), in the order of that page, and
never the password. The page does not say the following, which is assumed: `"last_logged_in_on"` of a customer who never
logged in is `null`; a missing organization is `null` and a missing company an empty string (as in the vendor's examples
of orders); `storefront_id` is in every answer, as it is in the page's example.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TypedDict

import attrs

__all__ = ["CustomerFields", "SandboxCustomer", "timestamp"]

DEFAULT_GROUP = "RETAIL"
LONGEST_FRACTION = 7
ANSWERED = (
    *("storefront", "storefront_id", "id", "first_name", "last_name", "email", "username", "receive_marketing_emails"),
    *("last_logged_in_on", "created_on", "last_updated_on", "company", "organization", "user_groups", "tax_exempt"),
    "is_temporary",
)
"""The fields of an answer, in the order of the vendor's page."""


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@attrs.frozen(kw_only=True)
class SandboxCustomer:
    """A customer in the sandbox at one moment. A later change makes a new object."""

    id: int
    """Unique over all storefronts. The ID of a deleted customer is not used again."""
    storefront_id: int
    """The storefront of the customer; it never changes."""
    storefront: str
    """The name of the storefront."""
    username: str
    """Login name; random for a temporary user."""
    password: str = attrs.field(repr=False)
    """The password as it was last set, so that a test can see an overwritten one. No answer holds it."""
    email: str
    """E-mail address; random for a temporary user."""
    first_name: str = ""
    """Empty for a temporary user."""
    last_name: str = ""
    """Empty for a temporary user."""
    company: str = ""
    """Empty when there is no company."""
    receive_marketing_emails: bool = False
    """Whether the customer opted in to marketing e-mails."""
    tax_exempt: bool = False
    """Whether the customer itself is exempt. `is_tax_exempt` looks at the user groups as well."""
    organization: str | None = None
    """Set by the shop's administrators; the API cannot set it."""
    user_groups: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Every group the customer is in. The answer leaves out `RETAIL`."""
    exempt_groups: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """The names of the user groups that are marked tax-exempt."""
    is_temporary: bool = False
    """Whether this is a temporary (anonymous) user."""
    last_logged_in_on: str | None = None
    """Timestamp in the form of the API, or None when the customer never logged in."""
    created_on: str
    """Timestamp in the form of the API."""
    last_updated_on: str
    """Timestamp in the form of the API."""
    albums: int = 0
    """Number of image albums; a transfer moves them."""
    projects: int = 0
    """Number of saved projects; a transfer moves them."""
    punchout_sessions: int = 0
    """Number of punchout sessions; a transfer moves them."""

    @property
    def is_tax_exempt(self) -> bool:
        """Whether the customer or one of its user groups is exempt ("Response Fields", `tax_exempt`)."""
        return self.tax_exempt or not set(self.exempt_groups).isdisjoint(self.user_groups)

    def answer(self) -> dict[str, object]:
        """The customer object of the API: the documented fields, in the documented order."""
        fields: dict[str, object] = {name: getattr(self, name) for name in ANSWERED}
        fields["user_groups"] = [name for name in self.user_groups if name != DEFAULT_GROUP]
        fields["tax_exempt"] = self.is_tax_exempt
        return fields


class CustomerFields(TypedDict, total=False):
    """The fields that a test may give for a permanent customer that it adds; the sandbox makes up the others."""

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
    """`moment` (UTC) in the form of the API, with 0 to 7 fractional digits, cut and not rounded.

    The seventh digit is finer than Python's clock, so `last_digit` stands there.
    """
    whole = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06d}{last_digit}"[:digits]
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"
