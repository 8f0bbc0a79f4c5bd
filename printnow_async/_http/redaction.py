"""Taking our own secrets out of what a server says back, in whatever form the server says them.

A body has more than one reading: `%41` is three characters to one reader and an "A" to another, and a server may write
each character of a secret in a form of its own. So a secret is looked for along every reading at once:

1. `_escapes` finds the escapes of JSON, HTML and URLs in the body: where each begins and ends, and what it stands for.
2. `_find` goes through the body once. At each offset it knows every beginning of the secret that ends there in some
   reading, as the bits of one number (the Shift-And algorithm): bit n stands for the secret's first n bytes. A byte
   moves the bits on by one offset, an escape moves them on to its end, and a backslash may be passed over, as JSON
   inside JSON has more of them.
3. Where the last bit is set, a secret ends. The same search from there, on the body and the secret mirrored, finds
   where the secret begins.

No byte is visited twice in a search, and the numbers have at most `_LONGEST` bits, so the time is proportional to the
length of the body, and to that of the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from html.entities import html5
from typing import Final, TypeAlias

import attrs

MARK: Final = b"[redacted]"
_FEWEST: Final = 4
"""Characters of a secret at the end of a body that was cut short, from which on they count as part of it."""
_MOST: Final = 32
"""Different secrets that are looked for: of a body that may hold any of more, nothing is kept."""
_SHORTEST: Final = 6
"""Characters of a text that a user sends, from which on the text counts as a secret."""
_LONGEST: Final = 4096
"""Bytes of a secret that are looked for in every form: a password has at most 1,024 characters of up to 4 bytes."""
_BACKSLASH: Final = 0x5C

_Escapes: TypeAlias = dict[int, list[tuple[int, bytes]]]
"""The escapes that begin at an offset: each with the offset where it ends, and the bytes that it stands for."""

_JSON: Final = re.compile(rb"(?:[\\%]u([0-9a-fA-F]{4})(?=((?:\\{1,8}|%)u([dD][c-fC-F][0-9a-fA-F]{2}))?)|\\([bfnrt]))")
_CONTROLS: Final = dict(zip(b"bfnrt", (b"\b", b"\f", b"\n", b"\r", b"\t"), strict=True))
_URL: Final = re.compile(rb"(?:%|\\u0025|&#37;)((?:25)*)([0-9a-fA-F]{2})?")
_SEMICOLON: Final = rb"(?:;|%3[bB]|\\{1,8}u003[bB])"
_AMPERSAND: Final = re.compile(rb"(?:&|\\u0026|%26)((?:(?:amp|#38|#[xX]26)" + _SEMICOLON + rb")*)")
_ENTITY: Final = re.compile(
    rb"(?:(?:#|%23|\\{1,8}u0023)(?:[xX]0*([0-9a-fA-F]{1,6})|0*([0-9]{1,7}))|([a-zA-Z][a-zA-Z0-9]{1,31}))" + _SEMICOLON
)
_DEBRIS: Final = re.compile(rb"(?:[\\&%][\\&%#;\w]{0,31}|[\x80-\xff]{1,3})?\Z")
"""What is left of a character that was cut in two at the end."""
_LONGEST_DEBRIS: Final = 32


def redact(body: bytes, secrets: tuple[str, ...], *, cut: bool = False) -> bytes:
    """`body` without the secrets: plain, percent-encoded, escaped for JSON or for HTML, in any mixture.

    `cut` says that the body goes on behind what was kept of it, so that a secret may stand there in part.
    """
    different = {secret for secret in secrets if secret}
    if len(different) > _MOST:
        return MARK if body else body
    text = _Text(body)
    found = sorted(span for secret in different for span in _spans(text, secret, cut=cut))
    parts: list[bytes] = []
    kept = 0
    for begin, end in found:
        if begin >= kept:
            parts += (body[kept:begin], MARK)
        kept = max(kept, end)
    return b"".join([*parts, body[kept:]])


def texts_in(value: object) -> Iterator[str]:
    """Every text in a JSON value that is long enough to be a secret."""
    if isinstance(value, str):
        if len(value) >= _SHORTEST:
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


@attrs.define(eq=False, slots=False)
class _Text:
    """A body, or the same body mirrored: what ends there begins here."""

    body: bytes
    mirrored_escapes: _Escapes | None = None

    @cached_property
    def escapes(self) -> _Escapes:
        if self.mirrored_escapes is not None:
            return self.mirrored_escapes
        found: _Escapes = {}
        for begin, end, meaning in _escapes(self.body):
            found.setdefault(begin, []).append((end, meaning))
        return found

    def begins(self, first: bytes) -> list[int]:
        """Every offset where something begins that can be read as this byte, in order."""
        read = (at for at, escapes in self.escapes.items() if any(text.startswith(first) for _, text in escapes))
        return sorted({*(found.start() for found in re.finditer(re.escape(first), self.body)), *read})

    @cached_property
    def mirrored(self) -> _Text:
        size = len(self.body)
        turned: _Escapes = {}
        for begin, escapes in self.escapes.items():
            for end, meaning in escapes:
                turned.setdefault(size - end, []).append((size - begin, meaning[::-1]))
        return _Text(self.body[::-1], turned)

    @cached_property
    def tails(self) -> frozenset[int]:
        """The offsets behind which there is nothing but a piece of one character."""
        size = len(self.body)
        return frozenset(at for at in range(max(0, size - _LONGEST_DEBRIS), size + 1) if _DEBRIS.match(self.body, at))


def _escapes(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Every escape in `body`: (begin, end, what it stands for). Some begin at the same offset, as `%25` and `%2541`."""
    yield from _json_escapes(body)
    for escape in _URL.finditer(body):
        for end in range(escape.start(1) + 2, escape.end(1) + 1, 2):
            yield escape.start(), end, b"%"
        if escape[2]:
            yield *escape.span(), bytes([int(escape[2], 16)])
    for escape in _AMPERSAND.finditer(body):
        for semicolon in re.finditer(_SEMICOLON, escape[1]) if escape[1] else ():
            yield escape.start(), escape.start(1) + semicolon.end(), b"&"
        if (entity := _ENTITY.match(body, escape.end())) and (meaning := _meaning(*entity.groups())):
            yield escape.start(), entity.end(), meaning
    for plus in re.finditer(rb"\+", body):
        yield *plus.span(), b" "


