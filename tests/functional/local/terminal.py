"""Runs ``metta`` on a terminal, as a person does: standard output and error go to pseudo-terminals of their own."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from dataclasses import dataclass

from .processes import variables


@dataclass(frozen=True)
class Shown:
    """What a person saw, escape sequences and all."""

    code: int
    out: str
    err: str


def on_terminal(*arguments: str, out: bool = True, err: bool = True, **given: str) -> Shown:
    """Run the command; a stream that is no terminal is a pipe."""
    streams = [_Stream(terminal=out), _Stream(terminal=err)]
    process = subprocess.Popen(
        [sys.executable, "-m", "metta_local.cli", *arguments],
        env=variables(**{"TERM": "xterm-256color", **given}),
        stdin=subprocess.DEVNULL,
        stdout=streams[0].writer,
        stderr=streams[1].writer,
    )
    try:
        for stream in streams:
            stream.started()
        code = process.wait(timeout=120)
    finally:
        process.kill()
        process.wait()
    shown, told = (stream.text() for stream in streams)
    return Shown(code, shown, told)


class _Stream:
    """One end for the process, one that is read in a thread until the process has ended."""

    def __init__(self, *, terminal: bool) -> None:
        self._reader, self.writer = pty.openpty() if terminal else os.pipe()
        if terminal:
            fcntl.ioctl(self.writer, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self._parts: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)

    def started(self) -> None:
        os.close(self.writer)
        self._thread.start()

    def text(self) -> str:
        self._thread.join(timeout=10)
        os.close(self._reader)
        return b"".join(self._parts).decode()

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._reader, 65536)
            except OSError:  # a terminal whose last writer is gone
                return
            if not part:
                return
            self._parts.append(part)
