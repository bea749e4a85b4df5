"""Runs ``metta`` as a process of its own, as people and supervisors do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
