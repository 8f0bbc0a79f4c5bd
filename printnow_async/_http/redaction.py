"""Taking our own secrets out of what a server says back, in whatever form it says them."""

from __future__ import annotations

import functools
import re
from html.entities import codepoint2name
from typing import Final

MARK: Final = b"[redacted]"
_FEWEST: Final = 4
"""Characters of a secret at the end of a body that was cut short, from which on they count as part of it."""
_CUT_OFF: Final = rb"(?:[\\&%][#\w]{0,9}|[\x80-\xff]{1,3})?\Z"
"""The end of a body, with an escape or a character before it that was cut in two."""
_SHORT_ESCAPES: Final = dict(zip('"\\/\b\f\n\r\t', '"\\/bfnrt', strict=True))
"""What JSON writes with one letter behind the backslash."""
_SOME: Final = rb"\\{0,8}"
"""Backslashes: JSON inside JSON has more of them than one. Bounded, so that no body makes the search slow."""


def redact(body: bytes, secrets: tuple[str, ...], *, cut: bool = False) -> bytes:
    """`body` without the secrets: plain, percent-encoded, escaped for JSON or for HTML, in any mixture.

    `cut` says that the body goes on behind what was kept of it, so that a secret may stand there in part.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        body = re.sub(b"".join(map(_forms, secret)), MARK, body)
        for length in range(len(secret) - 1, _FEWEST - 1, -1) if cut else ():
            body, found = re.subn(b"".join(map(_forms, secret[:length])) + _CUT_OFF, MARK, body)
            if found:
                break
    return body


@functools.cache
def _forms(character: str) -> bytes:
    """A pattern for one character in every form that JSON, HTML and URLs have for it, or one inside another."""
    plain = character.encode("utf-8", "surrogatepass")
    utf_16 = character.encode("utf-16-be", "surrogatepass").hex()
    units = [utf_16[at : at + 4].encode() for at in range(0, len(utf_16), 4)]
    code = ord(character)
    names = [b"#0*%d" % code, b"#[xX]0*(?i:%x)" % code]
    if code in codepoint2name:
        names.append(codepoint2name[code].encode())
    if character == "'":
        names.append(b"apos")
    forms = [
        rb"".join(rb"\\{1,8}u(?i:%s)" % unit for unit in units),
        _SOME + b"&(?:amp;){0,3}(?:%s);" % b"|".join(names),
        _SOME + re.escape(plain),
        b"".join(b"%%(?:25)?(?i:%02x)" % byte for byte in plain),
    ]
    if character in _SHORT_ESCAPES:
        forms.append(rb"\\{1,8}" + re.escape(_SHORT_ESCAPES[character].encode()))
    if character == " ":
        forms.append(re.escape(b"+"))
    return b"(?:" + b"|".join(forms) + b")"
