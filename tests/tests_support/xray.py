"""The X-Ray daemon's place on loopback: takes the segments that Powertools' Tracer really sends."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

HEADER = "Root=1-5759e988-{root:024x};Parent={parent:016x};Sampled={sampled}"


class Daemon:
    """Collects what arrives."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.raw: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                self.raw.append(self._socket.recv(65535).decode())
            except TimeoutError:
                continue

    def segments(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many have arrived, and a moment for any more; gives all of them."""
        until = time.monotonic() + 5
        while len(self.raw) < count and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)
        return [json.loads(one.split("\n", 1)[1]) for one in self.raw]

    def close(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5)
        self._socket.close()


@contextmanager
def xray_daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon, and the environment of a function that Lambda traces."""
    daemon = Daemon()
    monkeypatch.delenv("POWERTOOLS_TRACE_DISABLED", raising=False)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "worker")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", daemon.address)
    invoked(monkeypatch)
    import aws_xray_sdk.core

    aws_xray_sdk.core.xray_recorder.emitter.set_daemon_address(daemon.address)
    try:
        yield daemon
    finally:
        daemon.close()


def invoked(monkeypatch: pytest.MonkeyPatch, root: int = 7, *, sampled: int = 1) -> None:
    """Lambda begins an invocation, whose segment has the id 0000000000000b0b."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER.format(root=root, parent=0xB0B, sampled=sampled))


def path_of(segment: dict[str, Any], segments: list[dict[str, Any]]) -> list[str]:
    """Names from the root to a segment."""
    by_id = {one["id"]: one for one in segments}
    path: list[str] = []
    at: dict[str, Any] | None = segment
    while at is not None:
        path.insert(0, at["name"])
        at = by_id.get(at["parent_id"])
    return path
