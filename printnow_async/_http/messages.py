"""Finds the message of an error answer: the vendor's pages give the texts of the messages, and not the body's form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from http import HTTPStatus
from typing import Any, Final

from printnow_async._http.wire import NoAnswer, RawResponse
from printnow_async.errors._base import one_line

_MESSAGE_KEYS: Final = ("message", "error_description", "detail", "title", "error")
"""The keys of a JSON object that hold the message, the best first."""
_DETAIL_KEYS: Final = ("modelstate", "errors", "details", "innererror")
"""The keys of a JSON object that hold the details, where the message itself is a general one."""
_DEPTH: Final = 4
_UNSEEN: Final = frozenset({"script", "style", "head", "title"})
"""Elements of HTML whose text is not shown on the page."""


def describe(outcome: RawResponse | NoAnswer) -> str:
    """One line on how an attempt ended, for the evidence of an error."""
    if isinstance(outcome, NoAnswer):
        return outcome.reason
    return one_line(f"{outcome.status} {error_message(outcome)}")


def error_message(response: RawResponse) -> str:
    """The message of an error answer, on one line; the name of the status where the answer has no message."""
    return found_message(response) or _status_name(response.status)


def found_message(response: RawResponse) -> str:
    """The message of an error answer, on one line, whatever its envelope; empty where there is none.

    Read tolerantly: `{"Message": …}`, `{"message": …}`, the validation errors of ASP.NET, a JSON string, plain text,
    HTML, XML, empty, invalid UTF-8, cut off.
    """
    text = response.body.decode("utf-8", "replace").lstrip("\ufeff").strip()
    return one_line(" ".join(_message_in(text).split())) if text else ""


def _status_name(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no message"


def _message_in(text: str) -> str:
    if text[0] in '{["':
        try:
            value = json.loads(text)
            return _joined(_messages_of(value, _DEPTH)) or ("" if _is_empty(value) else text)
        except (ValueError, RecursionError):
            return text
    return _page_text(text) if text[0] == "<" else text


def _is_empty(value: Any) -> bool:
    """Whether a JSON value holds nothing but null, blank strings and empty containers."""
    inner = list(value.values()) if isinstance(value, dict) else value
    return all(map(_is_empty, inner)) if isinstance(inner, list) else inner is None or not str(inner).strip()


def _joined(messages: Iterator[str]) -> str:
    """The first two different messages, joined."""
    found: list[str] = []
    for message in messages:
        if message.strip() and message not in found:
            found.append(message)
        if len(found) == 2:
            break
    return "; ".join(text.strip() for text in found)


def _messages_of(value: Any, depth: int) -> Iterator[str]:
    """The messages in a JSON value: the general one first, then the details."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, list):
        yield from _first_of(value, depth)
    elif depth and isinstance(value, dict):
        by_name = {name.lower(): item for name, item in value.items()}
        heading = _joined(_first_of([by_name.get(key) for key in _MESSAGE_KEYS], depth))
        details = _joined(_first_of([by_name.get(key) for key in _DETAIL_KEYS], depth))
        if heading or details:
            yield from (heading, details)
        else:
            yield from _first_of(list(value.values()), depth)


def _first_of(values: list[Any], depth: int) -> Iterator[str]:
    """The message of the first of these values that has a message."""
    for value in values:
        if message := _joined(_messages_of(value, depth - 1)):
            yield message
            return


def _page_text(page: str) -> str:
    """The title of an HTML page and the text that the page shows; only one of the two where it contains the other."""
    title, shown = _texts(page)
    if not shown or shown in title:
        return title
    return f"{title}; {shown}" if title and title not in shown else shown


def _texts(page: str) -> tuple[str, str]:
    """(title, text shown) of a page, read tag by tag, so that the time is linear for a broken page too."""
    title: list[str] = []
    shown: list[str] = []
    inside = ""  # the element whose text is not shown, or "!--" for a comment
    for piece in page.split("<"):
        tag, closed, text = piece.partition(">")
        name = tag.split(None, 1)[0].lower() if tag.split() else ""
        if inside == "!--":
            if "-->" not in piece:
                continue
            inside, text = "", piece.partition("-->")[2]
        elif name.startswith("!--"):
            inside = "" if "-->" in piece else "!--"
            text = piece.partition("-->")[2]
        elif name in _UNSEEN or (inside and name == f"/{inside}"):
            inside = name if name in _UNSEEN else ""
        elif not closed:
            text = ""
        (title if inside == "title" else [] if inside else shown).append(text)
    return _as_text(title), _as_text(shown)


def _as_text(pieces: list[str]) -> str:
    return " ".join(unescape(" ".join(pieces)).split())
