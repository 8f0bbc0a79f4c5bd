"""What the user builds, as values: checked when made, without a password in a frame that a traceback could show."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Self, cast

import attrs

from printnow_async.errors import InvalidAccountError


class NotGiven(enum.Enum):
    """The type of `NOT_GIVEN`."""

    NOT_GIVEN = "NOT_GIVEN"

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> Literal[False]:
        return False


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""This field is to be left as it is: not sent at all. (`None` is sent, as `null`.)"""


LONGEST_PASSWORD: Final = 1024
"""Characters that a password has at most."""


def _text(value: object) -> str:
    """What is wrong with a text that is to be sent, without the text; "" for nothing."""
    if not isinstance(value, str):
        return f"must be a string, not {type(value).__name__}"
    if "\0" in value or (not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)):
        return "must hold neither NUL nor a lone surrogate"
    return ""


def _username(value: Any) -> str:
    if wrong := _text(value):
        return wrong
    return "" if 3 <= len(value) <= 50 else f"must have 3 to 50 characters, not {len(value)}"


def _password(value: Any) -> str:
    if wrong := _text(value):
        return wrong
    if len(value) < 6:
        return "must have at least 6 characters"
    return "" if len(value) <= LONGEST_PASSWORD else f"must have at most {LONGEST_PASSWORD} characters"


def _email(value: Any) -> str:
    if wrong := _text(value):
        return wrong
    local, at, domain = value.rpartition("@")
    if not at or not local.strip() or not domain.strip(".") or len(domain.split()) != 1:
        return "must have a local part and a domain, as in jane@example.com"
    return ""


def _not_blank(value: Any) -> str:
    return _text(value) or ("" if value.strip() else "must not be blank")


def _text_or_none(value: object) -> str:
    return "" if value is None else _text(value)


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else f"must be True or False, not {type(value).__name__}"


@attrs.frozen
class _Rule:
    """A validator of attrs, made of a function that says what is wrong with a value."""

    wrong: Callable[[Any], str]
    optional: bool = False

    def problem(self, value: object) -> str:
        if self.optional and (value is None or value is NOT_GIVEN):
            return ""
        return self.wrong(value)

    def __call__(self, _: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if problem := self.problem(value):
            raise ValueError(f"{attribute.name} {problem}")


@functools.cache  # going through the fields each time would be 3 % of the instructions of a create
def _checks(model: type[Any]) -> tuple[tuple[str, Callable[[Any], str]], ...]:
    """The name of each field, and the function that says what is wrong with a value of it."""
    rules = [(field.name, cast("_Rule", field.validator)) for field in attrs.fields(model)]
    return tuple((name, rule.problem if rule.optional else rule.wrong) for name, rule in rules)


def _problems(model: NewAccount | CustomerUpdate) -> dict[str, str]:
    """What is wrong with each field. It returns, so that no frame that held a password stands in a traceback."""
    return {
        name: problem for name, wrong in _checks(cast("Any", type(model))) if (problem := wrong(getattr(model, name)))
    }


def _told(problems: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {problem}" for name, problem in problems.items())


def _shown(model: NewAccount | CustomerUpdate) -> str:
    """`repr` without the password. It works while the object is being made, since crash reporters call it then."""
    names = [field.name for field in attrs.fields(type(model)) if field.repr and hasattr(model, field.name)]
    return f"{type(model).__name__}({', '.join(f'{name}={getattr(model, name)!r}' for name in names)})"


@attrs.frozen(init=False, repr=False)
class NewAccount:
    """A permanent account to be: for `customers.create` and for `customers.convert`.

    An `InvalidAccountError` (a `ValueError`) names every field that breaks a rule, with the reason, in `problems`
    (page "Customers", "Request Body (Permanent User)"). No text may hold NUL or a lone surrogate.
    """

    username: str = attrs.field(validator=_Rule(_username))
    """Login name, 3 to 50 characters, unique on the storefront."""
    password: str = attrs.field(validator=_Rule(_password), repr=False)
    """6 to 1,024 characters. Write-only, and never shown, logged or stored."""
    email: str = attrs.field(validator=_Rule(_email))
    """E-mail address, unique on the storefront."""
    first_name: str = attrs.field(validator=_Rule(_not_blank))
    """First name, not blank."""
    last_name: str = attrs.field(validator=_Rule(_not_blank))
    """Last name, not blank."""
    company: str | None = attrs.field(default=None, validator=_Rule(_text_or_none))
    """Company; sent only when given."""
    receive_marketing_emails: bool = attrs.field(default=False, validator=_Rule(_flag), metadata={"always_sent": True})
    """Opt-in to marketing e-mails; always sent."""

    # Written out, since the one that attrs makes has the password as a local variable where a validator raises.
    def __init__(  # noqa: PLR0917 - in the order of the vendor's page
        self,
        username: str,
        password: str,
        email: str,
        first_name: str,
        last_name: str,
        company: str | None = None,
        receive_marketing_emails: bool = False,  # noqa: FBT001, FBT002 - the last field of a value, as attrs takes it
    ) -> None:
        put = object.__setattr__
        put(self, "username", username)
        put(self, "password", password)
        del password
        put(self, "email", email)
        put(self, "first_name", first_name)
        put(self, "last_name", last_name)
        put(self, "company", company)
        put(self, "receive_marketing_emails", receive_marketing_emails)
        if problems := _problems(self):
            raise InvalidAccountError(_told(problems), problems=problems)

    @classmethod
    def from_form(cls, form: Mapping[str, object]) -> Self:
        """Make an account of what a web form posts: the form of a web framework, or a dictionary out of JSON.

        The names of the inputs are the names of the fields; other inputs are ignored. Blanks around a text are
        removed, but not those of the password. A blank `company` is None. `receive_marketing_emails` is a checkbox:
        "on", "true" and "1" are True; "off", "false", "0", "" and no such input are False.

        Raises `InvalidAccountError`, whose `problems` name the missing fields, too.
        """
        is_mapping, kind = isinstance(form, Mapping), type(form).__name__
        account = cls.__new__(cls)
        missing = _fill(account, form) if is_mapping else {}
        del form  # it holds the password
        if not is_mapping:
            raise ValueError(f"form must be a mapping of names to values, not {kind}")
        problems = _problems(account)
        if problems := {name: missing.get(name, problem) for name, problem in problems.items()}:
            raise InvalidAccountError(_told(problems), problems=problems)
        return account

    def __repr__(self) -> str:
        return _shown(self)


def _fill(account: NewAccount, form: Mapping[str, object]) -> dict[str, str]:
    """Set the fields of a new account to what a form holds; (the problem of each required field without a value)."""
    missing: dict[str, str] = {}
    for field in attrs.fields(NewAccount):
        value = form.get(field.name)
        if isinstance(value, str) and field.name != "password":
            value = value.strip()
        if field.name == "company":
            value = value or None
        elif field.name == "receive_marketing_emails":
            value = _CHECKBOX.get(value.lower(), value) if isinstance(value, str) else value or False
        elif value is None:
            missing[field.name] = "is missing"
        object.__setattr__(account, field.name, value)
    return missing


_CHECKBOX: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("on", "true", "1"), True),
    **dict.fromkeys(("off", "false", "0", ""), False),
}
"""What a form's checkbox posts."""


