"""One real stack for the browser tests: ``metta up`` as a process of its own, as people start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functional.local.processes import variables

Json = dict[str, Any]
KEPT = Path(__file__).resolve().parents[2] / ".metta" / "browser"
"""Screenshots, and what is left of a failed test."""
_START_SECONDS = 90.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Playground:
    """The running stack."""

    url: str
    """Of the page, without a slash at the end."""
    environment: dict[str, str]
    """Variables that point other commands at the stack."""
    process: subprocess.Popen[str]

    def get(self, path: str) -> Json:
        """What the page's server answers."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            found: Json = json.load(answer)
        return found

    def post(self, path: str, body: Json) -> Json:
        """Ask the page's server for something, past the page. Raises: AssertionError: it refused."""
        question = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(question, timeout=10) as answer:
                found: Json = json.load(answer)
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{path} refused: {refused.code} {refused.read().decode()}") from None
        return found

    def stop(self) -> int:
        """Ctrl-C; gives the exit code. Whatever is left after that is killed."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _kill(self.process)
            raise AssertionError(f"metta up did not end within {_STOP_SECONDS:g} s of Ctrl-C") from None


@contextmanager
def started(log_name: str, **given: str) -> Iterator[Playground]:
    """``metta up`` on free ports; its log is kept as ``.metta/browser/NAME.log``."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{log_name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "metta_local.cli", "up", "--port", "0", "--json"],
            env=variables(**given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        impatient = threading.Timer(_START_SECONDS, _kill, [process])
        impatient.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            impatient.cancel()
            assert line, f"metta up did not start, see {log.name}"
            told = json.loads(line)
            yield Playground(told["page"].rstrip("/"), told["environment"], process)
        finally:
            impatient.cancel()
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _kill(process)
    if process.stdout is not None:
        process.stdout.close()


def _kill(process: subprocess.Popen[str]) -> None:
    """It and its children: they share a session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
