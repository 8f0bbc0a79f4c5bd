"""The reference lists exactly the public names, each under the module that it is imported from."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

import printnow_async

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"

# The modules users import from; what else has no underscore is reached through one of these.
PUBLIC = [
    "printnow_async",
    "printnow_async.bulk",
    "printnow_async.client",
    "printnow_async.customers",
    "printnow_async.errors",
    "printnow_async.events",
    "printnow_async.spreadsheets",
    "printnow_async.lifecycle",
    "printnow_async.models",
    "printnow_async.options",
    "printnow_async.pacing",
    "printnow_async.pacing.sql",
    "printnow_async.bulk.outcomes",
    "printnow_async.sandbox",
    "printnow_async_pytest",
    "printnow_async.storefronts",
    "printnow_async.telemetry",
    "printnow_async.testing",
    "printnow_async.testing.tracker_suite",
    "printnow_async.tracking",
    "printnow_async.tracking.sql",
    "printnow_async.webhooks",
]


def documented() -> dict[str, set[str]]:
    """The names that the pages document, by the module they are said to be in."""
    found: dict[str, set[str]] = {}
    for page in sorted(REFERENCE.glob("*.rst")):
        module = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
                module = match[1]
            elif match := re.fullmatch(r"\.\. (?:py:data|auto(?:class|data|exception|function)):: (\S+)", line):
                names = found.setdefault(module, set())
                assert match[1] not in names, f"{match[1]} is documented twice"
                names.add(match[1])
    return found


def test_the_reference_has_exactly_the_names_of_the_package():
    assert documented()["printnow_async"] == set(printnow_async.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_reference_has_every_other_name_of_a_public_module(name):
    """A name that `printnow_async` has too is documented there alone."""
    module = importlib.import_module(name)
    rest = {other for other in module.__all__ if other not in printnow_async.__all__}
    assert documented().get(name, set()) - set(printnow_async.__all__) == rest


def test_the_reference_has_no_module_that_is_not_public():
    assert set(documented()) <= set(PUBLIC)


@pytest.mark.parametrize("room", sorted(path.name for path in Path(printnow_async.__file__).parent.glob("[!_]*")))
def test_a_room_is_public_or_the_command(room):
    assert f"printnow_async.{room.removesuffix('.py')}" in PUBLIC or room in {"cli", "py.typed"}


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in documented().items() for name in sorted(names)]
)
def test_a_documented_name_has_a_docstring_and_so_has_each_of_its_methods(module, name):
    value = getattr(importlib.import_module(module), name)
    if inspect.isclass(value):
        ours = [cls for cls in value.__mro__ if cls.__module__.startswith("printnow_async")]
        public = [
            getattr(value, method) for cls in ours for method in vars(cls) if not method.startswith(("_", "test_"))
        ]
        assert [
            method.__qualname__ for method in public if inspect.isroutine(method) and not inspect.getdoc(method)
        ] == []
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__
