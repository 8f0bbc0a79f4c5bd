"""Faults of the wire, by name: what happens to one request, and what happens on a connection that is idle."""

from __future__ import annotations

import random
from typing import Any

from tests.support.hostile_model import EMAIL_IN_USE, NOT_FOUND, STRANGER, USERNAME_IN_USE, Asked, answer_bytes
from tests.support.hostile_server import Connection, Fault, HostileServer, honest, turns

UNANSWERED_STATUSES = (408, 499, 500, 501, 502, 503, 504, 520, 522, 524, 525, 530, 598, 599)
_GARBAGE = b"\x00\xff garbage \r\n\r\n"


# ---------------------------------------------------------------- the request gets no usable answer


def silent(connection: Connection, asked: Asked) -> None:
    """Nothing comes, ever."""


def drop(connection: Connection, asked: Asked) -> None:
    """The request is read and forgotten, and the connection ends."""
    connection.fin()


def reset(connection: Connection, asked: Asked) -> None:
    """The same, with a reset."""
    connection.rst()


def half_closed(connection: Connection, asked: Asked) -> None:
    """The same, but the server goes on reading."""
    connection.half_close()


def applied(ending: Fault) -> Fault:
    """The request is done before its answer goes wrong."""

    def fault(connection: Connection, asked: Asked) -> None:
        connection.true_answer(asked)
        ending(connection, asked)

    return fault


def status(code: int, body: Any = None, **headers: str) -> Fault:
    """This answer, whatever was asked, and nothing is done."""

    def fault(connection: Connection, asked: Asked) -> None:
        connection.finish(answer_bytes(code, body, **headers))

    return fault


def cut(share: float, *, with_reset: bool = False) -> Fault:
    """The request is done, and only this share of its answer comes."""

    def fault(connection: Connection, asked: Asked) -> None:
        answer = connection.true_answer(asked)
        connection.write(answer[: int(len(answer) * share)])
        connection.rst() if with_reset else connection.fin()

    return fault


def instead(data: bytes) -> Fault:
    """The request is done, and these bytes come for its answer."""

    def fault(connection: Connection, asked: Asked) -> None:
        connection.true_answer(asked)
        connection.write(data)
        connection.fin()

    return fault


def _with_header(line: str) -> Fault:
    """The request is done, and its answer has this header besides; `{}` is the length of the body."""

    def fault(connection: Connection, asked: Asked) -> None:
        head, _, body = connection.true_answer(asked).partition(b"\r\n\r\n")
        connection.write(head + f"\r\n{line.format(len(body))}\r\n\r\n".encode() + body)
        connection.fin()

    return fault


# ---------------------------------------------------------------- the answer is somebody else's


def foreign(*, apply: bool, afterwards: bool = False, **changes: Any) -> Fault:
    """A well-formed 200 about another customer, as a confused proxy gives; its own answer may come afterwards."""

    def fault(connection: Connection, asked: Asked) -> None:
        own = connection.true_answer(asked) if apply else b""
        connection.finish(answer_bytes(200, {**connection.server.model.wire(STRANGER), **changes}))
        if own and afterwards:
            connection.later(lambda: connection.write(own))

    return fault


# ---------------------------------------------------------------- the answer is true, and arrives strangely


def drip(connection: Connection, asked: Asked) -> None:
    """One byte in a turn of the loop, the first 20 and the last 20 of them."""
    answer = connection.true_answer(asked)

    def next_byte(position: int) -> None:
        if position + 1 == len(answer):
            connection.finish(answer[position:])
            return
        end = position + 1 if position != 20 else max(21, len(answer) - 20)
        connection.write(answer[position:end])
        connection.later(lambda: next_byte(end), 1)

    next_byte(0)


def informed(*codes: int) -> Fault:
    """Informational answers come first, as from a server that sends early hints."""

    def fault(connection: Connection, asked: Asked) -> None:
        first = b"".join(f"HTTP/1.1 {code} Wait\r\nLink: </x>\r\n\r\n".encode() for code in codes)
        connection.finish(first + connection.true_answer(asked))

    return fault


