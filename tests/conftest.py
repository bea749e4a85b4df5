"""Shared by all tests: no test may reach beyond loopback, and none sees the developer's own variables.

The one exception is the Odoo that somebody names in ``METTA_TEST_ODOO_URL`` (tests/contract/odoo).
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest

from metta.settings import Settings

_connect = socket.socket.connect
_real_odoo = urlsplit(os.environ.get("METTA_TEST_ODOO_URL", "")).hostname
_named = {each[4][0] for each in socket.getaddrinfo(_real_odoo, None)} if _real_odoo else set()


def _loopback_only(self: socket.socket, address: Any) -> Any:
    if isinstance(address, tuple) and self.family in (socket.AF_INET, socket.AF_INET6):
        host = address[0]
        try:
            local = ipaddress.ip_address(host).is_loopback
        except ValueError:
            local = host == "localhost"
        if not local and host not in _named:
            raise RuntimeError(f"a test tried to reach {host}; tests use loopback only")
    return _connect(self, address)


socket.socket.connect = _loopback_only  # type: ignore[method-assign]

for _name in (*Settings.model_fields, "aws_profile"):
    os.environ.pop(_name.upper(), None)
os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_TRACE_DISABLED="true",
    SAM_CLI_TELEMETRY="0",
)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables a test sets through monkeypatch end with it."""


@pytest.fixture(autouse=True)
def _no_cached_secrets() -> None:
    """Powertools keeps a client and values for the process; each test has a Secrets Manager of its own."""
    loaded = sys.modules.get("aws_lambda_powertools.utilities.parameters.base")
    if loaded is not None:
        loaded.DEFAULT_PROVIDERS.clear()
        loaded.clear_caches()
