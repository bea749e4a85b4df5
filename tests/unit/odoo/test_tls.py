"""The client over TLS, which is how it runs in earnest: a certificate that is trusted, one that is not, and none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from metta.errors import OdooDown
from metta.integrations.odoo import OdooClient
from metta.settings import OdooSettings
from metta_local.odoo import Fault, FaultKind, OdooEmulator
from metta_local.serving import LoopbackServer
from tests_support.tls import Certificate, certificate, served_over_tls


@pytest.fixture
def emulator() -> OdooEmulator:
    return OdooEmulator()


@pytest.fixture
def files(tmp_path: Path) -> Certificate:
    return certificate(tmp_path)


@pytest.fixture
def url(emulator: OdooEmulator, files: Certificate) -> Iterator[str]:
    with served_over_tls(emulator.app, files) as port:
        yield f"https://127.0.0.1:{port}"


def _ask(url: str, emulator: OdooEmulator, *, seconds: float = 8) -> list[int]:
    settings = OdooSettings(url, emulator.database, emulator.username, SecretStr(emulator.api_key))
    rpc = OdooClient(settings, timeout_seconds=seconds)
    try:
        rows = asyncio.run(rpc.search_read("product.product", [("name", "ilike", "lamp")], ["id"], limit=5, order="id"))
    finally:
        rpc.close()
    return [row["id"] for row in rows]


def test_a_trusted_server_is_asked(
    url: str, emulator: OdooEmulator, files: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))

    assert _ask(url, emulator) == [1011, 1012]


def test_the_deadline_holds_over_tls(
    url: str, emulator: OdooEmulator, files: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))
    emulator.faults.add(Fault(FaultKind.DRIP, seconds=30))
    start = time.monotonic()

    with pytest.raises(OdooDown):
        _ask(url, emulator, seconds=1)

    assert time.monotonic() - start < 5


def test_a_certificate_nobody_trusts_gets_no_key(url: str, emulator: OdooEmulator) -> None:
    with pytest.raises(OdooDown, match="certificate"):
        _ask(url, emulator)

    assert emulator.logins == 0


def test_a_server_without_tls_is_odoo_down(emulator: OdooEmulator) -> None:
    with LoopbackServer(emulator.app) as server, pytest.raises(OdooDown):
        _ask(server.url.replace("http:", "https:"), emulator)
