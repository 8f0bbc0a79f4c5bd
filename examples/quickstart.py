"""A customer's life, and a guest who becomes a customer.

Run it as it is, and it starts a sandbox. With PRINTNOW_TOKEN and PRINTNOW_KEY in the environment it creates, and in
the end deletes, two customers on storefront PRINTNOW_STOREFRONT (1).
"""

from __future__ import annotations

import asyncio
import secrets

from target import STOREFRONT, connect

from printnow_async import CustomerUpdate, NewAccount


def somebody() -> NewAccount:
    """An account nobody has yet."""
    name = f"jane-{secrets.token_hex(4)}"
    return NewAccount(
        username=name,
        password=secrets.token_urlsafe(12),
        email=f"{name}@example.com",
        first_name="Jane",
        last_name="Smith",
        company="Acme Corp",
    )


async def main() -> None:
    async with connect() as client:
        await client.ping()

        jane = await client.customers.create(somebody(), storefront_id=STOREFRONT)
        print(f"created    {jane.id}: {jane.username}, {jane.company}")

        jane = await client.customers.update(jane.id, CustomerUpdate(company="Smith Printing", tax_exempt=True))
        print(f"updated    {jane.id}: {jane.company}, tax exempt: {jane.tax_exempt}")

        guest = await client.customers.create_temporary(storefront_id=STOREFRONT)
        print(f"guest      {guest.id}: temporary: {guest.is_temporary}")

        member = await client.customers.convert(guest.id, somebody())
        print(f"converted  {member.id}: {member.username}, temporary: {member.is_temporary}")

        await client.customers.delete(jane.id)
        await client.customers.delete(member.id)
        print("deleted    both")


if __name__ == "__main__":
    asyncio.run(main())
