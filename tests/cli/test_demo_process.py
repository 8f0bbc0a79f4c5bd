"""The steps of the demo with processes of their own: what they report of ends that should not be."""

from __future__ import annotations

import os
import random
import signal

import pytest

from printnow_async import MemoryTracker, PrintNowClient
from printnow_async.cli.demo import processes
from printnow_async.cli.demo.ledger import audit
from printnow_async.cli.demo.processes import carry_out
from printnow_async.cli.demo.stage import Stage
from printnow_async.sandbox import Sandbox

NEEDS_POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals; planned: exit codes")
ACCOUNT = {
    "username": "janesmith", "password": "hunter2", "email": "jane@example.com",
    "first_name": "Jane", "last_name": "Smith",
}  # fmt: skip


@pytest.fixture
async def stage():
    async with Sandbox() as sandbox, PrintNowClient(sandbox.token, sandbox.key, base_url=sandbox.url) as client:
        tracker = MemoryTracker()
        yield Stage(sandbox, client, tracker, "", random.Random(7), 1, 1, quiet=True)


@pytest.fixture
def in_environment(stage, monkeypatch):
    """The environment of the process that submits, in this one."""
    monkeypatch.setenv("PRINTNOW_TOKEN", stage.sandbox.token)
    monkeypatch.setenv("PRINTNOW_KEY", stage.sandbox.key)
    monkeypatch.setenv("PRINTNOW_BASE_URL", stage.sandbox.url)


def order(guest, **more):
    return {"reference": guest.reference, "account": ACCOUNT, "lease": 5.0, "dies": False, **more}


async def test_a_submit_converts_the_guest_and_reports_the_customer(stage, in_environment):
    guest, guest_id = await stage.guest("cart")
    assert await carry_out(order(guest), stage.tracker) == {"customer": guest_id, "state": "converted"}


async def test_a_submit_reports_the_error_that_came(stage, in_environment):
    stage.sandbox.add_customer(username="janesmith")
    guest, _ = await stage.guest("cart")
    answer = await carry_out(order(guest), stage.tracker)
    assert answer["error"].startswith("Username is already in use.")


@NEEDS_POSIX
async def test_a_doomed_submit_dies_at_its_patch_and_not_before(stage, in_environment, monkeypatch):
    killed = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number, len(stage.sandbox.requests))))
    guest, _ = await stage.guest("cart")
    before = len(stage.sandbox.requests)
    await carry_out(order(guest, dies=True), stage.tracker)
    assert killed == [(os.getpid(), signal.SIGKILL, before + 2)]  # a GET, and then the PATCH


async def counted(stage, step, ends, monkeypatch):
    """Play a step whose processes end like this, and compare."""

    async def carried_out(_stage, *orders):
        assert len(orders) == len(ends)
        return ends

    monkeypatch.setattr(processes, "_carried_out", carried_out)
    return audit([await step(stage)], stage.sandbox)


async def test_processes_that_report_different_customers_are_caught(stage, monkeypatch):
    found = await counted(stage, processes.double_submit, [(1001, ""), (99999, "")], monkeypatch)
    assert not found.holds
    assert [line for line in found.differences if "99999, and the sandbox does not hold that" in line]


async def test_processes_that_did_nothing_are_caught(stage, monkeypatch):
    ends = [(None, "ended with 1"), (None, "ended with 1")]
    found = await counted(stage, processes.double_submit, ends, monkeypatch)
    assert found.total("lost") == 4
    assert "PATCH /api/v2/customer/1001: times received is 0 and should be 1" in found.differences


async def test_a_killed_process_that_never_converted_is_caught(stage, monkeypatch):
    found = await counted(stage, processes.killed_process, [(None, "killed")], monkeypatch)
    assert not found.holds


@pytest.mark.parametrize(
    ("code", "out", "err", "customer", "text"),
    [
        (0, b'{"customer": 5, "state": "converted"}\n', b"", 5, "converted: 5"),
        (0, b'{"error": "Taken."}\n', b"", None, "Taken."),
        (-9, b"", b"", None, "killed, signal 9"),
        (1, b"", b"Traceback\nModuleNotFoundError: some\n", None, "ended with 1 ModuleNotFoundError: some"),
        (3, b"", b"", None, "ended with 3"),
    ],
)
def test_every_end_of_a_process_is_told_in_one_line(code, out, err, customer, text):
    assert processes._end(code, out, err) == (customer, text)


@NEEDS_POSIX
async def test_a_process_does_not_outlive_an_error_of_the_step(stage, monkeypatch):
    started = []
    start = processes.asyncio.create_subprocess_exec

    async def remembered(*args, **options):
        started.append(await start(*args, **options))
        return started[-1]

    monkeypatch.setattr(processes.asyncio, "create_subprocess_exec", remembered)
    stage.tracker_url = "sqlite+aiosqlite://"
    with pytest.raises(ZeroDivisionError):
        async with processes._process(stage):
            raise ZeroDivisionError
    assert started[0].returncode == -9
