"""The client over TLS, which is how it runs in earnest: a certificate that is trusted, one that is not, and none."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from metta.errors import OdooDown
from metta.integrations.odoo import OdooClient
from metta.settings import OdooSettings
from metta_local.odoo import Fault, FaultKind, OdooEmulator
from metta_local.serving import LoopbackServer


def _certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "certificate.pem", directory / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture
def emulator() -> OdooEmulator:
    return OdooEmulator()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return _certificate(tmp_path)


@pytest.fixture
def url(emulator: OdooEmulator, certificate: tuple[Path, Path]) -> Iterator[str]:
    config = uvicorn.Config(
        emulator.app,
        host="127.0.0.1",
        port=0,
        log_level="critical",
        lifespan="off",
        ws="none",
        ssl_certfile=str(certificate[0]),
        ssl_keyfile=str(certificate[1]),
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)


def _ask(url: str, emulator: OdooEmulator, *, seconds: float = 8) -> list[int]:
    settings = OdooSettings(url, emulator.database, emulator.username, SecretStr(emulator.api_key))
    rpc = OdooClient(settings, timeout_seconds=seconds)
    try:
        rows = asyncio.run(rpc.search_read("product.product", [("name", "ilike", "lamp")], ["id"], limit=5, order="id"))
    finally:
        rpc.close()
    return [row["id"] for row in rows]


def test_a_trusted_server_is_asked(
    url: str, emulator: OdooEmulator, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    assert _ask(url, emulator) == [1011, 1012]


def test_the_deadline_holds_over_tls(
    url: str, emulator: OdooEmulator, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
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
