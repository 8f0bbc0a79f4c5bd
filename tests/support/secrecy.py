"""Canaries in all that is secret, calls that send them, and the search for them.

A canary must not stand in an error or in what hangs on an error, in an event, in a log record, or in a local variable
of any frame but those of the tests themselves.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import html
import pickle
import re
import traceback
from pathlib import Path
from urllib.parse import unquote

from rich.pretty import traverse

from printnow_async import (
    CustomerUpdate,
    NewAccount,
    PrintNowClient,
    PrintNowError,
    RetryPolicy,
    Timeout,
)

TOKEN = "canarytoken5f1e9a7b"
KEY = "canarykey0c4d8e2f"
PASSWORD = "canary-passphrase"
ODD_PASSWORD = "canary\"pass\\<word>&'phräse+/="
UPDATE_PASSWORD = "canary-changed-word"
PROXY_USER = "canaryproxyuser71"
PROXY_PASSWORD = "canaryproxyword93"
HEADER = "canary-header-3ab0"
JSON = "canary-json-d215"
PARAM = "canary-param-88c4"


def _pair(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


SECRETS = {
    "token": TOKEN,
    "key": KEY,
    "Authorization": _pair(TOKEN, KEY),
    "password": PASSWORD,
    "odd password": ODD_PASSWORD,
    "password of an update": UPDATE_PASSWORD,
    "proxy's user": PROXY_USER,
    "proxy's password": PROXY_PASSWORD,
    "Proxy-Authorization": _pair(PROXY_USER, PROXY_PASSWORD),
    "header": HEADER,
    "json": JSON,
    "param": PARAM,
}


def account(password=PASSWORD):
    return NewAccount("janesmith", password, "jane@example.com", "Jane", "Smith")


OPERATIONS = {
    "ping": lambda client: client.ping(),
    "get": lambda client: client.customers.get(7),
    "create": lambda client: client.customers.create(account(), storefront_id=1),
    "create with an odd password": lambda client: client.customers.create(account(ODD_PASSWORD), storefront_id=1),
    "create_temporary": lambda client: client.customers.create_temporary(storefront_id=1),
    "update": lambda client: client.customers.update(7, CustomerUpdate(password=UPDATE_PASSWORD)),
    "convert": lambda client: client.customers.convert(7, account(), check=False),
    "transfer": lambda client: client.customers.transfer(7, to=8),
    "delete": lambda client: client.customers.delete(7),
    "request": lambda client: client.request(
        "POST", "/api/v2/order", json={"card": {"code": JSON}, "notes": ["none", JSON]}
    ),
}
WITH_HEADERS_AND_PARAMS = {
    "with headers": lambda client: client.with_options(headers={"X-Shop-Key": HEADER}).customers.get(7),
    "request with headers": lambda client: client.request("POST", "/api/v2/order", headers={"X-Order-Key": HEADER}),
    "request with params": lambda client: client.request("GET", "/api/v2/order", params={"code": ["none", PARAM]}),
}
WRITES_OF_A_CUSTOMER = {"create", "create with an odd password", "create_temporary", "update", "convert", "transfer"}
"""Those that are answered with a customer."""
BODY_IS_NOT_READ = {"ping", "delete", "request"}
"""What finds nothing wrong in a body, since nothing of the body is needed."""


# ---------------------------------------------------------------- the search

ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
"""One escaped character of JSON, or of Python's repr."""


def unescaped(text):
    return ESCAPE.sub(lambda found: found[3] or chr(int(found[1] or found[2], 16)), text)


def variants(text):
    """The text, and what it says to somebody who reads it as HTML, as a URL, or as JSON inside of JSON."""
    for reading in (text, html.unescape(text), unquote(text)):
        yield reading
        decoded = reading
        for _ in range(3):
            decoded = unescaped(decoded)
            yield decoded
            with contextlib.suppress(UnicodeError):
                yield decoded.encode("latin1").decode()  # the repr of bytes


@functools.cache
def found_in(text):
    return {name for name, secret in SECRETS.items() if any(secret in variant for variant in variants(text))}


def chain_of(error):
    """The error and every exception that hangs on it, shown or not."""
    seen, left = [], [error]
    while left:
        one = left.pop()
        if one is not None and one not in seen:
            seen.append(one)
            left += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return seen


def stored(value):
    """What a pickle of it holds, in the oldest and the newest protocol."""
    for protocol in (0, pickle.HIGHEST_PROTOCOL):
        yield pickle.dumps(value, protocol).decode("utf-8", "replace")


def all_of(error, *, tests=False):
    """Every text in which somebody may meet the error, by the name of the place."""
    for one in chain_of(error):
        name = type(one).__name__
        yield f"str of {name}", str(one)
        yield f"repr of {name}", repr(one)
        yield f"traceback of {name}", "".join(traceback.format_exception(one))
        yield f"attributes of {name}", repr(vars(one))
        yield f"body of {name}", getattr(one, "body", b"").decode("utf-8", "replace")
        yield f"arguments of {name}", repr(one.args)
        yield f"notes of {name}", repr(getattr(one, "__notes__", ()))
        for text in stored(one):
            yield f"pickle of {name}", text
        yield from all_of_frames(one, tests=tests)


TESTS = str(Path(__file__).parents[1])


def all_of_frames(error, *, tests=False):
    """Every local variable of the error's traceback, as a crash reporter shows those: by `repr`, and as rich does.

    rich shows the fields of an attrs class, whatever its `repr` is. Frames of the tests are left out, unless asked for.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename.startswith(TESTS) and not tests:
            continue
        place = f"{Path(code.co_filename).name}:{code.co_name}"
        for name, value in frame.f_locals.items():
            yield f"repr of {name} in {place}", repr(value)
            yield f"rich's view of {name} in {place}", str(traverse(value))


def all_of_log(records):
    for record in records:
        yield f"log of {record.name}", record.getMessage()
        yield f"arguments of a log of {record.name}", repr(record.args)
        if record.exc_info:
            yield f"traceback in a log of {record.name}", "".join(traceback.format_exception(*record.exc_info))
            for one in chain_of(record.exc_info[1]):
                yield from all_of_frames(one)


def all_of_events(events):
    for event in events:
        yield f"repr of {type(event).__name__}", repr(event)
        for text in stored(event):
            yield f"pickle of {type(event).__name__}", text


def leaks(*places):
    """Where a secret was found: (place, which ones)."""
    return {(place, name) for texts in places for place, text in texts for name in sorted(found_in(text))}


def talkative(loop):
    """Let the event loop log each callback, as it does those that are slow."""
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0


async def outcome_of(call, url, events, **options):
    """The error that the call ends in, or its result."""
    talkative(asyncio.get_running_loop())
    settings = {"retry": RetryPolicy(max_attempts=2, base_delay=0.01), "timeout": Timeout(total=30.0), **options}
    async with PrintNowClient(TOKEN, KEY, base_url=url, observers=[events.append], **settings) as client:
        try:
            return await call(client)
        except PrintNowError as error:
            return error


def check(error, events, log):
    """No secret anywhere, nothing of aiohttp on the error, and the search had something to search."""
    assert leaks(all_of(error), all_of_events(events), all_of_log(log.records)) == set()
    strangers = [one for one in chain_of(error) if not type(one).__module__.startswith("printnow_async.")]
    assert strangers == []
    assert events
    assert {"asyncio", "printnow_async"} <= {record.name for record in log.records}
