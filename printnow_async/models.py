"""What goes over the wire, as frozen attrs classes: what the server describes, and what we ask for.

What the user builds (`NewAccount`, `CustomerUpdate`) is checked when it is made, and a `ValueError` names the
field. What the server sends (`Customer`, `Storefront`, `Webhook`) is checked where it is decoded.

Source of the fields and rules: vendor's pages "Customers" (sections "Response Fields", "Request Body" and
"Updatable Fields"),
"Storefronts" and "Webhooks".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import attrs

__all__ = [
    "Customer",
    "CustomerUpdate",
    "NOT_GIVEN",
    "NewAccount",
    "NotGiven",
    "Storefront",
    "Webhook",
    "WebhookEvent",
]


class NotGiven(enum.Enum):
    """The type of `NOT_GIVEN`."""

    NOT_GIVEN = "NOT_GIVEN"

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> Literal[False]:
        return False


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""This field is to be left as it is: not sent at all. (`None` is sent, as `null`.)"""


def _names_only(extra: Mapping[str, Any]) -> str:
    return repr(sorted(extra))


@attrs.frozen
class Customer:
    """A customer as the server describes it (page "Customers", "Response Fields").

    Only `id` is certain: older and embedded objects lack fields, and a missing or null one is `None` here.
    """

    id: int
    """Unique customer ID."""
    storefront: str | None = None
    """Name of the storefront the customer belongs to."""
    storefront_id: int | None = None
    """ID of that storefront."""
    first_name: str | None = None
    """First name."""
    last_name: str | None = None
    """Last name."""
    email: str | None = None
    """E-mail address, unique within the storefront."""
    username: str | None = None
    """Login name, unique within the storefront."""
    receive_marketing_emails: bool | None = None
    """Whether the customer has opted in to marketing e-mails."""
    last_logged_in_on: datetime | None = None
    """The most recent login, aware, UTC."""
    created_on: datetime | None = None
    """When the account was created, aware, UTC."""
    last_updated_on: datetime | None = None
    """The most recent update of the profile, aware, UTC."""
    company: str | None = None
    """Company as the user entered it."""
    organization: str | None = None
    """Organization the customer belongs to, managed by the admin; None for none."""
    user_groups: tuple[str, ...] = ()
    """Names of the customer's user groups, without the default "RETAIL"."""
    tax_exempt: bool | None = None
    """Whether the customer is tax-exempt, directly or through a user group."""
    is_temporary: bool | None = None
    """Whether this is a temporary (guest) account."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, hash=False, repr=_names_only)
    """Fields of the answer that this version does not know, as JSON values. Shown by name only."""


def _text(_: object, attribute: attrs.Attribute[Any], value: object) -> str:
    """`value`, if it is text that can be sent; the message never shows it, as it may be a password."""
    if not isinstance(value, str):
        raise ValueError(f"{attribute.name} must be a string, not {type(value).__name__}")
    if not value.isascii() and any("\ud800" <= ch <= "\udfff" for ch in value):
        # found without encoding it, whose error would hold the whole text
        raise ValueError(f"{attribute.name} holds a character that UTF-8 cannot carry")
    return value


def _username(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    length = len(_text(instance, attribute, value))
    if not 3 <= length <= 50:
        raise ValueError(f"username must have 3 to 50 characters, not {length}")


def _password(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if len(_text(instance, attribute, value)) < 6:
        raise ValueError("password must have at least 6 characters")


def _email(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    local, at, domain = _text(instance, attribute, value).rpartition("@")
    if not at or not local.strip() or not domain.strip(".") or len(domain.split()) != 1:
        raise ValueError("email must have a local part and a domain, as in jane@example.com")


def _not_blank(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not _text(instance, attribute, value).strip():
        raise ValueError(f"{attribute.name} must not be blank")


def _text_or_none(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        _text(instance, attribute, value)


def _flag(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{attribute.name} must be True or False, not {type(value).__name__}")


@attrs.frozen
class NewAccount:
    """A permanent account to be: for `customers.create` and for `customers.convert`.

    A `ValueError` names the field that breaks a rule (page "Customers", "Request Body (Permanent User)").
    """

    username: str = attrs.field(validator=_username)
    """Login name, 3 to 50 characters, unique on the storefront."""
    password: str = attrs.field(validator=_password, repr=False)
    """At least 6 characters. Write-only, and never shown, logged or stored."""
    email: str = attrs.field(validator=_email)
    """E-mail address, unique on the storefront."""
    first_name: str = attrs.field(validator=_not_blank)
    """First name, not blank."""
    last_name: str = attrs.field(validator=_not_blank)
    """Last name, not blank."""
    company: str | None = attrs.field(default=None, validator=_text_or_none)
    """Company; sent only when given."""
    receive_marketing_emails: bool = attrs.field(default=False, validator=_flag, metadata={"always_sent": True})
    """Opt-in to marketing e-mails; always sent."""


def _if_given(check: Any) -> Any:
    def checked(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not NOT_GIVEN and value is not None:
            check(instance, attribute, value)

    return checked


@attrs.frozen(kw_only=True)
class CustomerUpdate:
    """Changes to a permanent customer: only what is given is sent, and `None` is sent as `null`.

    It has neither username nor e-mail, so it can never convert a temporary user by accident. Nothing given is a
    `ValueError`, and so is a field of the wrong type or a password of under 6 characters
    (page "Customers", "Updatable Fields").
    """

    password: str | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_if_given(_password), repr=False)
    """New password, at least 6 characters. Never shown, logged or stored."""
    first_name: str | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_if_given(_text))
    """New first name."""
    last_name: str | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_if_given(_text))
    """New last name."""
    company: str | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_if_given(_text))
    """New company."""
    receive_marketing_emails: bool | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_if_given(_flag))
    """Opt-in to marketing e-mails."""
    tax_exempt: bool | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_if_given(_flag))
    """Whether the customer is tax-exempt. Cascades from user groups if not set individually."""

    def __attrs_post_init__(self) -> None:
        if all(getattr(self, field.name) is NOT_GIVEN for field in attrs.fields(CustomerUpdate)):
            names = ", ".join(field.name for field in attrs.fields(CustomerUpdate))
            raise ValueError(f"an update must change something: give at least one of {names}")


@attrs.frozen
class Storefront:
    """A storefront of the licence (page "Storefronts"). Only `id` is certain."""

    id: int
    """Unique storefront ID: what `storefront_id` of a customer refers to."""
    name: str | None = None
    """Its name, as "My Print Store"."""
    url: str | None = None
    """Where it is, as "store.example.com": the page shows it without a scheme."""
    is_retail: bool | None = None
    """Whether it is a retail storefront."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, hash=False, repr=_names_only)
    """Fields of the answer that this version does not know, as JSON values. Shown by name only."""


class WebhookEvent(enum.StrEnum):
    """What can be subscribed to (page "Webhooks"). A member equals its text."""

    ORDER_CREATED = "order_created"
    """An order was placed."""
    ORDER_UPDATED = "order_updated"
    """An order was changed."""
    ORDER_DELETED = "order_deleted"
    """An order was deleted."""
    CUSTOMER_CREATED = "customer_created"
    """A permanent account was made, or a temporary user was converted into one through the API."""
    CUSTOMER_UPDATED = "customer_updated"
    """A permanent customer was changed."""
    CUSTOMER_DELETED = "customer_deleted"
    """A permanent customer was deleted."""


@attrs.frozen
class Webhook:
    """A subscription of the calling API token (page "Webhooks"). Only `id` is certain."""

    id: int
    """Unique subscription ID: what `unsubscribe` takes."""
    target_url: str | None = None
    """Where PrintNow posts to."""
    event: WebhookEvent | str | None = None
    """What it is told of: a `WebhookEvent`, or the server's own text where this version does not know the event."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, hash=False, repr=_names_only)
    """Fields of the answer that this version does not know, as JSON values. Shown by name only."""
