"""The workers under test: real ``metta worker`` processes, each behind proxies of its own, killed and started again."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from metta_local.chaos.journal import Place
from metta_local.chaos.proxies import Proxies
from metta_local.chaos.steps import KillStep
from metta_local.stack import LocalStack

COMMAND = (sys.executable, "-m", "metta_local.chaos.worker_process")
RANDOM = "random"
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "SSL_CERT_FILE")
_LOOK_SECONDS = 0.1


class Kill(NamedTuple):
    """One SIGKILL."""

    at: float
    worker: str
    step: str
    """Name of the step it was at, or ``random``."""


class Crash(NamedTuple):
    """A worker that ended although nobody asked it to."""

    at: float
    worker: str
    code: int


class Crew:
    """Several workers on one stack; a context manager.

    Args:
        stack: what the workers work with.
        proxies: stand between; its ambush kills through this crew from now on.
        environment: variables beside the stack's, the same for all workers.
        directory: where each worker's log goes, ``worker-1.log`` and so on.
        command: starts a worker.

    Attributes:
        kills: so far.
        crashes: ends that nobody asked for; the worker is started again, but something is wrong.

    Example::

        with Crew(stack, proxies, {"BURST_QUIET_SECONDS": "1"}, directory) as crew:
            crew.start(4)
            crew.kill_at(step("after POST reply"))
    """

    def __init__(
        self,
        stack: LocalStack,
        proxies: Proxies,
        environment: Mapping[str, str],
        directory: Path,
        *,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._proxies = proxies
        self._environment = {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            **stack.environment(),
            **environment,
        }
        self._directory = directory
        self._command = tuple(command)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._keeper = threading.Thread(target=self._keep, name="chaos-crew", daemon=True)
        self._expected: set[str] = set()
        """Workers that were ended on purpose."""
        self.kills: list[Kill] = []
        self.crashes: list[Crash] = []

    @property
    def workers(self) -> list[str]:
        """Names of all workers."""
        return list(self._processes)

    @property
    def alive(self) -> list[str]:
        """Names of those that run right now."""
        return [name for name, process in self._processes.items() if process.poll() is None]

    def start(self, count: int, *, ready_seconds: float = 60.0) -> None:
        """Start ``worker-1`` to ``worker-COUNT`` and wait until each polls the queue.

        Raises:
            RuntimeError: one does not come up; the text carries the end of its log.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._proxies.harness.ambush.kill = self._ambushed
        for number in range(1, count + 1):
            self._launch(f"worker-{number}")
        self._await_polls(set(self.workers), ready_seconds)
        self._keeper.start()

    def kill(self, worker: str, step: str = RANDOM) -> bool:
        """SIGKILL a worker and have it started again; False when it did not run."""
        with self._lock:
            process = self._processes[worker]
            if process.poll() is not None or worker in self._expected:
                return False
            self._expected.add(worker)
            process.kill()
            at = time.time()
            self.kills.append(Kill(at, worker, step))
        self._proxies.harness.journal.note(at, None, f"{worker} KILLED ({step})")
        self._wake.put(None)
        return True

    def kill_at(self, step: KillStep, conversation: int | None = None) -> None:
        """Kill whichever worker comes to ``step`` next, once; in one conversation only if given."""
        self._proxies.harness.ambush.arm(step, conversation)

    def restart(self, worker: str) -> None:
        """Start a worker that does not run; one that runs is left alone."""
        with self._lock:
            if self._processes[worker].poll() is not None and not self._over.is_set():
                self._launch(worker)

    def stop(self, seconds: float = 45.0) -> dict[str, int]:
        """Stop all gracefully and wait; whoever takes longer than ``seconds`` is killed.

        Returns:
            Exit codes by worker: 0 is a graceful end, 1 that of one that was still starting, negative numbers are
            signals.
        """
        self._over.set()
        self._wake.put(None)
        if self._keeper.is_alive():
            self._keeper.join()
        self._proxies.harness.ambush.kill = None
        running = [process for process in self._processes.values() if process.poll() is None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        until = time.monotonic() + seconds
        for process in running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        return {name: process.returncode for name, process in self._processes.items()}

    def pid(self, worker: str) -> int:
        """Process id of a worker's latest life."""
        return self._processes[worker].pid

    def log_of(self, worker: str) -> Path:
        """A worker's log, all its lives in one file."""
        return self._directory / f"{worker}.log"

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop(45.0 if kind is None else 0.0)

    def _ambushed(self, worker: str, step: KillStep) -> None:
        self.kill(worker, step.name)

    def _launch(self, worker: str) -> None:
        before = self._processes.get(worker)
        if before is not None and before.stdin is not None:
            before.stdin.close()
        environment = self._environment | self._proxies.variables(worker)
        with self.log_of(worker).open("ab") as log:
            self._processes[worker] = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the harness, which then stops them in order
            )
        self._expected.discard(worker)

    def _await_polls(self, waiting: set[str], seconds: float) -> None:
        until = time.monotonic() + seconds
        while waiting:
            for call in self._proxies.harness.journal.calls:
                if call.place is Place.SQS and call.operation == "receive":
                    waiting.discard(call.worker)
            dead = [worker for worker in waiting if self._processes[worker].poll() is not None]
            if dead or (waiting and time.monotonic() > until):
                worker = (dead or sorted(waiting))[0]
                tail = "\n".join(self.log_of(worker).read_text(errors="replace").splitlines()[-15:])
                raise RuntimeError(f"{worker} did not start:\n{tail}")
            time.sleep(_LOOK_SECONDS)

    def _keep(self) -> None:
        """Start again whoever is dead, killed or not, until the crew is stopped."""
        while not self._over.is_set():
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=_LOOK_SECONDS)
            for worker in self.workers:
                with self._lock:
                    code = self._processes[worker].poll()
                    if code is None or self._over.is_set():
                        continue
                    if worker not in self._expected:
                        at = time.time()
                        self.crashes.append(Crash(at, worker, code))
                        self._proxies.harness.journal.note(at, None, f"{worker} ENDED BY ITSELF with {code}")
                    self._launch(worker)