def _json_escapes(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    for escape in _JSON.finditer(body):
        unit, pair, low, control = escape.groups()
        if control:
            yield *escape.span(), _CONTROLS[control[0]]
            continue
        code = int(unit, 16)
        yield *escape.span(), _utf_8(code)
        if pair and 0xD800 <= code < 0xDC00:
            whole = 0x10000 + (code - 0xD800) * 0x400 + int(low, 16) - 0xDC00
            yield escape.start(), escape.end(2), _utf_8(whole)


def _meaning(hexadecimal: bytes | None, decimal: bytes | None, name: bytes | None) -> bytes:
    """The character that an entity of HTML stands for; empty where there is no such character."""
    if name:
        return html5.get(name.decode() + ";", "").encode()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal or b"0")
    return _utf_8(code) if code <= 0x10FFFF else b""


def _utf_8(code: int) -> bytes:
    return chr(code).encode("utf-8", "surrogatepass")


def _spans(text: _Text, secret: str, *, cut: bool) -> Iterator[tuple[int, int]]:
    """Where `secret` stands in the body: (begin, end), in order; also its beginning at the end of a body cut short."""
    whole = secret.encode("utf-8", "surrogatepass")
    plain, rest = whole[:_LONGEST], whole[_LONGEST:]
    enough = len(secret[:_FEWEST].encode("utf-8", "surrogatepass")) if cut else 0
    body, size, at = text.body, len(text.body), 0
    forwards, backwards = _places(plain), _places(plain[::-1])
    begins = iter(text.begins(plain[:1]))
    while found := _find(text, forwards, len(plain), at, begins=begins, enough=enough):
        end, length = found
        if length < len(plain):
            backwards = _places(plain[:length][::-1])
        # the longest of the readings that end here, but not what has been taken out already
        back = _find(text.mirrored, backwards, length, size - end, until=size - at)
        begin = size - back[0] if back else at
        if length < len(plain):
            end = size
        elif rest:
            # nothing but the secret begins like this: what does not go on plainly is taken out up to the end
            end = end + len(rest) if body.startswith(rest, end) else size
        yield begin, end
        at = end


def _places(plain: bytes) -> dict[int, int]:
    """For each byte of a secret, its places as bits: bit n for a byte that follows on the first n."""
    places: dict[int, int] = {}
    for place, byte in enumerate(plain):
        places[byte] = places.get(byte, 0) | 1 << place
    return places


def _find(  # noqa: C901, PLR0912 - the cases of one loop, which reads as a whole
    text: _Text,
    places: dict[int, int],
    last: int,
    at: int,
    *,
    begins: Iterator[int] | None = None,
    enough: int = 0,
    until: int = -1,
) -> tuple[int, int] | None:
    """Where a secret of `last` bytes ends, and how many of its bytes end there.

    With `begins`, the offsets from `at` on where it may begin, in order: the first offset where all of its bytes end;
    or at least `enough` of the first ones, if that is not 0, where only debris follows. Without: the last offset up to
    `until` where all of its bytes end, if they begin at `at` itself.
    """
    body, escapes = text.body, text.escapes
    tails = text.tails if enough else frozenset[int]()
    ahead = {} if begins else {at: 1}
    found: tuple[int, int] | None = None
    while True:
        if not ahead:
            # no beginning of the secret is under way here: on to where the next one may be
            candidate = next((place for place in begins or () if place >= at), None)
            if candidate is None:
                return found
            at = candidate
        bits = ahead.pop(at, 0)
        if bits >> last:
            found = at, last
            if begins:
                return found
        if at in tails and bits >> enough:
            return at, bits.bit_length() - 1
        if at in {len(body), until}:
            return found
        if begins:
            bits |= 1
        moved = (bits & places.get(body[at], 0)) << 1
        if body[at] == _BACKSLASH:
            moved |= bits >> 1 << 1
        if moved:
            ahead[at + 1] = ahead.get(at + 1, 0) | moved
        for end, meaning in escapes.get(at, ()):
            moved = bits
            for byte in meaning:
                moved = (moved & places.get(byte, 0)) << 1
            if moved:
                ahead[end] = ahead.get(end, 0) | moved
        at += 1
