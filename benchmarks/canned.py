"""What every client sends, and the one customer that every answer holds."""

from __future__ import annotations

from base64 import b64encode

TOKEN = "bench-token"
KEY = "bench-key"
AUTHORIZATION = "Basic " + b64encode(f"{TOKEN}:{KEY}".encode()).decode()

COLLECTION = "/api/v2/customer"
STATISTICS = "/statistics"

ACCOUNT = {
    "username": "maria.lopez",
    "password": "open-sesame",
    "email": "maria.lopez@example.com",
    "first_name": "Maria",
    "last_name": "Lopez",
    "company": "Lopez Signs",
    "receive_marketing_emails": False,
}
STOREFRONT_ID = 7
NEW_CUSTOMER = {"storefront_id": STOREFRONT_ID, **ACCOUNT}

CUSTOMER = {
    "id": 480_215,
    "storefront": "Signs and Banners",
    "storefront_id": STOREFRONT_ID,
    "first_name": "Maria",
    "last_name": "Lopez",
    "email": "maria.lopez@example.com",
    "username": "maria.lopez",
    "receive_marketing_emails": False,
    "last_logged_in_on": "2026-03-02T08:15:00Z",
    "created_on": "2025-11-20T16:40:00Z",
    "last_updated_on": "2026-03-02T08:15:00Z",
    "company": "Lopez Signs",
    "organization": "Lopez Group",
    "user_groups": ["TRADE", "NET-30"],
    "tax_exempt": True,
    "is_temporary": False,
}
