"""A sandbox that commands can talk to, and ways to run commands."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest
from click.testing import CliRunner

import printnow_async
from printnow_async.cli.app import printnow
from printnow_async.sandbox import Sandbox

SOURCE = Path(printnow_async.__file__).parent.parent
# Until click 8.2 the two streams were one unless told otherwise.
SEPARATE = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
CHILD_TIMEOUT = 30.0  # seconds; a child that takes longer hangs


def child_environment(**more):
    """Build the environment of a child process: no credentials, nothing that changes colours or widths."""
    ours = ("PRINTNOW_", "FORCE_COLOR", "NO_COLOR", "TTY_", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(SOURCE), **more}


class Child(subprocess.Popen):
    """A process that does not outlive a test that failed."""

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)


class Command:
    """`printnow` in a process of its own."""

    def __init__(self, environment=None):
        self.environment = environment or {}

    def start(self, *args, python=("-m", "printnow_async"), **options):
        """Start it, and leave it running."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = child_environment(**self.environment)
        return Child([sys.executable, *python, *args], env=environment, text=True, **pipes | options)

    def run(self, *args, stdin="", **options):
        """Run it to its end."""
        with self.start(*args, stdin=subprocess.PIPE, **options) as child:
            out, err = child.communicate(stdin, timeout=CHILD_TIMEOUT)
        return subprocess.CompletedProcess(args, child.returncode, out, err)


@pytest.fixture
def command():
    """Give `printnow` as a process, without credentials."""
    return Command()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Run a sandbox in a thread, so that commands can have the event loop of the main one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(CHILD_TIMEOUT)

    service = Sandbox()
    try:
        do(service.start())
        yield service
        do(service.aclose())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def credentials(sandbox):
    """Give the environment in which commands reach the sandbox."""
    return {"PRINTNOW_BASE_URL": sandbox.url, "PRINTNOW_TOKEN": sandbox.token, "PRINTNOW_KEY": sandbox.key}


@pytest.fixture
def run(credentials):
    """Run a command inside this process, with the sandbox's credentials."""

    def invoke(*args, stdin="", **environment):
        return CliRunner(**SEPARATE).invoke(printnow, list(args), input=stdin, env=credentials | environment)

    return invoke


@pytest.fixture
def run_alone():
    """Run a command inside this process, without credentials."""
    return lambda *args, stdin="", **environment: CliRunner(**SEPARATE).invoke(
        printnow, list(args), input=stdin, env=environment
    )
