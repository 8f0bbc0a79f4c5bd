"""What can go wrong, and what to do about each: the errors by whose fault they are.

Run it as it is, and it starts a sandbox. With PRINTNOW_TOKEN and PRINTNOW_KEY in the environment it creates a customer
on storefront PRINTNOW_STOREFRONT (1) and deletes it again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets

from target import STOREFRONT, connect

from printnow_async import (
    AuthenticationError,
    Customer,
    CustomerNotFoundError,
    EmailInUseError,
    InvalidAccountError,
    NewAccount,
    NoResponseError,
    OutcomeUnknownError,
    PrintNowClient,
    PrintNowError,
    RateLimitError,
    UsernameInUseError,
)


async def register(client: PrintNowClient, account: NewAccount) -> Customer | None:
    """Create an account, and tell the person in front of the screen what came of it."""
    try:
        customer = await client.customers.create(account, storefront_id=STOREFRONT)
    except UsernameInUseError:
        print(f"  {account.username!r} is taken: ask for another username")
    except EmailInUseError:
        print("  this e-mail address has an account: offer to log in, or to transfer the guest's work to it")
    except OutcomeUnknownError as error:
        # sent, and no answer settles it: the account may be there. Never tell the user that it failed.
        print(f"  not sure yet, check before trying again: {error.evidence}")
    except RateLimitError as error:
        print(f"  the service is busy: come back in {error.retry_after or 30:.0f} s")
    except NoResponseError as error:
        print(f"  no answer; may it have been sent: {error.sent}")
    except AuthenticationError:
        raise  # nothing that this user could do about it: it is for the operator
    except PrintNowError as error:
        print(f"  refused: {error}")
    else:
        print(f"  created {customer.id}")
        return customer
    return None


async def main() -> None:
    logging.basicConfig(format="  (%(name)s: %(message)s)")  # every repeat is a warning here
    async with connect() as client:
        name = f"jane-{secrets.token_hex(4)}"
        password = secrets.token_urlsafe(12)
        account = NewAccount(name, password, f"{name}@example.com", "Jane", "Smith")

        print("a new account:")
        customer = await register(client, account)
        print("the same again:")
        await register(client, account)
        print("another name, the same e-mail address:")
        await register(client, NewAccount(f"{name}-2", password, account.email, "Jane", "Smith"))

        print("an account that cannot be right:")
        try:
            NewAccount.from_form({"username": "jo", "password": password, "email": account.email, "first_name": " Jo "})
        except InvalidAccountError as error:
            for field, reason in error.problems.items():
                print(f"  before any request: {field} {reason}")

        if customer is not None:
            await client.customers.delete(customer.id)
            print("a customer who is gone:")
            try:
                await client.customers.get(customer.id)
            except CustomerNotFoundError as error:
                print(f"  {error}")

        print("wrong credentials:")
        async with PrintNowClient("not-a-token", "not-a-key", base_url=client.base_url) as stranger:
            try:
                await stranger.ping()
            except AuthenticationError as error:
                print(f"  {error}")


if __name__ == "__main__":
    asyncio.run(main())
