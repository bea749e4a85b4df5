"""Runs a built function under AWS's runtime interface emulator, which the SAM CLI's wheel carries (not a contract)."""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import samcli

from lambda_runtime import client_path, function_environment

PROCESSOR = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
EMULATOR = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{PROCESSOR}"
PRESENT = sys.platform == "linux" and EMULATOR.exists()
MISSING = "no runtime interface emulator for this machine"


def free_port() -> int:
    """A port that nobody listens on, on this machine's loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Emulated:
    """A function to call.

    Attributes:
        port: where the emulator listens.
        pid: of the emulator.
        log_path: what the function writes.
    """

    port: int
    pid: int
    log_path: Path

    @property
    def log(self) -> str:
        """Everything the function wrote so far."""
        return self.log_path.read_text(errors="replace")

    def __call__(self, event: dict[str, Any]) -> Any:
        """Invoke once; what the handler answers, Lambda's error object, or the text of a timeout."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations", json.dumps(event).encode()
        )
        for _ in range(100):
            try:
                with urllib.request.urlopen(request, timeout=90) as answer:
                    return _read(answer.read().decode())
            except urllib.error.HTTPError as error:
                with error:
                    return _read(error.read().decode())
            except urllib.error.URLError:  # it does not listen yet
                time.sleep(0.05)
        raise AssertionError("the emulator does not listen")

    def freeze(self) -> None:
        """Stop the function's process where it stands: it neither works nor answers any more."""
        children = Path(f"/proc/{self.pid}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        assert pids, "the function does not run"
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@contextmanager
def emulated(built: Path, variables: dict[str, str], directory: Path, seconds: int) -> Iterator[Emulated]:
    """A function to call, which the emulator gives ``seconds`` for each invocation."""
    port, runtime_port = free_port(), free_port()
    runnable = directory / "aws-lambda-rie"
    runnable.write_bytes(EMULATOR.read_bytes())
    runnable.chmod(0o755)
    environment = function_environment(built, variables, client_path(directory / "client"))
    command = [runnable, "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{runtime_port}", "--log-level", "error"]
    log_path = directory / "function.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command, sys.executable, "-S", "-m", "awslambdaric", "handler.handler"],
            cwd=built / "WorkerFunction",
            env=environment | {"AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    emulator = Emulated(port, process.pid, log_path)
    try:
        yield emulator
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
