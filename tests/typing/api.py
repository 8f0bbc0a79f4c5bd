"""The public API as a type checker sees it: mypy --strict reads this file, and nothing runs it.

A line that must be an error has an ignore with its code: mypy warns of an ignore that nothing needs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self, assert_never, assert_type

import printnow_async
from printnow_async import (
    NOT_GIVEN,
    APIError,
    AttemptEvent,
    CallEvent,
    ConfigurationError,
    ConnectError,
    Customer,
    CustomerNotFoundError,
    Customers,
    CustomerUpdate,
    EmailInUseError,
    Endpoint,
    InvalidAccountError,
    InvalidResponseError,
    Limits,
    NewAccount,
    NoAnswer,
    NoResponseError,
    NotTemporaryError,
    Observer,
    OutcomeUnknownError,
    Pacer,
    PacerError,
    PrintNowClient,
    PrintNowError,
    RateLimitError,
    RawResponse,
    Request,
    RetryPolicy,
    Sent,
    Storefront,
    Storefronts,
    TablesMissingError,
    Timeout,
    TransitionError,
    Transport,
    UsernameInUseError,
    Webhook,
    WebhookEvent,
    Webhooks,
)
from printnow_async.errors import status_error_class
from printnow_async.models import NotGiven

if TYPE_CHECKING:
    import ssl

    import aiohttp

assert_type(printnow_async.__version__, str)


# ---------------------------------------------------------------- the client


async def construct(session: aiohttp.ClientSession) -> None:
    PrintNowClient()
    PrintNowClient("token", "key")
    PrintNowClient(token=None, key=None, base_url=None)
    client = PrintNowClient(
        "token",
        "key",
        base_url="https://gateway.example.com",
        timeout=Timeout(attempt=None, connect=1, total=2.5),
        retry=RetryPolicy.none(),
        limits=Limits(max_concurrency=4, max_rate=10),
        session=session,
        proxy="http://proxy.example.com",
        observers=(print, repr),
    )
    assert_type(client.customers, Customers)
    assert_type(client.with_options(timeout=Timeout(), retry=RetryPolicy()), PrintNowClient)
    assert_type(await client.ping(), None)
    assert_type(await client.aclose(), None)
    async with client as entered:
        assert_type(entered, PrintNowClient)

    PrintNowClient(5, "key")  # type: ignore[arg-type]
    PrintNowClient("token", "key", "https://api.printnow.com")  # type: ignore[call-arg]
    PrintNowClient(timeout=30)  # type: ignore[arg-type]
    PrintNowClient(timeout=None)  # type: ignore[arg-type]
    PrintNowClient(retries=3)  # type: ignore[call-arg]
    client.with_options(limits=Limits())  # type: ignore[call-arg]
    with client:  # type: ignore[attr-defined]
        pass


class Subclass(PrintNowClient):
    async def __aenter__(self) -> Self:
        return await super().__aenter__()


async def enter_subclass() -> None:
    async with Subclass() as client:
        assert_type(client, Subclass)


# ---------------------------------------------------------------- a transport, a pacer and requests of one's own


class OwnTransport:
    async def attempt(self, request: Request, *, ends: float | None, connect: float | None) -> RawResponse | NoAnswer:
        assert_type(request.endpoint, Endpoint)
        assert_type(request.body, bytes | None)
        if request.endpoint.write:
            return NoAnswer("lost", Sent.MAYBE, "the connection was lost")
        return RawResponse(200, b"{}")

    async def aclose(self) -> None: ...


class OwnPacer:
    async def turn(self) -> None: ...

    async def hold(self, seconds: float) -> None: ...


class NoPacer:
    async def turn(self) -> None: ...


async def own_parts(context: ssl.SSLContext) -> None:
    transport: Transport = OwnTransport()
    pacer: Pacer = OwnPacer()
    client = PrintNowClient(transport=transport, pacer=pacer)
    PrintNowClient(ssl=context, user_agent="my-shop/2.1")
    assert_type(client.with_options(headers={"X-Tenant": "7"}), PrintNowClient)
    assert_type(await client.aclose(drain=5.0), None)

    PrintNowClient(transport=NoPacer())  # type: ignore[arg-type]
    PrintNowClient(pacer=NoPacer())  # type: ignore[arg-type]
    PrintNowClient(ssl=False)  # type: ignore[arg-type]
    client.with_options(headers={"X-Tenant": 7})  # type: ignore[dict-item]
    await client.aclose(drain="5")  # type: ignore[arg-type]


async def request(client: PrintNowClient) -> None:
    response = await client.request("GET", "/api/v2/storefront/1", params={"page": 1, "id": [7, 8]})
    assert_type(response, RawResponse)
    assert_type(response.status, int)
    assert_type(response.headers, Mapping[str, str])
    assert_type(response.body, bytes)
    assert_type(response.json(), Any)
    assert_type(response.request_id, str)
    await client.request("POST", "/api/v2/x", json={"a": None}, headers={"X-A": "1"}, write=False, repeat=True)

    await client.request("GET")  # type: ignore[call-arg]
    await client.request("GET", "/", {"page": 1})  # type: ignore[call-arg]
    await client.request("GET", "/", headers={"X-A": 1})  # type: ignore[dict-item]


# ---------------------------------------------------------------- customers


async def call(client: PrintNowClient, account: NewAccount) -> None:
    customers = client.customers
    assert_type(await customers.get(7), Customer)
    assert_type(await customers.create(account, storefront_id=1), Customer)
    assert_type(await customers.create_temporary(storefront_id=1), Customer)
    assert_type(await customers.update(7, CustomerUpdate(company="Acme")), Customer)
    assert_type(await customers.convert(7, account), Customer)
    assert_type(await customers.convert(7, account, check=False), Customer)
    assert_type(await customers.transfer(7, to=8), Customer)
    assert_type(await customers.delete(7), None)

    await customers.get("7")  # type: ignore[arg-type]
    await customers.create(account)  # type: ignore[call-arg]
    await customers.create(account, 1)  # type: ignore[call-arg]
    await customers.create({"username": "janesmith"}, storefront_id=1)  # type: ignore[arg-type]
    await customers.create_temporary(1)  # type: ignore[call-arg]
    await customers.update(7, account)  # type: ignore[arg-type]
    await customers.convert(7, account, False)  # type: ignore[call-arg]
    await customers.transfer(7, 8)  # type: ignore[call-arg]
    await customers.transfer(7)  # type: ignore[call-arg]


def bound_methods_are_callables(
    client: PrintNowClient,
) -> tuple[Callable[[int], Awaitable[Customer]], Sequence[Callable[[int], Awaitable[object]]]]:
    """As a bulk operation takes them."""
    return client.customers.get, [client.customers.get, client.customers.delete]


# ---------------------------------------------------------------- storefronts and webhooks


async def storefronts(client: PrintNowClient) -> None:
    assert_type(client.storefronts, Storefronts)
    assert_type(await client.storefronts.list(), tuple[Storefront, ...])
    storefront = await client.storefronts.get(1)
    assert_type(storefront, Storefront)
    assert_type(storefront.id, int)
    assert_type(storefront.name, str | None)
    assert_type(storefront.url, str | None)
    assert_type(storefront.is_retail, bool | None)
    assert_type(storefront.extra, Mapping[str, Any])

    await client.storefronts.get("1")  # type: ignore[arg-type]
    storefront.name = "Shop"  # type: ignore[misc]
    client.storefronts = Storefronts(client.storefronts)  # type: ignore[arg-type]


async def webhooks(client: PrintNowClient) -> None:
    assert_type(client.webhooks, Webhooks)
    assert_type(await client.webhooks.list(), tuple[Webhook, ...])
    hook = await client.webhooks.subscribe("https://example.com/hook", WebhookEvent.CUSTOMER_CREATED)
    assert_type(await client.webhooks.subscribe("https://example.com/hook", "order_paid"), Webhook)
    assert_type(await client.webhooks.unsubscribe(hook.id), None)
    assert_type(hook.id, int)
    assert_type(hook.target_url, str | None)
    assert_type(hook.event, WebhookEvent | str | None)
    assert_type(hook.extra, Mapping[str, Any])

    await client.webhooks.subscribe("https://example.com/hook")  # type: ignore[call-arg]
    await client.webhooks.subscribe("https://example.com/hook", None)  # type: ignore[arg-type]
    await client.webhooks.unsubscribe(hook)  # type: ignore[arg-type]
    hook.event = WebhookEvent.CUSTOMER_DELETED  # type: ignore[misc]


def an_event_may_be_one_that_this_version_does_not_know(hook: Webhook) -> str:
    """So a type checker asks for the rest."""
    match hook.event:
        case WebhookEvent.ORDER_CREATED | WebhookEvent.ORDER_UPDATED | WebhookEvent.ORDER_DELETED:
            return "order"
        case WebhookEvent():
            return "customer"
        case None:
            return "nothing"
        case other:
            assert_type(other, str)
            return other


# ---------------------------------------------------------------- models


def read(customer: Customer) -> None:
    assert_type(customer.id, int)
    assert_type(customer.storefront, str | None)
    assert_type(customer.storefront_id, int | None)
    assert_type(customer.first_name, str | None)
    assert_type(customer.last_name, str | None)
    assert_type(customer.email, str | None)
    assert_type(customer.username, str | None)
    assert_type(customer.receive_marketing_emails, bool | None)
    assert_type(customer.last_logged_in_on, datetime | None)
    assert_type(customer.created_on, datetime | None)
    assert_type(customer.last_updated_on, datetime | None)
    assert_type(customer.company, str | None)
    assert_type(customer.organization, str | None)
    assert_type(customer.user_groups, tuple[str, ...])
    assert_type(customer.tax_exempt, bool | None)
    assert_type(customer.is_temporary, bool | None)
    assert_type(customer.extra, Mapping[str, Any])
    assert_type({customer: "hashable"}, dict[Customer, str])

    customer.company = "Acme"  # type: ignore[misc]
    customer.extra["company"] = "Acme"  # type: ignore[index]
    customer.password.upper()  # type: ignore[attr-defined]
    customer.email.upper()  # type: ignore[union-attr]


def describe_an_account() -> None:
    NewAccount("janesmith", "securepass123", "jane@example.com", "Jane", "Smith")
    account = NewAccount(
        username="janesmith",
        password="securepass123",
        email="jane@example.com",
        first_name="Jane",
        last_name="Smith",
        company=None,
        receive_marketing_emails=True,
    )
    assert_type(account.company, str | None)
    assert_type(account.receive_marketing_emails, bool)

    NewAccount("janesmith", "securepass123")  # type: ignore[call-arg]
    NewAccount(1, "securepass123", "jane@example.com", "Jane", "Smith")  # type: ignore[arg-type]
    account.password = "changed"  # type: ignore[misc]


def describe_changes(company: str | None | NotGiven = NOT_GIVEN) -> None:
    update = CustomerUpdate(company=company, first_name=None, tax_exempt=NOT_GIVEN, receive_marketing_emails=False)
    assert_type(update.company, str | None | NotGiven)
    assert_type(update.tax_exempt, bool | None | NotGiven)
    if update.company is not NOT_GIVEN:
        assert_type(update.company, str | None)
    assert_type(NOT_GIVEN, Literal[NotGiven.NOT_GIVEN])

    CustomerUpdate("securepass123")  # type: ignore[call-arg]
    CustomerUpdate(username="janesmith")  # type: ignore[call-arg]
    CustomerUpdate(email="jane@example.com")  # type: ignore[call-arg]
    CustomerUpdate(tax_exempt="yes")  # type: ignore[arg-type]


# ---------------------------------------------------------------- options


def choose_options() -> None:
    assert_type(Timeout().total, float | None)
    assert_type(RetryPolicy().max_attempts, int)
    assert_type(RetryPolicy.none(), RetryPolicy)
    assert_type(Limits().max_rate, float | None)

    Timeout(total="30")  # type: ignore[arg-type]
    RetryPolicy(max_attempts=1.5)  # type: ignore[arg-type]
    RetryPolicy(base_delay=None)  # type: ignore[arg-type]
    Limits(max_concurrency=None)  # type: ignore[arg-type]
    Limits().max_rate = 5.0  # type: ignore[misc]


# ---------------------------------------------------------------- errors


async def handle_answers(client: PrintNowClient) -> None:
    try:
        await client.customers.get(7)
    except CustomerNotFoundError as error:
        assert_type(error.status, int)
        assert_type(error.body, bytes)
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except (UsernameInUseError, EmailInUseError) as error:
        assert_type(error.method, str)
        assert_type(error.attempts, int)
        assert_type(error.elapsed, float)
    except APIError as error:
        assert_type(error.message, str)
        assert_type(error.request_id, str)
        assert_type(error.explained, bool)


async def handle_silence(client: PrintNowClient) -> None:
    try:
        await client.customers.delete(7)
    except ConnectError as error:
        assert_type(error.sent, Sent)
    except NoResponseError as error:
        match error.sent:
            case Sent.NEVER | Sent.MAYBE:
                pass
            case _:
                assert_never(error.sent)
    except OutcomeUnknownError as error:
        assert_type(error.evidence, tuple[str, ...])
        assert_type(error.operation, str)
        assert_type(error.first_sent_at, datetime | None)
        assert_type(error.last_sent_at, datetime | None)
        assert_type(error.storefront_id, int | None)
        assert_type(error.customer_id, int | None)
        assert_type(error.username, str | None)
    except PacerError as error:
        assert_type(error.sent, Sent)


async def handle_the_rest(client: PrintNowClient, account: NewAccount) -> ValueError | None:
    try:
        await client.customers.convert(7, account)
    except InvalidResponseError as error:
        assert_type(error.path, str)
    except NotTemporaryError as error:
        assert_type(error.customer_id, int)
    except TransitionError as error:
        assert_type(error.reference, str)
    except InvalidAccountError as error:
        assert_type(error.problems, dict[str, str])
    except TablesMissingError as error:
        assert_type(error.message, str)
    except ConfigurationError as error:
        return error
    except PrintNowError as error:
        error.status.bit_length()  # type: ignore[attr-defined]
    return None


assert_type(status_error_class(404), type[APIError])


# ---------------------------------------------------------------- events


def observe(event: AttemptEvent | CallEvent) -> None:
    assert_type(event.operation, str)
    assert_type(event.status, int | None)
    assert_type(event.sent, Sent)
    match event:
        case AttemptEvent(attempt=number, pause=pause):
            assert_type(number, int)
            assert_type(pause, float | None)
        case CallEvent(attempts=count, pause=paused):
            assert_type(count, int)
            assert_type(paused, float)
        case _:
            assert_never(event)


def observe_attempts_only(event: AttemptEvent) -> None: ...


observer: Observer = observe
PrintNowClient(observers=[observe, print, lambda event: event.elapsed])
PrintNowClient(observers=[observe_attempts_only])  # type: ignore[list-item]
PrintNowClient(observers=observe)  # type: ignore[arg-type]
