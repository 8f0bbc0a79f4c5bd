"""What a browser does at the checkout of the two example shops: visit, register, log in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp


def form() -> dict[str, str]:
    """A registration form, filled in."""
    name = f"jane-{secrets.token_hex(4)}"
    return {
        "username": name,
        "password": secrets.token_urlsafe(12),
        "email": f"{name}@example.com",
        "first_name": "Jane",
        "last_name": "Smith",
    }


async def visit(browser: aiohttp.ClientSession) -> None:
    """A guest who registers, double-clicking, and one who turns out to be a customer."""
    first, second = f"cart-{secrets.token_hex(4)}", f"cart-{secrets.token_hex(4)}"
    jane = form()

    async def send(path: str, body: Any = None) -> dict[str, Any]:
        async with browser.post(path, json=body) as answer:
            data: dict[str, Any] = await answer.json()
            shown = {name: value for name, value in data.items() if name != "error"}
            print(answer.status, path.replace(first, "{cart}").replace(second, "{other cart}"), shown)
            return data

    await send(f"/carts/{first}")
    customer = await send(f"/carts/{first}/checkout/new", jane)
    await send(f"/carts/{first}/checkout/new", jane)  # the same click again
    await send(f"/carts/{second}")
    await send(f"/carts/{second}/checkout/new", {**form(), "email": jane["email"]})
    await send(f"/carts/{second}/checkout/existing", {"customer_id": customer["customer"]})
    await send("/carts/nobody/checkout/new", form())
