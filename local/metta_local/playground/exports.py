"""``metta up --env-file``: the stack's variables in a file that only its owner reads, for as long as the stack runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from metta_local.console import CommandError

_FIRST_LINE = "# Variables of a running `metta up`, which removes this file when it ends."


def export_lines(variables: Mapping[str, str]) -> list[str]:
    """One ``export`` for each variable, quoted for a shell."""
    return [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]


class ExportFile:
    """The file, once it is taken."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, variables: Mapping[str, str]) -> None:
        """Put the variables in, all at once.

        Raises:
            CommandError: it cannot be written.
        """
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            _make(beside, "\n".join([_FIRST_LINE, *export_lines(variables), ""]))
            beside.replace(self._path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise CommandError(f"--env-file {self._path}: cannot be written ({error.strerror})") from None


@contextmanager
def exported_to(path: Path) -> Iterator[ExportFile]:
    """Take the file; it is removed at the end.

    Raises:
        CommandError: it cannot be written, or it is there and not of this command.
    """
    try:
        with suppress(FileNotFoundError):
            if not path.read_bytes().startswith(_FIRST_LINE.encode()):
                raise CommandError(f"--env-file {path}: is there already; name a new file, since it is removed later")
            path.unlink()
        path.parent.mkdir(exist_ok=True)  # a fresh clone has no .metta
        _make(path, f"{_FIRST_LINE}\n")
    except OSError as error:
        raise CommandError(f"--env-file {path}: cannot be written ({error.strerror})") from None
    try:
        yield ExportFile(path)
    finally:
        with suppress(OSError):
            path.unlink()


def _make(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