@attrs.frozen(init=False, repr=False)
class CustomerUpdate:
    """Changes to a permanent customer: only what is given is sent, and `None` is sent as `null`.

    It has neither username nor e-mail, so it can never convert a temporary user by accident. All fields are given
    by name. A `ValueError` names every field of the wrong type, and a password outside its bounds; an update that
    gives nothing is a `ValueError` as well (page "Customers", "Updatable Fields").
    """

    password: str | None | NotGiven = attrs.field(
        default=NOT_GIVEN, validator=_Rule(_password, optional=True), repr=False
    )
    """New password, 6 to 1,024 characters. Never shown, logged or stored."""
    first_name: str | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_Rule(_text, optional=True))
    """New first name."""
    last_name: str | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_Rule(_text, optional=True))
    """New last name."""
    company: str | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_Rule(_text, optional=True))
    """New company."""
    receive_marketing_emails: bool | None | NotGiven = attrs.field(
        default=NOT_GIVEN, validator=_Rule(_flag, optional=True)
    )
    """Opt-in to marketing e-mails."""
    tax_exempt: bool | None | NotGiven = attrs.field(default=NOT_GIVEN, validator=_Rule(_flag, optional=True))
    """Whether the customer is tax-exempt. Cascades from user groups if not set individually."""

    # Written out for the same reason as that of `NewAccount`.
    def __init__(
        self,
        *,
        password: str | None | NotGiven = NOT_GIVEN,
        first_name: str | None | NotGiven = NOT_GIVEN,
        last_name: str | None | NotGiven = NOT_GIVEN,
        company: str | None | NotGiven = NOT_GIVEN,
        receive_marketing_emails: bool | None | NotGiven = NOT_GIVEN,
        tax_exempt: bool | None | NotGiven = NOT_GIVEN,
    ) -> None:
        put = object.__setattr__
        put(self, "password", password)
        del password
        put(self, "first_name", first_name)
        put(self, "last_name", last_name)
        put(self, "company", company)
        put(self, "receive_marketing_emails", receive_marketing_emails)
        put(self, "tax_exempt", tax_exempt)
        if problems := _problems(self):
            raise ValueError(_told(problems))
        names = [field.name for field in attrs.fields(CustomerUpdate)]
        if all(getattr(self, name) is NOT_GIVEN for name in names):
            raise ValueError(f"an update must change something: give at least one of {', '.join(names)}")

    def __repr__(self) -> str:
        return _shown(self)
