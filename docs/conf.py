"""How Sphinx builds the documentation: `nox -s docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from sphinx.pycode import ModuleAnalyzer

import printnow_async

project = "printnow_async"
author = "printnow_async contributors"
project_copyright = author
release = version = printnow_async.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    # Other people's, whose pages would have to be fetched to be linked to.
    (r"py:.*", r"(aiohttp|metrics|opentelemetry|sqlalchemy|tls|trace)\b.*"),
    (r"py:.*", r"(asyncio|collections|contextlib|datetime|enum|os|pathlib|types|_?typing)\b.*"),
    # What a signature mentions and nobody has to import; what they stand for is in the text.
    (r"py:.*", r"([\w.]+\.)?(T|R|_T|AsyncEngine|ClientSession|Setup|ErrorEnvelope|FaultName|CustomerFields)"),
]

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"printnow_async {release}"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"code-font-size": "0.75rem"},  # more of a line before it has to be scrolled
}

MADE_ELSEWHERE = {
    "BulkStream",
    "Checked",
    "CheckedRow",
    "Customers",
    "Injection",
    "LiveLimits",
    "Storefronts",
    "TempUserLifecycle",
    "Webhooks",
}
"""Classes whose objects a user is given and does not make, like the errors: shown without their arguments."""

MODULES = ("printnow_async", "printnow_async.spreadsheets", "printnow_async.sandbox", "printnow_async.testing")
LINKS = {
    name: f"{module}.{name}"
    for module in reversed(MODULES)
    for name in import_module(module).__all__
    if not name.startswith("_")
}


DATA_MODULES = ("printnow_async.models", "printnow_async.events", "printnow_async.bulk.outcomes")


def _data_docs(module: str) -> dict[tuple[str, str], list[str]]:
    return ModuleAnalyzer.for_module(module).find_attr_docs()


CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)|[*]+|\"https?://[^\"]*\"")


def _code(match: re.Match[str]) -> str:
    """Code in single backticks, as the docstrings have it: a link where it is a public name.

    An asterisk is one and begins nothing, and an address that is an example is no link.
    """
    if match[1] is None:
        return match[0].replace("*", r"\*") if match[0].startswith("*") else f"``{match[0]}``"
    target = LINKS.get(match[1].removesuffix("()"))
    return f":py:obj:`{match[1]} <{target}>`" if target else f"``{match[1]}``"


def _lines(lines: list[str]) -> Iterator[str]:
    """The lines of a docstring as reStructuredText, which wants more blank lines and other signs for code."""
    before, fenced, block = "", False, False
    for line in lines:
        if line.startswith("```"):
            fenced = not fenced
            yield from (("", ".. code-block:: python", "") if fenced else ("",))
        elif fenced:
            yield f"   {line}"
        elif not block and line.startswith("    ") and not before.strip():
            block = True
            yield from (".. code-block:: text", "", line)
        elif block and (line.startswith("    ") or not line.strip()):
            yield line
        else:
            block = False
            if line.startswith("- ") and before.strip() and not before.startswith(("- ", "  ")):
                yield ""
            yield CODE.sub(_code, line)
        before = line


def _docstring(_app: Any, what: str, name: str, _obj: object, _options: object, lines: list[str]) -> None:
    if what == "data":
        # Where a constant or an alias is re-exported, autodoc shows what its class says of itself.
        own = [line for module in DATA_MODULES for line in _data_docs(module).get(("", name.rpartition(".")[2]), ())]
        is_alias = any(line.startswith("alias of") for line in lines)
        lines[:] = [*own, *(lines if is_alias or not own else ())]
    lines[:] = list(_lines(lines))


def _signature(_app: Any, what: str, name: str, *_: object) -> tuple[str, str] | None:
    is_made_elsewhere = what == "class" and name.rpartition(".")[2] in MADE_ELSEWHERE
    return ("", "") if is_made_elsewhere or what == "exception" else None


def _bases(_app: Any, _name: str, _obj: type, _options: object, bases: list[type]) -> None:
    """A base of ours that is not public is shown as the public one behind it."""
    bases[:] = [base.__mro__[1] if base.__module__.rpartition(".")[2].startswith("_") else base for base in bases]


def _public(app: Any, env: Any, node: Any, shown: Any) -> Any:
    """A public name that a signature gives by the private module of its class is linked by its public name."""
    target = LINKS.get(node["reftarget"].rpartition(".")[2])
    return target and env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, shown)


def setup(app: Any) -> None:
    """Where Sphinx asks what else is to be done."""
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-bases", _bases)
    app.connect("missing-reference", _public)
