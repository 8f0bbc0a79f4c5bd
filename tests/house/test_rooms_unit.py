"""The rules of the house, read from the source: who imports what, what is public, how long things are."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

import printnow_async

pytestmark = pytest.mark.once

PACKAGE = Path(printnow_async.__file__).parent
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))
}

CORE = ("aiohttp", "attrs", "backoff", "cattrs")

# Where each third-party library may be imported; what is not listed may not be imported at all.
HOMES = {
    "aiohttp": ("_http/transport.py", "_http/watch.py", "sandbox/*"),
    "attrs": ("*",),
    "backoff": ("_http/retry.py",),
    "cattrs": ("_http/converter.py",),
    "click": ("cli/*",),
    "dotenv": ("cli/*",),
    "multidict": ("_http/transport.py", "sandbox/*"),
    "opentelemetry": ("telemetry.py",),
    "orjson": ("_http/converter.py",),
    "pytest": ("testing/*",),
    "pytest_asyncio": ("testing/*",),
    "python_calamine": ("spreadsheets/_workbook.py",),
    "rich": ("cli/*",),
    "sqlalchemy": ("_sql.py", "*/sql.py"),
    "uvloop": ("cli/*",),
    "yarl": ("_http/transport.py", "sandbox/*"),
}

LONGEST_FILE = 300
LONGEST_FUNCTION = 60

# The names of constants that stand in more than one file, because they mean the same thing in each of them.
SHARED_CONSTANTS = {
    "COMPONENT": "the room's name in a table of versions",
    "LATE": "how long a start may be overdue before it is lost: in one process, and over all processes",
    "SCHEMA_VERSION": "the version of the room's tables",
    "_LIST": "the endpoint that lists the room's objects",
}


class Import(NamedTuple):
    library: str
    line: int


class RuntimeImports(ast.NodeVisitor):
    """Collects the absolute imports a module makes when it runs, at its top or inside a function."""

    def __init__(self) -> None:
        self.found: list[Import] = []

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test).rpartition(".")[2] != "TYPE_CHECKING":
            self.generic_visit(node)
            return
        for statement in node.orelse:
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and not node.level:
            self._add(node.module, node.lineno)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in {"import_module", "__import__"} and node.args:
            match node.args[0]:
                case ast.Constant(value=str(name)):
                    self._add(name, node.lineno)
        self.generic_visit(node)

    def _add(self, module: str, line: int) -> None:
        self.found.append(Import(module.partition(".")[0], line))


def read(source: str) -> list[Import]:
    reader = RuntimeImports()
    reader.visit(ast.parse(dedent(source)))
    return reader.found


def third_party_imports() -> Iterator[tuple[str, Import]]:
    """Each import of what is neither the standard library nor the package, with the file it stands in."""
    for name, source in SOURCES.items():
        for found in read(source):
            if found.library not in sys.stdlib_module_names and found.library != PACKAGE.name:
                yield name, found


def dotted(name: str) -> str:
    """The name of the module in a file: `sandbox/__init__.py` is `printnow_async.sandbox`."""
    parts = [PACKAGE.name, *Path(name).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_public(module: str) -> bool:
    return not any(part.startswith("_") for part in module.split("."))


PUBLIC = list(filter(is_public, map(dotted, SOURCES)))


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Each function with its length in lines, its docstring not counted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            match node.body[0]:
                case ast.Expr(value=ast.Constant(value=str())) as docstring if docstring.end_lineno:
                    length -= docstring.end_lineno - docstring.lineno + 1
            yield node.name, length


def classes(source: str) -> Iterator[str]:
    """The name of each class, those inside a class or a function too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield node.name


def constants(source: str) -> Iterator[str]:
    """The name of each constant of a module: in capitals, and longer than a type variable's."""
    for node in ast.parse(source).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                if name.isupper() and len(name.strip("_")) > 1:
                    yield name


def in_several_places(names_of: Callable[[str], Iterator[str]]) -> dict[str, list[str]]:
    """Each name that is defined more than once, with the files that define the name."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for file, source in SOURCES.items():
        for name in names_of(source):
            places[name].append(file)
    return {name: files for name, files in places.items() if len(files) > 1}


def loaded_by(statement: str) -> set[str]:
    """The top-level third-party modules a fresh interpreter has loaded after one statement."""
    program = f"{statement}\nimport sys\nprint(*sorted(sys.modules), sep='\\n')"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in run.stdout.split()} - sys.stdlib_module_names


def test_the_reader_of_imports_leaves_out_what_only_type_checkers_see():
    source = """
    if TYPE_CHECKING:
        import aiohttp
    else:
        import attrs
    if typing.TYPE_CHECKING:
        from cattrs.gen import override
    """
    assert [found.library for found in read(source)] == ["attrs"]


def test_the_reader_of_imports_sees_lazy_and_dynamic_ones():
    source = """
    def later():
        from rich.table import Table
        importlib.import_module("click.testing")
        __import__("orjson")
        from . import sibling
    """
    assert [found.library for found in read(source)] == ["rich", "click", "orjson"]


def test_the_package_was_found():
    assert "client.py" in SOURCES
    assert "printnow_async.errors" in PUBLIC


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_only_in_its_own_room(library):
    strays = [
        f"{name}:{found.line}"
        for name, found in third_party_imports()
        if found.library == library and not any(fnmatchcase(name, home) for home in HOMES[library])
    ]
    assert strays == []


def test_no_library_is_imported_that_has_no_room():
    homeless = [(name, found) for name, found in third_party_imports() if found.library not in HOMES]
    assert homeless == []


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_names_what_it_exports_in_order(module):
    loaded = importlib.import_module(module)
    assert hasattr(loaded, "__all__"), f"{module} has no __all__"
    assert list(loaded.__all__) == sorted(set(loaded.__all__))
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []


def test_importing_the_package_loads_no_library_beyond_the_core():
    """With the extras installed, too: they load when they are used."""
    core = loaded_by(f"import {', '.join(CORE)}")
    assert loaded_by(f"import {PACKAGE.name}") - core == {PACKAGE.name}


def test_one_class_name_means_one_thing():
    """In the whole package, private and nested classes too."""
    assert in_several_places(classes) == {}


def test_one_constant_name_means_one_thing():
    """No two files give different meanings to one name, and no entry of the list of shared names is left over."""
    assert in_several_places(constants).keys() == SHARED_CONSTANTS.keys()


@pytest.mark.parametrize(
    ("names_of", "source", "found"),
    [
        (classes, "class A:\n class B: ...\ndef f():\n class _C: ...", {"A", "B", "_C"}),
        (
            constants,
            "A_B = 1\n_C_D: Final = 2\n_T = T\nlower = 3\nclass E:\n F_G = 4",
            {"A_B", "_C_D"},
        ),
    ],
)
def test_the_reader_of_names_sees_what_counts(names_of, source, found):
    assert set(names_of(source)) == found


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_is_short_enough_to_be_one_room(name):
    assert len(SOURCES[name].splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("name", SOURCES)
def test_a_function_is_short_enough_to_do_one_thing(name):
    too_long = [(function, length) for function, length in functions(SOURCES[name]) if length > LONGEST_FUNCTION]
    assert too_long == []