def followed(data: bytes | None = None, *, head_first: bool = False) -> Fault:
    """Bytes follow the answer at once: its own double where none are given.

    With `head_first` the body comes in a packet of its own, together with what follows.
    """

    def fault(connection: Connection, asked: Asked) -> None:
        answer = connection.true_answer(asked)
        more = answer if data is None else data
        head, separator, body = answer.partition(b"\r\n\r\n")
        if head_first and body:
            connection.write(head + separator)
            connection.later(lambda: connection.finish(body + more))
        else:
            connection.finish(answer + more)

    return fault


def refused(code: int) -> Fault:
    """Turned away for load, with a `Retry-After` that has passed."""
    return status(code, {"Message": "Too many requests."}, Retry_After="0")


def closing(connection: Connection, asked: Asked) -> None:
    """The true answer, and the end of the connection after it, without a word."""
    honest(connection, asked)
    connection.fin()


APPLIED: dict[str, Fault] = {
    "apply, FIN": applied(drop),
    "apply, RST": applied(reset),
    "apply, half-close": applied(half_closed),
    **{f"apply, {code}": applied(status(code)) for code in UNANSWERED_STATUSES},
    "apply, cut head": cut(0.1),
    "apply, cut body": cut(0.9),
    "apply, cut body, RST": cut(0.9, with_reset=True),
    "apply, garbage": instead(_GARBAGE),
    "apply, huge header": instead(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n"),
    "apply, many headers": instead(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"Content-Length: 0\r\n\r\n"),
    "apply, bad chunks": instead(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a chunk\r\n"),
    "apply, cut chunks": instead(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"),
    "apply, informed only": instead(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "apply, two lengths": _with_header("Content-Length: 3"),
    "apply, doubled length": _with_header("Content-Length: {}"),
    "apply, length and chunks": _with_header("Transfer-Encoding: chunked"),
    "apply, another's answer": foreign(apply=True),
    "apply, another's answer, late own": foreign(apply=True, afterwards=True),
    "apply, pipelined garbage": followed(_GARBAGE),
    "apply, silence": applied(silent),
}
UNAPPLIED: dict[str, Fault] = {
    "FIN": drop,
    "RST": reset,
    "half-close": half_closed,
    **{f"status {code}": status(code, "<html>gateway</html>") for code in UNANSWERED_STATUSES},
    "another's answer": foreign(apply=False),
    "silence": silent,
}
HARMLESS: dict[str, Fault] = {
    "honest": honest,
    "drip": drip,
    "informed": informed(100, 103),
    "closing": closing,
    "doubled": followed(),
    "doubled, head first": followed(head_first=True),
    "pipelined 204": followed(answer_bytes(204)),
    "pipelined refusal, head first": followed(answer_bytes(*USERNAME_IN_USE), head_first=True),
    "refused 429": refused(429),
    "refused 503": refused(503),
}
WIRE: dict[str, Fault] = {**APPLIED, **UNAPPLIED, **HARMLESS}


# ---------------------------------------------------------------- what comes on an idle connection


def strays(server: HostileServer, token: str) -> dict[str, bytes]:
    """Answers that nobody asked for, each of which would be believed by a client that reads it for its own."""
    model = server.model
    known = [connection.last_answer for connection in server.idle(token) if connection.last_answer]
    guest = model.add(temporary=True)
    return {
        "a stranger": answer_bytes(200, model.wire(STRANGER)),
        "a guest of somebody else": answer_bytes(200, model.wire(guest)),
        "the last answer again": known[-1] if known else answer_bytes(204),
        "no content": answer_bytes(204),
        "username in use": answer_bytes(*USERNAME_IN_USE),
        "email in use": answer_bytes(*EMAIL_IN_USE),
        "not found": answer_bytes(*NOT_FOUND),
        "request timeout": answer_bytes(408, Connection="close"),
        "half an answer": b"HTTP/1.1 204 No",
        "garbage": _GARBAGE,
        "an empty line": b"\r\n",
        "two answers": answer_bytes(204) + answer_bytes(*NOT_FOUND),
    }


async def mischief(server: HostileServer, token: str, rng: random.Random) -> str | None:
    """Something on the idle connections of one client, and time for it to arrive; its name."""
    if not server.idle(token):
        return None
    kinds = strays(server, token)
    name = rng.choice([*kinds, "FIN", "RST"])
    if name in kinds:
        await server.stray(kinds[name], token)
    if name in {"FIN", "RST"} or rng.random() < 0.3:
        for connection in server.idle(token):
            connection.rst() if name == "RST" else connection.fin()
        await turns()
    return name
