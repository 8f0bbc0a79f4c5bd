"""The four ways to a hostile server: in clear and over TLS, on a session of the client's own and on a borrowed one."""

from __future__ import annotations

import contextlib
import functools
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from printnow_async import NewAccount, PrintNowClient, RetryPolicy
from tests.support.hostile_server import HostileServer, hostile_server

WIRES = ("own", "borrowed", "own TLS", "borrowed TLS")
AT_ONCE = RetryPolicy(base_delay=0.0, max_delay=0.0)
"""As patient as ever, and it waits for nothing."""

_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 "
    "-addext subjectAltName=IP:127.0.0.1 -addext keyUsage=critical,digitalSignature,keyCertSign"
)


@functools.cache
def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server with a certificate made just now, and of a client that trusts that one and no other."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key.pem"), Path(folder, "certificate.pem")
        subprocess.run(
            [*_CERTIFICATE.split(), "-keyout", key, "-out", certificate],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        return server, ssl.create_default_context(cafile=certificate)


def account(name: str = "janesmith") -> NewAccount:
    """Somebody who wants an account of this name."""
    return NewAccount(name, "securepass123", f"{name}@example.com", "Jane", "Smith", "Acme Corp")


@contextlib.asynccontextmanager
async def client_of(
    server: HostileServer, wire: str = "own", *, token: str = "token", **options: Any
) -> AsyncIterator[PrintNowClient]:
    """A client of this server, on one of `WIRES`."""
    options = {"base_url": server.url, "retry": AT_ONCE, **options}
    trusting = tls_contexts()[1] if "TLS" in wire else None
    if "own" in wire:
        if trusting is not None:
            options["ssl"] = trusting
        async with PrintNowClient(token, "key", **options) as client:
            yield client
        return
    connector = aiohttp.TCPConnector(limit=0, ssl=trusting if trusting is not None else True)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with PrintNowClient(token, "key", session=session, **options) as client:
            yield client


@contextlib.asynccontextmanager
async def server_and_client(wire: str, **options: Any) -> AsyncIterator[tuple[HostileServer, PrintNowClient]]:
    """A hostile server, and a client of it on one of `WIRES`; the options are the client's."""
    async with hostile_server(tls_contexts()[0] if "TLS" in wire else None) as server:
        async with client_of(server, wire, **options) as client:
            yield server, client
