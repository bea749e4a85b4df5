"""Where the logs of ``metta up`` go: to standard error, or to a file where that is a terminal that a person reads."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from metta_local.console import CommandError

STANDARD_ERROR = 2


@dataclass(frozen=True)
class Logs:
    """An open log."""

    descriptor: int
    """What is written to."""
    path: Path | None
    """None for standard error."""


@contextmanager
def logs(file: str | None, home: Path | None, *, terminal: bool) -> Iterator[Logs]:
    """Open the log for as long as the stack runs.

    Args:
        file: named by ``--log``; appended to, and kept.
        home: the stack's directory; its log is kept there, too.
        terminal: whether standard error is one. Only then a file is made that nobody asked for, and removed again
            unless something went wrong.

    Raises:
        CommandError: it cannot be written; the text names ``--log``.
    """
    if file is None and not terminal:
        yield Logs(STANDARD_ERROR, None)
        return
    kept = Path(file).resolve() if file is not None else home / "metta.log" if home is not None else None
    try:
        if kept is None:
            descriptor, name = tempfile.mkstemp(prefix="metta-up-", suffix=".log")
        else:
            kept.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), str(kept)
    except OSError as error:
        where = f"--log: {file or kept}: {error.strerror or error}"
        raise CommandError(f"{where}; name a file that can be written") from None
    os.set_inheritable(descriptor, False)
    try:
        yield Logs(descriptor, Path(name))
    except CommandError as error:
        if os.fstat(descriptor).st_size == 0:
            raise
        kept = Path(name)
        raise CommandError(f"{error}\nthe log is in {name}") from None
    finally:
        os.close(descriptor)
        if kept is None:
            with suppress(OSError):
                Path(name).unlink()
