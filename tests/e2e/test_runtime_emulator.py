"""The built artifact under AWS's own runtime interface emulator, which the SAM CLI's wheel carries (not a contract)."""

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
from pathlib import Path
from typing import Any

import pytest
import samcli

from e2e_world import World, load_event
from lambda_runtime import client_path, function_environment
from metta_local.model.scripting import Fail
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e

PROCESSOR = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
EMULATOR = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{PROCESSOR}"
if sys.platform != "linux" or not EMULATOR.exists():
    pytest.skip("no runtime interface emulator for this machine", allow_module_level=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def emulated(built: Path, variables: dict[str, str], directory: Path, seconds: int) -> Iterator[Any]:
    """A function to call, which the emulator gives ``seconds`` for each invocation."""
    port, runtime_port = free_port(), free_port()
    runnable = directory / "aws-lambda-rie"
    runnable.write_bytes(EMULATOR.read_bytes())
    runnable.chmod(0o755)
    environment = function_environment(built, variables, client_path(directory / "client"))
    command = [runnable, "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{runtime_port}", "--log-level", "error"]
    with (directory / "function.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, sys.executable, "-S", "-m", "awslambdaric", "handler.handler"],
            cwd=built / "WorkerFunction",
            env=environment | {"AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def invoke(event: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", json.dumps(event).encode()
        )
        for _ in range(100):
            try:
                with urllib.request.urlopen(request, timeout=90) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    return json.loads(error.read())
            except urllib.error.URLError:  # it does not listen yet
                time.sleep(0.05)
        raise AssertionError("the emulator does not listen")

    try:
        yield invoke
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def variables(stack: LocalStack) -> dict[str, str]:
    return stack.environment() | {"BURST_QUIET_SECONDS": "0"}


def test_a_batch_is_answered_and_what_fails_is_named(
    world: World, variables: dict[str, str], built: Path, tmp_path: Path
) -> None:
    event = load_event("01_incoming_text_webwidget")
    event["Records"] += load_event("07_incoming_whatsapp")["Records"]
    world.remember(event)
    world.model.fault(Fail(503), times=None, when="Hi, where is my order")

    with emulated(built, variables, tmp_path, seconds=60) as invoke:
        answer = invoke(event)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert (len(world.replies(84)), len(world.replies(120))) == (0, 1)


def test_a_function_that_cannot_start_says_why(variables: dict[str, str], built: Path, tmp_path: Path) -> None:
    without = {name: value for name, value in variables.items() if name != "ODOO_DB"}

    with emulated(built, without, tmp_path, seconds=60) as invoke:
        answer = invoke(load_event("01_incoming_text_webwidget"))

    assert answer["errorType"].endswith("SettingsError")
    assert "ODOO_DB" in answer["errorMessage"]
    assert "Metta does not start" in (tmp_path / "function.log").read_text()


def test_a_batch_that_cannot_end_in_time_is_given_back_before_the_end(
    world: World, variables: dict[str, str], built: Path, tmp_path: Path
) -> None:
    event = load_event("01_incoming_text_webwidget")
    world.remember(event)

    with emulated(built, variables, tmp_path, seconds=18) as invoke:
        answer = invoke(event)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert world.model.requests == []
