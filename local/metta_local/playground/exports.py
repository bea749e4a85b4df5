"""``metta up --env-file``: the stack's variables in a file that only its owner reads, for as long as the stack runs."""

from __future__ import annotations

import fcntl
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from metta_local.console import CommandError

_FIRST_LINE = "# Variables of a running `metta up`, which removes this file when it ends."


def export_lines(variables: Mapping[str, str]) -> list[str]:
    """One ``export`` for each variable, quoted for a shell."""
    return [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]


class ExportFile:
    """The file, once it is taken; locked for as long as this process lives, so that no other takes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = _make(path, f"{_FIRST_LINE}\n")

    def write(self, variables: Mapping[str, str]) -> None:
        """Put the variables in, all at once.

        Raises:
            CommandError: it cannot be written.
        """
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            whole = _make(beside, "\n".join([_FIRST_LINE, *export_lines(variables), ""]))
            beside.replace(self._path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise CommandError(f"--env-file {self._path}: cannot be written ({error.strerror})") from None
        self._held.close()
        self._held = whole

    def remove(self) -> None:
        """Take it away."""
        with suppress(OSError):
            self._path.unlink()
        self._held.close()


@contextmanager
def exported_to(path: Path) -> Iterator[ExportFile]:
    """Take the file; it is removed at the end.

    Raises:
        CommandError: it cannot be written, or it is there and not of this command, or of one that still runs.
    """
    try:
        with suppress(FileNotFoundError):
            _given_up(path)
            path.unlink()
        path.parent.mkdir(exist_ok=True)  # a fresh clone has no .metta
        file = ExportFile(path)
    except OSError as error:
        raise CommandError(f"--env-file {path}: cannot be written ({error.strerror})") from None
    try:
        yield file
    finally:
        file.remove()


def _given_up(path: Path) -> None:
    """Nothing, where the file was left behind by a stack that was killed."""
    with path.open("rb") as there:
        if not there.read(len(_FIRST_LINE)) == _FIRST_LINE.encode():
            raise CommandError(f"--env-file {path}: is there already; name a new file, since it is removed later")
        try:
            fcntl.flock(there, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"--env-file {path}: is that of a stack that is running; stop it, or name another file"
            ) from None


def _make(path: Path, text: str) -> IO[str]:
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(text)
    file.flush()
    return file
