"""A real PgBouncer in transaction mode in front of a PostgreSQL of the tests, as operators and Neon have it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import pytest

from metta_local.postgres import PostgresUrls

POOL_SIZE = 3
WAIT_SECONDS = 1
"""How long a statement waits for a free session before PgBouncer refuses it."""
_START_SECONDS = 10.0
_WHERE = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
_SETTINGS = f"""
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {{port}}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {{home}}/users
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = 40
server_reset_query = DISCARD ALL
query_wait_timeout = {WAIT_SECONDS}
server_login_retry = 0.1
"""


def installed() -> str:
    """Path of the program.

    Where it is not installed the test is skipped, except in CI (``METTA_CI``), which installs it.
    """
    found = shutil.which("pgbouncer", path=_WHERE)
    if found is None:
        missing = "pgbouncer is not installed (Debian: apt-get install pgbouncer)"
        if os.environ.get("METTA_CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


class PgBouncer:
    """One pooler on loopback; it can be killed and started again on the same port.

    Args:
        program: as ``installed`` gives it.
        behind: the server's connection strings, one per role.
    """

    def __init__(self, program: str, behind: PostgresUrls) -> None:
        self.program = program
        self._behind = behind
        self._home = Path(tempfile.mkdtemp(prefix="metta-pgbouncer-"))
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.urls = self.in_front_of(behind)

    def in_front_of(self, urls: PostgresUrls) -> PostgresUrls:
        """The same roles and database, reached through the pooler."""
        port = urlsplit(urls.database_url).port
        through = (
            url.replace(f":{port}/", f":{self.port}/") for url in (urls.database_url, urls.migrate_url, urls.erase_url)
        )
        return PostgresUrls(*through)

    def __enter__(self) -> PgBouncer:
        self._write()
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it listens."""
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # it refuses to be root
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, str(self._home / "settings")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("PgBouncer did not start:\n" + (self._home / "log").read_text()[-2000:])

    def kill(self) -> None:
        """End it as a crash would: no goodbye to clients or server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _write(self) -> None:
        """Its files, for it alone: they hold passwords."""
        server = urlsplit(self._behind.database_url)
        roles = map(urlsplit, (self._behind.database_url, self._behind.migrate_url, self._behind.erase_url))
        users = "".join(f'"{role.username}" "{role.password}"\n' for role in roles)
        settings = f"[databases]\n* = host={server.hostname} port={server.port}\n"
        settings += _SETTINGS.format(port=self.port, home=self._home)
        for name, text in (("users", users), ("settings", settings)):
            path = self._home / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
            if os.geteuid() == 0:
                shutil.chown(path, "nobody")
        self._home.chmod(0o711)
