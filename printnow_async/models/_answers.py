"""What the server sends, as values: checked where an answer is decoded, and not here."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs


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


@attrs.frozen
class Storefront:
    """A storefront of the licence (page "Storefronts"). Only `id` is certain."""

    id: int
    """Unique storefront ID: what `storefront_id` of a customer refers to."""
    name: str | None = None
    """Name of the storefront, as "My Print Store"."""
    url: str | None = None
    """Host name of the storefront, as "store.example.com": the page shows the name without a scheme."""
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
    """Which event is posted: a `WebhookEvent`, or the server's own text where this version does not know the event."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, hash=False, repr=_names_only)
    """Fields of the answer that this version does not know, as JSON values. Shown by name only."""
