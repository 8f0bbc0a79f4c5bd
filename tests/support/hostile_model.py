"""What a hostile server knows to be true: its customers and subscriptions, what was applied to them, and how often.

It shares no code with the client. It is right whatever the wire does: a fault decides whether a request reaches this
model and what becomes of the answer, and the model alone is asked afterwards what has happened.
"""

from __future__ import annotations

import json
from typing import Any

import attrs

ALL, HOOKS = "/api/v2/customer", "/api/v2/hooks"
STRANGER = 999
"""The customer whose answers a confused proxy gives to everybody."""


@attrs.define
class Asked:
    """One request, as it was read."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] | None
    connection: int
    number: int
    status: int | None = None
    """What the model answered; None where the request was not handed to it."""

    @property
    def call(self) -> str:
        """Which call of the client it belongs to."""
        return self.headers.get("x-request-id", "")

    @property
    def route(self) -> str:
        """The method and the path."""
        return f"{self.method} {self.path}"


@attrs.define
class Person:
    """A customer as the server has it."""

    id: int
    storefront: int
    username: str
    email: str
    temporary: bool
    password: str = "a password"
    company: str | None = None
    albums: int = 0
    updates: int = 0
    """How often a PATCH changed the profile of this permanent customer."""
    converted_by: list[str] = attrs.field(factory=list)
    """The usernames of the converts that were applied."""
    received: list[int] = attrs.field(factory=list)
    """The temporary users whose work was transferred here."""
    overwritten: int = 0
    """How often a convert that names another username changed this permanent customer."""


Answer = tuple[int, Any]
"""A status, and what is sent as JSON; None for no body."""

NOT_FOUND: Answer = (404, {"Message": "Customer not found."})
USERNAME_IN_USE: Answer = (400, {"Message": "Username is already in use."})
EMAIL_IN_USE: Answer = (400, {"Message": "Email address is already in use."})


class Model:
    """The documented rules of the API, and nothing of the network."""

    def __init__(self, *, tells_storefront: bool = True, removes_transferred: bool = True) -> None:
        self.people: dict[int, Person] = {}
        self.deleted: dict[int, int] = {}
        """Customers by id, with how often each was deleted."""
        self.hooks: dict[int, dict[str, Any]] = {}
        self.unsubscribed: dict[int, int] = {}
        self.made: list[Person] = []
        """Everybody that a request made, in order."""
        self.tells_storefront = tells_storefront
        self.removes_transferred = removes_transferred
        self._next = 1000
        self.people[STRANGER] = Person(STRANGER, 1, "somebody-else", "somebody@else.example", temporary=False)

    # ------------------------------------------------------------ what tests arrange

    def add(self, *, temporary: bool = False, name: str | None = None) -> int:
        """Somebody who is there already, on storefront 1; their id."""
        number = self._new_id()
        name = name or f"{'guest' if temporary else 'customer'}-{number}"
        self.people[number] = Person(number, 1, name, f"{name}@here.example", temporary, albums=3 * temporary)
        return number

    def add_hook(self, target_url: str, event: str) -> int:
        """A subscription that is there already; its id."""
        number = self._new_id()
        self.hooks[number] = {"id": number, "target_url": target_url, "event": event}
        return number

    def register(self, number: int) -> None:
        """Somebody else makes a temporary user their own permanent account, as in another browser tab."""
        person = self.people[number]
        if person.temporary:
            person.temporary, person.username, person.email = False, "the-stranger", "the@stranger.example"

    def wire(self, number: int) -> dict[str, Any]:
        """A customer as the API describes it."""
        person = self.people[number]
        told = {"storefront_id": person.storefront} if self.tells_storefront else {}
        return {
            **told,
            "id": person.id,
            "username": person.username,
            "email": person.email,
            "company": person.company,
            "is_temporary": person.temporary,
        }

    # ------------------------------------------------------------ what requests do

    def apply(self, asked: Asked) -> Answer:
        """Do what the request asks for, and give the answer that is true."""
        answer = self._apply(asked)
        asked.status = answer[0]
        return answer

    def _apply(self, asked: Asked) -> Answer:
        body = asked.body or {}
        match asked.method, asked.path.strip("/").split("/")[2:]:
            case "GET", ["ping"]:
                answer: Answer = (200, {"status": "ok"})
            case "GET", ["storefront", "all"]:
                answer = (200, [{"id": 1, "name": "One"}])
            case "GET", ["customer", number]:
                answer = (200, self.wire(int(number))) if int(number) in self.people else NOT_FOUND
            case "POST", ["customer"]:
                answer = self._create(body)
            case "PATCH", ["customer", number]:
                answer = self._patch(int(number), body)
            case "PATCH", ["customer", number, "transfer"]:
                answer = self._transfer(int(number), body["id"])
            case "DELETE", ["customer", number]:
                answer = self._delete(int(number))
            case method, ["hooks", *rest]:
                answer = self._hooks(method, rest, body)
            case _:
                raise AssertionError(f"no such endpoint: {asked.route}")
        return answer

    def _create(self, body: dict[str, Any]) -> Answer:
        number, storefront = self._new_id(), body["storefront_id"]
        if body.get("is_temporary"):
            person = Person(number, storefront, f"guest-{number}", f"guest-{number}@here.example", temporary=True)
        else:
            refusal = self._taken(body, storefront)
            if refusal is not None:
                return refusal
            person = Person(number, storefront, body["username"], body["email"], False, body["password"])
        self.people[number] = person
        self.made.append(person)
        return 200, self.wire(number)

    def _taken(self, body: dict[str, Any], storefront: int) -> Answer | None:
        for person in self.people.values():
            if person.storefront == storefront and person.username.casefold() == body["username"].casefold():
                return USERNAME_IN_USE
            if person.storefront == storefront and person.email.casefold() == body["email"].casefold():
                return EMAIL_IN_USE
        return None

    def _patch(self, number: int, body: dict[str, Any]) -> Answer:
        person = self.people.get(number)
        if person is None:
            return NOT_FOUND
        if person.temporary:
            if "username" not in body:
                return 400, {"Message": "A temporary user cannot be updated."}
            refusal = self._taken(body, person.storefront)
            if refusal is not None:
                return refusal
            person.temporary, person.username, person.email = False, body["username"], body["email"]
            person.password = body["password"]
            person.converted_by.append(body["username"])
            return 200, self.wire(number)
        if "username" in body and body["username"].casefold() != person.username.casefold():
            person.overwritten += 1  # the password and the names are now somebody else's; the username stays
        person.password, person.company = body.get("password", person.password), body.get("company", person.company)
        person.updates += 1
        return 200, self.wire(number)

    def _transfer(self, source: int, destination: int) -> Answer:
        if source not in self.people or destination not in self.people:
            return NOT_FOUND
        if not self.people[source].temporary or self.people[destination].temporary:
            return 400, {"Message": "Only a temporary user can be transferred, to a permanent one."}
        if self.people[source].albums:
            self.people[destination].albums += self.people[source].albums
            self.people[destination].received.append(source)
            self.people[source].albums = 0
        if self.removes_transferred:
            del self.people[source]
        return 200, self.wire(destination)

    def _delete(self, number: int) -> Answer:
        person = self.people.get(number)
        if person is None:
            return NOT_FOUND
        if person.temporary:
            return 400, {"Message": "A temporary user cannot be deleted."}
        del self.people[number]
        self.deleted[number] = self.deleted.get(number, 0) + 1
        return 204, None

    def _hooks(self, method: str, rest: list[str], body: dict[str, Any]) -> Answer:
        if method == "GET":
            return 200, list(self.hooks.values())
        if method == "POST":
            if any(hook["target_url"] == body["target_url"] for hook in self.hooks.values()):
                return 409, {"Message": "This URL is registered already."}
            return 200, self.hooks[self.add_hook(body["target_url"], body["event"])]
        number = int(rest[0])
        if self.hooks.pop(number, None) is None:
            return 404, {"Message": "Hook not found."}
        self.unsubscribed[number] = self.unsubscribed.get(number, 0) + 1
        return 204, None

    def _new_id(self) -> int:
        self._next += 1
        return self._next


def answer_bytes(status: int, body: Any = None, **headers: str) -> bytes:
    """A whole HTTP answer, well-formed."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status"]
    if status != 204:
        lines += [f"Content-Length: {len(content)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content
