"""Where a client sends its requests and with whose credentials: read from arguments and environment, and checked.

A token, a key, or a URL with a password in it must not stand in a local variable of a frame from which an error is
raised, since crash reporters show those. So the checks here return what is wrong as a text, and whoever asked for them
drops the values before the error is raised.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final, Self, cast
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

import attrs

from printnow_async.errors import ConfigurationError

DEFAULT_BASE_URL: Final = "https://api.printnow.com"

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A name of a method or header (RFC 9110, 5.6.2)."""
_OURS: Final = frozenset(
    {
        *("accept", "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie"),
        *("expect", "host", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
        *("user-agent", "x-request-id"),
    }
)
"""Headers that the SDK or its HTTP library sets."""


@attrs.frozen
class Settings:
    """The base URL, the credentials and the proxy of a client, or what is wrong with them."""

    base_url: str = ""
    """Without a slash at its end."""
    token: str = attrs.field(default="", repr=False)
    key: str = attrs.field(default="", repr=False)
    proxy: str | None = attrs.field(default=None, repr=False)
    problem: str | None = None
    """What cannot work, in one line that shows no secret; None where everything can."""

    @classmethod
    def of(cls, token: object, key: object, base_url: object, proxy: object) -> Self:
        """The settings that these arguments and the environment make. Never raises."""
        token = os.environ.get("PRINTNOW_TOKEN") if token is None else token
        key = os.environ.get("PRINTNOW_KEY") if key is None else key
        url = base_url or os.environ.get("PRINTNOW_BASE_URL") or DEFAULT_BASE_URL
        problem = (
            _credential_problem(token, "token", "PRINTNOW_TOKEN")
            or _credential_problem(key, "key", "PRINTNOW_KEY")
            or ("the token must not contain a colon (RFC 7617)" if ":" in str(token) else None)
            or _base_url_problem(url)
            or _proxy_problem(proxy, str(url))
        )
        if problem is not None:
            return cls(problem=problem)
        return cls(str(url).rstrip("/"), str(token), str(key), None if proxy is None else str(proxy))


def _credential_problem(value: object, name: str, variable: str) -> str | None:
    if not value:
        return f"no {name}: pass {name}=… or set {variable}"
    if not isinstance(value, str):
        return f"the {name} must be a string, not {type(value).__name__}"
    if not value.isprintable() or value != value.strip():
        return f"the {name} holds white space at an end, or a control character"
    return None


def _split(url: str) -> SplitResult | None:
    """The parts of an absolute http or https URL; None for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if not host.isascii():
            host = host.encode("idna").decode() if host.isprintable() else ""
    except ValueError:
        return None
    # What follows an IPv6 address in brackets can only be a port: older versions of Python let anything stand there.
    bracketed = re.fullmatch(r"(?:.*@)?\[[^\[\]]+\](?::\d*)?", parts.netloc) is not None
    sound = bracketed or re.fullmatch(r"[\w.-]+", host, re.ASCII) is not None
    return parts if parts.scheme in {"http", "https"} and host and port != 0 and sound else None


def _base_url_problem(url: object) -> str | None:
    """Why requests with credentials cannot be sent there."""
    if not isinstance(url, str):
        return f"the base URL must be a str, not {type(url).__name__}"
    parts = _split(url)
    if parts is None:
        return "the base URL must be an http or https URL, as in https://api.printnow.com"
    checks = (
        (parts.username is not None or parts.password is not None, "must not hold credentials: pass token and key"),
        (
            parts.query or parts.fragment or not url.isprintable() or " " in url,
            "must have no query, fragment or white space",
        ),
        (url.rstrip("/").endswith("/api/v2"), "must end before /api/v2"),
    )
    for wrong, reason in checks:
        if wrong:
            return f"the base URL {reason}"
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        return f"plain http would show the credentials on the way to {parts.hostname}: use https"
    return None


def _proxy_problem(proxy: object, base_url: str) -> str | None:
    """Why requests to the base URL cannot be sent through this proxy."""
    if proxy is None:
        return None
    parts = _split(proxy) if isinstance(proxy, str) else None
    if parts is None:
        return "proxy must be an http or https URL, as in http://proxy.example.com:3128"
    if base_url.startswith("http:") and not _is_loopback(parts.hostname):
        return f"plain http would show the credentials to the proxy {parts.hostname}: use https in the base URL"
    return None


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


# ---------------------------------------------------------------- what a user adds to requests


def checked_user_agent(user_agent: object) -> str | None:
    """`user_agent`, if it can stand in a header; else `ConfigurationError`."""
    if user_agent is None:
        return None
    if isinstance(user_agent, str) and user_agent.strip() and user_agent.isascii() and user_agent.isprintable():
        return user_agent.strip()
    raise ConfigurationError('user_agent must be printable ASCII, as in "my-shop/2.1"')


def with_headers(base: Mapping[str, str], more: object) -> Mapping[str, str]:
    """The headers `base` with `more`, which take the place of those of the same name in whatever case.

    `ConfigurationError`, whose text shows no value, where `more` cannot be added to requests.
    """
    problem = _headers_problem(more)
    if problem is not None:
        del more
        raise ConfigurationError(problem)
    merged = {name.lower(): (name, value) for name, value in base.items()}
    for name, value in dict(cast("Mapping[str, str]", more or {})).items():
        merged[name.lower()] = (name, value)
    return dict(merged.values())


def _headers_problem(headers: object) -> str | None:
    if headers is None:
        return None
    if not isinstance(headers, Mapping):
        return f"headers must be a mapping of names to values, not {type(headers).__name__}"
    for name, value in headers.items():
        if not isinstance(name, str) or _TOKEN.fullmatch(name) is None:
            return f"{name!r} cannot be the name of a header"
        if name.lower() in _OURS:
            return f"the header {name} is set by the SDK itself"
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            return f"the value of the header {name} must be printable ASCII"
    return None


def checked_method(method: object) -> str:
    """`method` in capitals, if it can be that of a request; else `ValueError`."""
    if not isinstance(method, str) or _TOKEN.fullmatch(method) is None or method.upper() == "CONNECT":
        raise ValueError(f"method must be an HTTP method, as GET, not {method!r}")
    return method.upper()


def checked_path(path: object) -> str:
    """`path`, percent-encoded, if it lies below the base URL; else `ValueError`."""
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
        raise ValueError('path must begin with one slash, as "/api/v2/storefront/1": it is below the base URL')
    if any(mark in path for mark in "?#") or not path.isprintable():
        raise ValueError("path must hold no query, fragment or control character: pass params=… for a query")
    # Servers differ in what they decode first, and in what they take for the end of a segment.
    if any(segment in {".", ".."} for segment in re.split(r"[/\\;]", unquote(path))) or "\\" in unquote(path):
        raise ValueError("path must hold no backslash and no segment . or ..: only paths below the base URL are sent")
    return quote(path, safe="/%:@!$&'()*+,;=~-._")


def with_query(path: str, params: object) -> str:
    """`path` with `params` as its query, percent-encoded, if they can be that; else `ValueError`."""
    if params is None:
        return path
    pairs = _pairs(params)
    del params
    if isinstance(pairs, str):
        raise ValueError(pairs)
    with contextlib.suppress(ValueError):  # half of a pair of surrogates
        return f"{path}?{urlencode(pairs)}" if pairs else path
    pairs.clear()
    raise ValueError("params must hold no lone surrogate")


def _pairs(params: object) -> list[tuple[str, str]] | str:
    """The names and values of a query, or what is wrong with them."""
    if not isinstance(params, Mapping):
        return f"params must be a mapping of names to values, not {type(params).__name__}"
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            if not isinstance(name, str) or not isinstance(each, str | int | float):
                return f"params must be strings and numbers, or lists of these, not {type(each).__name__}"
            pairs.append((name, str(each).lower() if isinstance(each, bool) else str(each)))
    return pairs


def route_of(path: str) -> str:
    """`path` as events show it: without its query, and with every segment that may be an ID or a name left out."""
    segments = path.partition("?")[0].split("/")
    return "/".join(part if re.fullmatch(r"[A-Za-z_-]*|v\d+", part) else "{id}" for part in segments)
