"""Every example runs: against a sandbox of its own with no argument, and against the service in the environment."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from printnow_async.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name not in {"target.py", "checkout_visit.py"})


async def run(script: str, **environment: str) -> str:
    """What an example prints, warnings being errors; it must end well and complain of nothing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        str(EXAMPLES / script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    output, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    assert b"Traceback" not in complaints, complaints.decode()
    assert b"Unclosed" not in complaints, complaints.decode()
    return output.decode()


@pytest.mark.parametrize("script", SCRIPTS)
async def test_an_example_runs_with_nothing_set_up(script: str) -> None:
    """It starts a sandbox, says so, and ends well."""
    assert "running against a sandbox" in await run(script)


@pytest.mark.once
@pytest.mark.parametrize("script", SCRIPTS)
async def test_an_example_runs_against_the_service_in_the_environment(script: str) -> None:
    """With credentials in the environment it is that service that gets the requests."""
    async with Sandbox({7: "Theirs"}) as sandbox:
        output = await run(
            script,
            PRINTNOW_TOKEN=sandbox.token,
            PRINTNOW_KEY=sandbox.key,
            PRINTNOW_BASE_URL=sandbox.url,
            PRINTNOW_STOREFRONT="7",
        )
        assert "sandbox" not in output
        assert len(sandbox.requests) >= 3
        assert sandbox.token not in output
        assert sandbox.key not in output
