"""A file of variables, as ``metta up --env-file`` writes it and ``.env.example`` shows it, for ``metta --env-file``.

A line is ``NAME=VALUE`` or ``export NAME=VALUE``, quoted as a shell wants it; nothing in it is expanded or run.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from metta_local.console import CommandError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MOST_BYTES = 1_000_000


def read(name: str) -> dict[str, str]:
    """The variables of a file.

    Raises:
        CommandError: it cannot be read, or lines are at fault, which are named by their number and never shown.
    """
    try:
        with Path(name).open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        hint = "; `metta up --env-file FILE` writes one" if isinstance(error, FileNotFoundError) else ""
        raise CommandError(f"--env-file {name}: cannot be read ({error.strerror}){hint}") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"--env-file {name}: not UTF-8 (byte {error.start + 1})") from None
    if len(raw) > _MOST_BYTES:
        raise CommandError(f"--env-file {name}: more than {_MOST_BYTES} bytes; is this a file of variables?")
    found: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            found.update(_assignments(line))
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
    if wrong:
        raise CommandError(f"--env-file {name}: {'; '.join(wrong)}")
    return found


@contextmanager
def applied(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a while; one that the environment has with a value stays as it is."""
    missing = {name: value for name, value in variables.items() if not os.environ.get(name)}
    before = {name: os.environ.get(name) for name in missing}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _assignments(line: str) -> dict[str, str]:
    words = [] if line.lstrip().startswith("#") else _words(line)
    if words and words[0] == "export":
        words = words[1:]
    found = {}
    for word in words:
        if word.startswith("#"):
            break
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError("not NAME=VALUE; a value with blanks needs quotes")
        if not _NAME.match(name):
            raise ValueError("the name before = may hold letters, digits and _ only, and no blank may stand before =")
        if "\0" in value:
            raise ValueError(f"{name}: holds a zero byte")
        found[name] = value
    return found


def _words(line: str) -> list[str]:
    """The words as a shell splits them; ``#`` within one begins no comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        raise ValueError("a quote is not closed, or the line ends with \\") from None
