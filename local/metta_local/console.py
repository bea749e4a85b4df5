"""How commands talk: results on stdout, trouble on stderr, and a way to keep everything else away from stdout."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import TextIO


class CommandError(Exception):
    """A command cannot do what it was asked; the text says why and what to do. Exit code 1."""


def say(text: str) -> None:
    """A line of result on stdout."""
    print(text, flush=True)


def say_json(value: object) -> None:
    """A result as one line of JSON on stdout: as it reads best, or escaped where the terminal lacks the letters."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    say(text)


_as_json: ContextVar[bool] = ContextVar("as_json", default=False)


def says_json() -> bool:
    """Whether a program reads what is said: ``--json`` was given."""
    return _as_json.get()


@contextlib.contextmanager
def speaking(*, as_json: bool) -> Iterator[None]:
    """Decide for one command how trouble is told."""
    token = _as_json.set(as_json)
    try:
        yield
    finally:
        _as_json.reset(token)


def complain(text: str) -> None:
    """A line of trouble on stderr: ``metta: text``, or with ``--json`` the object ``{"error": text}``."""
    said = json.dumps({"error": text}, ensure_ascii=False) if says_json() else f"metta: {text}"
    print(said, file=sys.stderr, flush=True)


def missing_streams() -> None:
    """Give a process that was started without standard streams what it needs: nothing to read, nowhere to write.

    Otherwise the first file that is opened would take their numbers, and be read or written by mistake.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for the process's life


@contextlib.contextmanager
def stdout_kept(log: Path) -> Iterator[TextIO]:
    """Send everything that is written to stdout and stderr, by whomever, to a file; give the real stdout.

    Logs and metrics of the handler go to stdout, as Lambda wants it; a command's own answer must stay alone there.
    Works on file descriptors, so that it holds for libraries and child processes too.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    real_out, real_err = os.dup(1), os.dup(2)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        with os.fdopen(os.dup(real_out), "w", encoding="utf-8", newline="\n") as out:
            yield out
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(real_out, 1)
        os.dup2(real_err, 2)
        for descriptor in (real_out, real_err, file):
            os.close(descriptor)


@contextlib.contextmanager
def ends_on_signals() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into ``KeyboardInterrupt`` and ignore further ones.

    So ``with`` blocks and ``finally`` clauses run to their end, once, and leave nothing running.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
