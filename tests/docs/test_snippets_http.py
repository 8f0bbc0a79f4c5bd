"""Every Python block of the README and the guides runs as printed, each by itself.

They talk to a sandbox that the environment names, so that `PrintNowClient()` works as it would at the reader's. A block
of tests is run by pytest, as the reader would. `<!-- invisible-code-block: python -->` continues the block before it:
that is where a function that a page only defines is called.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser

from printnow_async.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTEST_INI = """\
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""  # what docs/testing.md tells the reader to set, and strictness
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def no_evaluation(example: Example) -> None:
    """Sybil finds the blocks; what is done with them is up to the tests here."""


def blocks(page: Path) -> list[list[tuple[str, int]]]:
    """The Python blocks of a page, with the line each begins in; hidden ones are with the one that they continue."""
    found: list[list[tuple[str, int]]] = []
    document = Document.parse(str(page), CodeBlockParser(language="python", evaluator=no_evaluation))
    for example in document.examples():
        part = str(example.parsed), example.line + example.parsed.line_offset
        is_hidden = document.text[example.start : example.end].lstrip().startswith("<!--")
        if is_hidden and found:
            found[-1].append(part)
        else:
            found.append([part])
    return found


def count_tests(source: str) -> int:
    """How many tests a block defines."""
    return sum(isinstance(node, FUNCTIONS) and node.name.startswith("test_") for node in ast.walk(ast.parse(source)))


def run(parts: list[tuple[str, int]], page: Path) -> None:
    """Run a block and what continues it in one namespace; `await` may stand at the top."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for source, line in parts:
        code = compile("\n" * line + source, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        result = eval(code, namespace)  # noqa: S307 - our own pages
        if inspect.iscoroutine(result):
            asyncio.run(result)


def run_as_tests(sources: list[str], folder: Path) -> None:
    """Let pytest run blocks of tests, each as a file of its own."""
    for number, source in enumerate(sources, 1):
        (folder / f"test_block_{number}.py").write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text(PYTEST_INI, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PRINTNOW_")}
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(map(count_tests, sources))} passed" in done.stdout


@pytest.fixture
def _sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A sandbox in a thread of its own, since blocks start their own event loops, and the environment that names it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    sandbox = Sandbox()
    try:
        asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result()
        monkeypatch.setenv("PRINTNOW_TOKEN", sandbox.token)
        monkeypatch.setenv("PRINTNOW_KEY", sandbox.key)
        monkeypatch.setenv("PRINTNOW_BASE_URL", sandbox.url)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(sandbox.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with the spreadsheets that pages speak of, and logging as it was in the end."""
    for name in ("customers.csv", "customers.xlsx"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    level = logging.getLogger("printnow_async").level
    yield
    logging.getLogger("printnow_async").setLevel(level)


@pytest.mark.usefixtures("_sandbox", "_desk")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs_as_printed(page: Path, tmp_path: Path) -> None:
    tests: list[str] = []
    for parts in blocks(page):
        if count_tests(parts[0][0]):
            tests.append(parts[0][0])
        else:
            run(parts, page)
    if tests:
        folder = tmp_path / "tests"
        folder.mkdir()
        run_as_tests(tests, folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_defines_is_also_called(page: Path) -> None:
    """A function that nobody calls would be no proof that it works."""
    for parts in blocks(page):
        tree = [node for source, _ in parts for node in ast.parse(source).body]
        used = {node.id for root in tree for node in ast.walk(root) if isinstance(node, ast.Name)}
        defined = {node.name for node in tree if isinstance(node, FUNCTIONS) and not node.name.startswith("test_")}
        assert defined <= used, f"line {parts[0][1]}"


def test_the_pages_were_found() -> None:
    assert {"README", "tutorial", "testing"} <= {page.stem for page in PAGES}
    assert os.path.commonpath(PAGES) == str(ROOT)
