"""Storefronts and webhooks as the server describes them; users find them in `printnow_async.models`.

Source of the fields: vendor's pages "Storefronts" and "Webhooks".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs


def _names_only(extra: Mapping[str, Any]) -> str:
    return repr(sorted(extra))


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
