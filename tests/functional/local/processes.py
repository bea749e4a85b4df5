"""Runs ``metta`` as a process of its own, as people and supervisors do, or in this process, which is quicker."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from metta_local import cli

Done = subprocess.CompletedProcess[str]


def variables(**given: str) -> dict[str, str]:
    """These variables and none of the developer's."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    return clean | {"AWS_EC2_METADATA_DISABLED": "true"} | given


def metta(*arguments: str, stdin: str = "", **given: str) -> Done:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "metta_local.cli", *arguments],
        env=variables(**given),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Shell:
    """Runs the command in this process, with these variables and none else of the kind."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str, stdin: str = "", **variables: str) -> Done:
        with self._monkeypatch.context() as patch:
            for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
                patch.delenv(name, raising=False)
            for name, value in variables.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            self._capsys.readouterr()
            try:
                code = cli.main(arguments)
            except SystemExit as ended:
                code = int(ended.code or 0)
        shown = self._capsys.readouterr()
        return Done(arguments, code, shown.out, shown.err)


@contextmanager
def running(*arguments: str, **given: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command; it is killed afterwards, should the test not have ended it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "metta_local.cli", *arguments],
        env=variables(**given),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        code = process.poll()
        if code is None:
            process.kill()
        _, err = process.communicate()
        sys.stderr.write(f"metta {' '.join(arguments)}: exit code {code}\n{err}\n")  # shown when the test fails


def ended(process: subprocess.Popen[str], number: signal.Signals, *, within: float) -> tuple[int, str, str]:
    """Send a signal and wait: exit code, rest of stdout, stderr."""
    process.send_signal(number)
    out, err = process.communicate(timeout=within)
    return process.returncode, out, err


def until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)
