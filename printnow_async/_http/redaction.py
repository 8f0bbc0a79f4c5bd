"""Taking our own secrets out of what a server says back, in whatever form it says them."""

from __future__ import annotations

import functools
import re
from html.entities import codepoint2name
from typing import Final

MARK: Final = b"[redacted]"
_FEWEST: Final = 4
"""Characters of a secret at the end of a body that was cut short, from which on they count as part of it."""
_LONGEST: Final = 16
"""Bytes that one character takes in most of its forms."""
_DEBRIS: Final = re.compile(rb"(?:[\\&%][\\&%#;\w]{0,15}|[\x80-\xff]{1,3})?\Z")
"""What is left of a character that was cut in two at the end."""
_SHORT_ESCAPES: Final = dict(zip('"\\/\b\f\n\r\t', '"\\/bfnrt', strict=True))
"""What JSON writes with one letter behind the backslash."""
_SOME: Final = rb"\\{0,8}"
"""Backslashes: JSON inside JSON has more of them than one. Bounded, so that no body makes the search slow."""


def redact(body: bytes, secrets: tuple[str, ...], *, cut: bool = False) -> bytes:
    """`body` without the secrets: plain, percent-encoded, escaped for JSON or for HTML, in any mixture.

    `cut` says that the body goes on behind what was kept of it, so that a secret may stand there in part.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        units = [_forms(unit) for unit in re.findall(r"\\+|.", secret, re.DOTALL)]
        body = re.sub(b"".join(units), MARK, body)
        if cut:
            body = _without_beginning(body, units)
    return body


def _without_beginning(body: bytes, units: list[bytes]) -> bytes:
    """`body` without the beginning of a secret that it ends in."""
    for start in range(max(0, len(body) - _LONGEST * len(units)), len(body)):
        at = start
        for count, unit in enumerate(units, 1):
            found = _compiled(unit).match(body, at)
            if found is None:
                break
            at = found.end()
            if count >= _FEWEST and _DEBRIS.match(body, at):
                return body[:start] + MARK
    return body


@functools.cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


@functools.cache
def _forms(unit: str) -> bytes:
    """A pattern for one character (or a row of backslashes) in every form JSON, HTML and URLs have for it."""
    character, times = unit[0], len(unit)
    plain = character.encode("utf-8", "surrogatepass")
    utf_16 = character.encode("utf-16-be", "surrogatepass").hex()
    code = ord(character)
    names = [b"#0*%d" % code, b"#[xX]0*(?i:%x)" % code]
    if code in codepoint2name:
        names.append(codepoint2name[code].encode())
    if character == "'":
        names.append(b"apos")
    each = [
        b"".join(rb"\\{1,8}u(?i:%s)" % utf_16[at : at + 4].encode() for at in range(0, len(utf_16), 4)),
        _SOME + b"&(?:amp;){0,3}(?:%s);" % b"|".join(names),
        b"".join(b"%%(?:25)*(?i:%02x)" % byte for byte in plain),
    ]
    if character == "\\":
        return b"(?:%s)" % b"|".join(
            [*(b"(?:%s){%d}" % (form, times) for form in each), rb"\\{%d,%d}" % (times, 9 * times)]
        )
    if character in _SHORT_ESCAPES:
        each.append(rb"\\{1,8}" + re.escape(_SHORT_ESCAPES[character].encode()))
    if character == " ":
        each.append(re.escape(b"+"))
    return b"(?:%s)" % b"|".join([*each, _SOME + re.escape(plain)])
