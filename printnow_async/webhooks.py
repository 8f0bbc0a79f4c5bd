"""The webhook endpoints: what is subscribed to, with what may be repeated written beside each method.

Source of endpoints and fields: vendor's page "Webhooks". Not documented, and so not relied on: what a subscribe
answers with, and the body, headers, signature and repeats of what PrintNow posts to a target URL.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from printnow_async._checks import checked_id
from printnow_async._http.attempts import Attempts, same_answer_again
from printnow_async._http.caller import Caller
from printnow_async._http.converter import decoded, dump_json
from printnow_async._http.rules import Ask, ForeignAnswerError, Known, Reading, Rule
from printnow_async._http.wire import Endpoint, RawResponse, Request
from printnow_async.errors import (
    APIError,
    ConfigurationError,
    InvalidResponseError,
    NoResponseError,
    PacerError,
    PrintNowError,
)
from printnow_async.models import Webhook, WebhookEvent

__all__ = ["Webhooks"]

_PATH: Final = "/api/v2/hooks"

_LIST: Final = Endpoint("webhooks.list", "GET", _PATH, write=False)
_SUBSCRIBE_READ: Final = Endpoint("webhooks.subscribe", "GET", _PATH, write=False)
_SUBSCRIBE: Final = Endpoint("webhooks.subscribe", "POST", _PATH, write=True)
_UNSUBSCRIBE: Final = Endpoint("webhooks.unsubscribe", "DELETE", "/api/v2/hooks/{id}", write=True)


_READ_ALL: Final = Reading(lambda response: tuple(decoded(list[Webhook], response)))


# ---------------------------------------------------------------- the rules


class _Subscribe(Rule[Webhook | InvalidResponseError]):
    """Unanswered: the subscriptions are listed before a repeat, and at the end.

    An answer of success in which there is no subscription is the error that says so: its body is not documented.
    """

    def __init__(self, target_url: str, event: str) -> None:
        self.target_url = target_url
        self.event = event
        self._has_another_event = False

    def read(self, response: RawResponse) -> Webhook | InvalidResponseError:
        try:
            webhook = decoded(Webhook, response)
        except InvalidResponseError as error:
            return error
        if webhook.target_url not in {None, self.target_url} or webhook.event not in {None, self.event}:
            raise ForeignAnswerError(f"subscription {webhook.id}, for another target URL or event")
        return webhook

    def looks_first(self, attempts: Attempts) -> bool:
        return attempts.open

    async def look(self, ask: Ask, answer: APIError | None) -> Known[Webhook | InvalidResponseError] | None:
        """The subscription, if it is in the list."""
        hooks = await ask(Request(_SUBSCRIBE_READ, _PATH), _READ_ALL)
        here = [hook for hook in hooks if hook.target_url == self.target_url]
        self._has_another_event = any(hook.event not in {None, self.event} for hook in here)
        ours = next((hook for hook in here if hook.event == self.event), None)
        return None if ours is None else Known(ours)

    def proves_unapplied(self, answer: APIError) -> bool:
        """Whether this answer to a repeat shows that no attempt was applied: asked after the list.

        A 409 alone may mean our own first attempt; with another event in the list, that event held the URL.
        """
        return self._has_another_event if answer.status == 409 else same_answer_again(answer)


class _Unsubscribe(Rule[None]):
    """Unanswered: repeats; a 404 on the repeat is success."""

    def read(self, response: RawResponse) -> None:
        """Any answer of success will do."""

    async def look(self, ask: Ask, answer: APIError | None) -> Known[None] | None:
        return Known(None) if answer is not None and answer.status == 404 else None


# ---------------------------------------------------------------- the methods


class Webhooks:
    """`client.webhooks`: the subscriptions of the API token that the client uses.

    The methods raise what those of `Customers` raise.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def list(self) -> tuple[Webhook, ...]:
        """The active subscriptions of this token, in the server's order. Unanswered: repeats.

        Source: page "Webhooks", `GET /api/v2/hooks`.
        """
        with self._caller.operation(_LIST) as call:
            return await call.send(Request(_LIST, _PATH), _READ_ALL)

    async def subscribe(self, target_url: str, event: WebhookEvent | str) -> Webhook:
        """Let PrintNow post to `target_url` whenever `event` happens, and return the subscription.

        Takes an absolute http or https URL without credentials in it, and a `WebhookEvent` or the name of an event
        that this version does not know.

        A target URL is registered once for a token: a second time is refused with 409, so a repeat makes no
        duplicate. Unanswered: the subscriptions are listed. With ours among them that is the answer, without it
        this repeats. A repeat that is answered 409 is settled by the list too: ours is success, another event for
        the target URL leaves the `ConflictError`, and neither is an `OutcomeUnknownError`.

        An answer of success in which there is no subscription is settled by the list as well, since its body is not
        documented; an `InvalidResponseError` where the list does not have it.

        Raises `ConflictError` where the target URL is registered already. Source: page "Webhooks",
        `POST /api/v2/hooks`.
        """
        rule = _Subscribe(checked_target_url(target_url), checked_event(event))
        request = Request(_SUBSCRIBE, _PATH, dump_json({"target_url": rule.target_url, "event": rule.event}))
        with self._caller.operation(_SUBSCRIBE) as call:
            answered = await call.send(request, rule)
            if isinstance(answered, Webhook):
                return answered
            failed: PrintNowError | None = None
            try:
                known = await rule.look(call.send, None)
            except (APIError, NoResponseError, InvalidResponseError, ConfigurationError, PacerError) as error:
                known, failed = None, error
            if known is not None and isinstance(known.value, Webhook):
                return known.value
            raise answered from failed

    async def unsubscribe(self, webhook_id: int) -> None:
        """End the subscription with this ID.

        Unanswered: repeats, and a 404 on the repeat is success. aiohttp resends a DELETE once by itself when a kept
        connection drops; that counts as a repeat too. A 404 on the first try is `NotFoundError`.

        Source: page "Webhooks", `DELETE /api/v2/hooks/{id}`.
        """
        request = Request(_UNSUBSCRIBE, f"{_PATH}/{checked_id(webhook_id, 'webhook_id')}")
        with self._caller.operation(_UNSUBSCRIBE) as call:
            await call.send(request, _Unsubscribe())


# ---------------------------------------------------------------- arguments


def checked_target_url(url: object) -> str:
    """`url`, if PrintNow can be told to post there; else a `ValueError`, which does not show it."""
    if isinstance(url, str) and url.isprintable() and " " not in url and _is_absolute(url):
        return url
    raise ValueError("target_url must be an absolute http or https URL without credentials or blanks in it")


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and has_host and parts.username is None


def checked_event(event: object) -> str:
    """`event` as it is sent; a `ValueError` where it cannot be the name of one."""
    if not isinstance(event, str) or not event.strip() or not event.isprintable():
        raise ValueError("event must be a WebhookEvent, or the name of another event")
    return str(event)
