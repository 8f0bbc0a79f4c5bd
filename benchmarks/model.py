"""The least that a typed client adds to JSON: two attrs classes, and cattrs to fill and to empty them."""

from __future__ import annotations

from datetime import datetime

import attrs
import cattrs


@attrs.frozen
class Customer:
    id: int
    storefront: str | None = None
    storefront_id: int | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    username: str | None = None
    receive_marketing_emails: bool | None = None
    last_logged_in_on: datetime | None = None
    created_on: datetime | None = None
    last_updated_on: datetime | None = None
    company: str | None = None
    organization: str | None = None
    user_groups: tuple[str, ...] = ()
    tax_exempt: bool | None = None
    is_temporary: bool | None = None


@attrs.frozen
class NewCustomer:
    storefront_id: int
    username: str = attrs.field(validator=[attrs.validators.min_len(3), attrs.validators.max_len(50)])
    password: str = attrs.field(validator=attrs.validators.min_len(6), repr=False)
    email: str
    first_name: str
    last_name: str
    company: str | None
    receive_marketing_emails: bool


converter = cattrs.Converter(detailed_validation=False)
converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
structure = converter.get_structure_hook(Customer)
unstructure = converter.get_unstructure_hook(NewCustomer)
