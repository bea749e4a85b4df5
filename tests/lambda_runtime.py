"""Runs a built function as Lambda does, without Docker: AWS's own runtime client against a Runtime API of ours.

The process sees the interpreter's standard library, the function and its layers, and nothing of the test environment:
a package that is missing from a layer is missing here. Used by the end-to-end tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import sysconfig
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

CLIENT = ("awslambdaric", "runtime_client.*", "simplejson", "snapshot_restore_py.py")
"""AWS's runtime client and what it imports; Lambda brings them outside of function and layers."""
_VERSION = "/2018-06-01/runtime"


def client_path(directory: Path, site: Path | None = None) -> Path:
    """A directory that holds the runtime client alone, as installed in ``site`` (this interpreter's packages)."""
    directory.mkdir(parents=True, exist_ok=True)
    site = site or Path(sysconfig.get_paths()["purelib"])
    for path in (path for name in CLIENT for path in site.glob(name)):
        if not (directory / path.name).exists():
            (directory / path.name).symlink_to(path)
    return directory


def python_path(built: Path, client: Path, name: str = "Worker") -> str:
    """``PYTHONPATH`` of a function built in ``built``: function first, then layers, then the client."""
    layers = (built / layer / "python" for layer in ("MettaLayer", "DependenciesLayer"))
    return os.pathsep.join(str(path) for path in (built / f"{name}Function", *layers, client))


def function_environment(
    built: Path, variables: Mapping[str, str], client: Path, name: str = "Worker"
) -> dict[str, str]:
    """The whole environment of the function's process: what Lambda sets and the function's own variables."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": python_path(built, client, name),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(built / f"{name}Function"),
        "AWS_LAMBDA_FUNCTION_NAME": f"metta-{name.lower()}",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/metta-{name.lower()}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "test",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "_HANDLER": "handler.handler",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        **variables,
    }


@dataclass
class Answer:
    """How an invocation ended.

    Attributes:
        payload: what the handler returned, or Lambda's error object.
        failed: whether the runtime reported an error, at init or in the handler, or time ran out.
    """

    payload: Any
    failed: bool = False


@dataclass
class _Invocation:
    event: Any
    deadline_ms: int
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    ended: queue.Queue[Answer] = field(default_factory=queue.Queue)


class LambdaFunction:
    """One execution environment of a function; a context manager.

    Args:
        built: directory of `sam build`, made for this machine.
        variables: the function's environment variables.
        directory: for the client and the log.
        name: which function, as the template calls it, without ``Function``.
        interpreter: that runs it; this one when None.
        site: where that interpreter's runtime client is installed.

    Example::

        with LambdaFunction(built, variables, tmp_path) as function:
            answer = function.invoke(event)
    """

    def __init__(
        self,
        built: Path,
        variables: Mapping[str, str],
        directory: Path,
        *,
        name: str = "Worker",
        interpreter: str | None = None,
        site: Path | None = None,
    ) -> None:
        self._interpreter = interpreter or sys.executable
        self._site = site
        self._built = built
        self._name = name
        self._variables = variables
        self._directory = directory
        self._waiting: queue.Queue[_Invocation] = queue.Queue()
        self._running: dict[str, _Invocation] = {}
        self._init_error: queue.Queue[Answer] = queue.Queue()
        self._snapshot = threading.Event()
        self._restore = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.log_path = directory / "function.log"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="runtime-api", daemon=True).start()

    def __enter__(self) -> LambdaFunction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        self._server.shutdown()
        self._server.server_close()

    @property
    def log(self) -> str:
        """Everything the function wrote so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def invoke(self, event: Any, *, timeout: float = 60, killed_when: Callable[[], bool] = lambda: False) -> Answer:
        """Invoke once; the first call, and the first after a kill, starts the process.

        Args:
            event: the payload.
            timeout: what the function is told to have, seconds; as in Lambda, the process is killed then.
            killed_when: kill it once this is true, earlier than it was told, as a crash of the environment would.
        """
        invocation = _Invocation(event, int((time.time() + timeout) * 1000))
        self._waiting.put(invocation)
        if self._process is None:
            self._start()
        started = time.monotonic()
        while time.monotonic() < started + timeout and not killed_when():
            for source in (self._init_error, invocation.ended):
                with contextlib.suppress(queue.Empty):
                    answer = source.get(timeout=0.02)
                    if source is self._init_error:
                        self.kill()
                    return answer
            assert self._process is not None
            if self._process.poll() is not None and self._init_error.empty() and invocation.ended.empty():
                self.kill()
                return Answer({"errorType": "Runtime.ExitError", "errorMessage": self.log[-2000:]}, failed=True)
        self.kill()
        return Answer(
            {
                "errorType": "Sandbox.Timedout",
                "errorMessage": f"Task timed out after {time.monotonic() - started:.2f} seconds",
            },
            True,
        )

    @property
    def snapshot_taken(self) -> bool:
        """Whether the process came as far as a snapshot."""
        return self._snapshot.is_set()

    def until_snapshot(self, *, seconds: float = 60) -> int:
        """Start the process with SnapStart and let it wait where a snapshot is taken, until ``restore``; its id."""
        self._variables = {**self._variables, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
        self._start()
        assert self._process is not None
        end = time.monotonic() + seconds
        while not self._snapshot.wait(0.05):
            assert self._process.poll() is None, self.log[-4000:]
            assert time.monotonic() < end, self.log[-4000:]
        return self._process.pid

    def restore(self) -> None:
        """Let the process go on as one does that was restored from the snapshot."""
        self._restore.set()

    def kill(self) -> None:
        """End the process at once; the next invocation is a cold start."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        while not self._waiting.empty():
            self._waiting.get_nowait()

    def _start(self) -> None:
        client = client_path(self._directory / "client", self._site)
        environment = function_environment(self._built, self._variables, client, self._name)
        environment["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{self._server.server_port}"
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [self._interpreter, "-S", "-m", "awslambdaric", "handler.handler"],
                cwd=self._built / f"{self._name}Function",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        function = self

        class RuntimeApi(BaseHTTPRequestHandler):
            """The Runtime API: the process asks for work and reports how it ended."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == f"{_VERSION}/restore/next":
                    function._snapshot.set()
                    function._restore.wait(120)
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                assert self.path == f"{_VERSION}/invocation/next"
                invocation = function._waiting.get()
                function._running[invocation.request_id] = invocation
                body = json.dumps(invocation.event).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", invocation.request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms))
                self.send_header(
                    "Lambda-Runtime-Invoked-Function-Arn",
                    f"arn:aws:lambda:us-east-1:000000000000:function:metta-{function._name.lower()}",
                )
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5e1b4151-5ac6c58f3e0b4c5d1f2a3b4c;Sampled=0")
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionError):
                    self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                *_, what = self.path.removeprefix(_VERSION).split("/")
                payload = json.loads(body) if body else None
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                if self.path in (f"{_VERSION}/init/error", f"{_VERSION}/restore/error"):
                    function._init_error.put(Answer(payload, failed=True))
                else:
                    request_id = self.path.split("/")[-2]
                    function._running.pop(request_id).ended.put(Answer(payload, failed=what == "error"))

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                """Say nothing; the function's own log is what matters."""

        return RuntimeApi
