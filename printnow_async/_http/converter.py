"""JSON to models and back, strictly, by cattrs: a wrong type is an error that names the field, never a coercion.

Where orjson is installed (extra `speed`) it reads and writes the JSON.
"""

from __future__ import annotations

import codecs
import contextlib
import enum
import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.v import transform_error

from printnow_async._http.wire import RawResponse, invalid_answer

_T = TypeVar("_T")

_EXTRA = "extra"  # the field of a model that keeps what the model does not know


class ShapeError(ValueError):
    """A body is not of the documented shape. `path` names the place, as "$.tax_exempt"."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class _Mismatch(ValueError):
    """A value of the wrong type."""

    def __init__(self, expected: str, value: object) -> None:
        kind = type(value).__name__
        got = "null" if value is None else _JSON_NAMES.get(kind, kind)
        super().__init__(f"expected {expected}, got {got}")


_JSON_NAMES: dict[str, str] = {
    "str": "a string",
    "bool": "a boolean",
    "int": "a number",
    "float": "a number",
    "list": "a list",
    "dict": "an object",
}


def _str(value: Any, _: object) -> str:
    if type(value) is not str:
        raise _Mismatch("a string", value)
    return value


def _int(value: Any, _: object) -> int:
    if type(value) is not int:
        raise _Mismatch("an integer", value)
    return value


def _bool(value: Any, _: object) -> bool:
    if type(value) is not bool:
        raise _Mismatch("a boolean", value)
    return value


def _float(value: Any, _: object) -> float:
    if type(value) is not float and type(value) is not int:
        raise _Mismatch("a number", value)
    return float(value)


def _datetime(value: Any, _: object) -> datetime:
    """ISO 8601 with 0 to 7 fractional digits, as the vendor's examples have them; without a zone it is UTC."""
    if type(value) is not str:
        raise _Mismatch("a date and time", value)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Mismatch("a date and time in ISO 8601", value) from None


_STRICT: dict[type, Callable[[Any, object], Any]] = {
    str: _str,
    int: _int,
    bool: _bool,
    float: _float,
    datetime: _datetime,
}


def _str_or_none(value: Any, _: object) -> str | None:
    return value if value is None or type(value) is str else _str(value, str)


def _int_or_none(value: Any, _: object) -> int | None:
    return value if value is None or type(value) is int else _int(value, int)


def _bool_or_none(value: Any, _: object) -> bool | None:
    return value if value is None or type(value) is bool else _bool(value, bool)


def _datetime_or_none(value: Any, _: object) -> datetime | None:
    return None if value is None else _datetime(value, datetime)


# one function for each, where cattrs would look the inner hook up at every value
_STRICT_OR_NONE: dict[type, Callable[[Any, object], Any]] = {
    str: _str_or_none,
    int: _int_or_none,
    bool: _bool_or_none,
    datetime: _datetime_or_none,
}


def _optional(type_: Any) -> Callable[[Any, object], Any]:
    (inner,) = (arg for arg in get_args(type_) if arg is not NoneType)
    return _STRICT_OR_NONE[inner]


def _is_optional_primitive(type_: Any) -> bool:
    args = get_args(type_)
    return len(args) == 2 and NoneType in args and any(arg in _STRICT_OR_NONE for arg in args)


def _open_enum(type_: Any) -> Callable[[Any, object], Any]:
    """For `Members | str | None`: the member where the text is one, else the text, as a server may know more."""
    (members,) = filter(_is_str_enum, get_args(type_))
    known: dict[str, enum.StrEnum] = {member.value: member for member in members}

    def structure(value: Any, _: object) -> str | None:
        text = _str_or_none(value, str)
        return text if text is None else known.get(text, text)

    return structure


def _is_str_enum(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, enum.StrEnum)


def _is_open_enum(type_: Any) -> bool:
    args = get_args(type_)
    return len(args) == 3 and {str, NoneType} < set(args) and any(map(_is_str_enum, args))


def _is_list(type_: Any) -> bool:
    return get_origin(type_) is list


def _list(type_: Any, converter: cattrs.Converter) -> Callable[[Any, object], Any]:
    structure = list_structure_factory(type_, converter)

    def structure_list(value: Any, _: object) -> Any:
        if type(value) is not list:
            raise _Mismatch("a list", value)
        return structure(value, type_)

    return structure_list


