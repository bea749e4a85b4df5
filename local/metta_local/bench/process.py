"""A measured process: started with a module of this package, fed with JSON lines, each of which it answers with one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from metta.messages import JsonObject
from metta_local.console import CommandError


class MeasuredProcess:
    """A child process, ready for commands; apart from the emulators, so that its CPU and memory are Metta's alone.

    Args:
        module: what it runs; says ``{"ready": true}`` first.
        environment: all variables that it sees but for ``PATH``.
        log: where its standard error goes.

    Raises:
        CommandError: it ended before it was ready.
    """

    def __init__(self, module: str, environment: Mapping[str, str], log: Any) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", module],
            env={**environment, "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._read()

    def __enter__(self) -> MeasuredProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the child."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        finally:
            assert self._child.stdout is not None
            self._child.stdout.close()

    def ask(self, command: JsonObject) -> JsonObject:
        """One command to the child, and its answer.

        Raises:
            CommandError: it ended instead.
        """
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(command) + "\n")
        self._child.stdin.flush()
        return self._read()

    def _read(self) -> JsonObject:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise CommandError("the measured process ended early; its log is shown with --log FILE")
        answer: JsonObject = json.loads(line)
        return answer
