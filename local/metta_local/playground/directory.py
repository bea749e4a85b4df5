"""``metta up --directory``: one running stack has it at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metta_local.console import CommandError

_LOCK = "up.lock"


@contextmanager
def held(directory: Path, page: str) -> Iterator[None]:
    """Hold a directory, made if there is none; let go of however the process ends.

    Args:
        directory: where data and logs live.
        page: URL of the page, for whoever comes next.

    Raises:
        CommandError: another stack has it, or it cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / _LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--directory {directory}: cannot be used ({error.strerror}); choose another") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            where = lock.read().strip()
            at = f" at {where}" if where else ""
            raise CommandError(
                f"a stack is running already in {directory}{at}; stop it, or choose another --directory"
            ) from None
        lock.truncate(0)
        lock.write(f"{page}\n")
        lock.flush()
        yield