def _tuple_of_str(_: object, converter: cattrs.Converter) -> Callable[[Any, object], tuple[str, ...]]:
    """For a list of strings; null reads as empty."""
    structure = list_structure_factory(list[str], converter)

    def structure_tuple(value: Any, _: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if type(value) is not list:
            raise _Mismatch("a list of strings", value)
        for item in value:
            if type(item) is not str:
                return tuple(structure(value, list[str]))  # which names the item
        return tuple(value)

    return structure_tuple


def _model_structure(type_: type[Any], converter: cattrs.Converter) -> Callable[[Any, object], Any]:
    """The hook for a model: a JSON object, with the fields that the model does not know kept in `extra`."""
    fields = attrs.fields_dict(type_)
    keeps_extra = _EXTRA in fields
    overrides: dict[str, Any] = {_EXTRA: override(omit=True)} if keeps_extra else {}
    structure = make_dict_structure_fn(type_, converter, **overrides)
    known = frozenset(fields) - {_EXTRA}

    def structure_model(value: Any, _: object) -> Any:
        if type(value) is not dict:
            raise _Mismatch("an object", value)
        model = structure(value, type_)
        if keeps_extra and not value.keys() <= known:
            return attrs.evolve(model, **{_EXTRA: {name: value[name] for name in value.keys() - known}})
        return model

    return structure_model


def _model_unstructure(type_: type[Any], converter: cattrs.Converter) -> Callable[[Any], dict[str, Any]]:
    """What is sent of a model: fields at their default are left out, but those that say `always_sent`."""
    always: dict[str, Any] = {
        field.name: override(omit_if_default=False)
        for field in attrs.fields(type_)
        if field.metadata.get("always_sent")
    }
    return make_dict_unstructure_fn(type_, converter, _cattrs_omit_if_default=True, **always)


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    for primitive, hook in _STRICT.items():
        converter.register_structure_hook(primitive, hook)
    converter.register_structure_hook_factory(_is_optional_primitive, _optional)
    converter.register_structure_hook_factory(_is_open_enum, _open_enum)
    converter.register_structure_hook_factory(_is_list)(_list)
    converter.register_structure_hook_factory(lambda type_: type_ == tuple[str, ...])(_tuple_of_str)
    converter.register_structure_hook_factory(attrs.has, functools.partial(_model_structure, converter=converter))
    converter.register_unstructure_hook_factory(attrs.has, functools.partial(_model_unstructure, converter=converter))
    # JSON's own values need no conversion; cattrs would look each one's class up
    converter.register_unstructure_hook_func(lambda type_: len(get_args(type_)) > 1, lambda value: value)
    return converter


_models = _converter()
# without the cache, looking the hook up is a twentieth of the time that a customer takes to decode
_hook = functools.cache(_models.get_structure_hook)


@functools.cache
def _json() -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    """(loads, dumps), found at the first use: an extra is never loaded by importing the package."""
    try:
        import orjson
    except ImportError:
        decode = json.JSONDecoder(parse_constant=_no_constant).decode
        encode = json.JSONEncoder(separators=(",", ":")).encode
        return lambda body: decode(body.decode()), lambda value: encode(value).encode()
    return orjson.loads, orjson.dumps


def _no_constant(name: str) -> Any:
    """NaN and Infinity are Python's own: JSON has no such numbers."""
    raise ValueError(name)


def load(type_: type[_T], body: bytes) -> _T:
    """`body` as a `type_` (a model, or a list of one). A `ShapeError` names the field that does not fit."""
    try:
        value = _json()[0](body.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        reason = "the body is empty" if not body.strip() else "the body is not JSON"
        raise ShapeError("$", reason) from None
    try:
        return cast("_T", _hook(cast("Any", type_))(value, type_))
    except Exception as error:  # noqa: BLE001 - whatever it is: cattrs knows where, and `_reason` what
        reason, _, path = transform_error(error, format_exception=_reason)[0].rpartition(" @ ")
    raise ShapeError(path, reason)


def _reason(error: BaseException, _: object) -> str:
    """What does not fit, without the value: that may be a secret which the server said back."""
    if isinstance(error, KeyError):
        return "required, but missing"
    return str(error) if isinstance(error, _Mismatch) else "not of the documented type"


def decoded(type_: type[_T], response: RawResponse) -> _T:
    """The model, or list of one, in the answer; `InvalidResponseError` where it holds none."""
    if not response.whole:
        raise invalid_answer(response.request, response.status, "$", "the body is longer than any answer should be")
    try:
        return load(type_, response.body)
    except ShapeError as error:
        path, reason = error.path, error.reason
    raise invalid_answer(response.request, response.status, path, reason)


def dump(model: Any, **more: Any) -> bytes:
    """A model as JSON, with `more` fields beside its own (they come first)."""
    return _json()[1]({**more, **_models.unstructure(model)})


def dump_json(value: Any) -> bytes:
    """Any value as JSON; `ValueError` where it is not of JSON's own types."""
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        return _json()[1](value)
    raise ValueError("json must hold values of JSON's own types")
