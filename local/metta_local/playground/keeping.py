"""Keeps the playground's worker: a child process that is started, killed when asked for, and started again."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from metta.messages import JsonObject
from metta.settings import Settings
from metta_local.playground.feed import KILL_POINTS
from metta_local.playground.greeting import KILL_POINTS as MOMENTS
from metta_local.playground.logs import STANDARD_ERROR
from metta_local.playground.worker_state import WorkerState, now

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
LONGEST_RESTART_SECONDS = 30.0
"""Pause before a worker that ends by itself again and again is started anew."""
STARTING_SECONDS = 90.0
STOP_SECONDS = 4.0
"""How long a turn in hand may go on when everything is stopped; then its messages are given back."""
_NOT_INHERITED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "OPENAI_ORG_ID",
                  "OPENAI_PROJECT_ID")  # fmt: skip
"""Of somebody's real accounts; what the worker is to use of them comes with the stack's variables."""
_MOST_LINE = 8 * 2**20


class WorkerKeeper:
    """Starts one worker at once, hands it its variables when they are known, and keeps it alive until stopped.

    Args:
        told: takes each event of the worker's feed; called from one thread.
        changed: takes the worker's state whenever it changes.
        notice: takes level and text of what people should read.
        log_to: descriptor of what the worker's logs are written to.

    Example::

        keeper = WorkerKeeper(told, changed, notice)
        keeper.start()                      # loads what is slow
        keeper.work_with(stack.environment())
        keeper.wait_ready()
    """

    def __init__(
        self,
        told: Callable[[JsonObject], None],
        changed: Callable[[JsonObject], None],
        notice: Callable[[str, str], None],
        *,
        log_to: int = STANDARD_ERROR,
    ) -> None:
        self._told = told
        self._changed = changed
        self._notice = notice
        self._log_to = log_to
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment: dict[str, str] | None = None
        self._over = threading.Event()
        self._settled = threading.Event()
        """Set once the first worker is ready, or will never be."""
        self._failure: str | None = None
        self._struck = False
        self._thread = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)
        self.state = WorkerState(since=now())
        self.back_within = 30.0
        """Seconds after which a killed worker's message is surely handed out again."""

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def work_with(self, environment: Mapping[str, str]) -> None:
        """The variables that the worker gets, this one and those after it."""
        with self._lock:
            self._environment = dict(environment)
            self._say({"environment": self._environment, "armed": self.state.armed})

    def wait_ready(self, seconds: float = STARTING_SECONDS) -> None:
        """Wait until the worker polls the queue.

        Raises:
            RuntimeError: it does not come up; the text says why.
        """
        if not self._settled.wait(seconds):
            raise RuntimeError(f"the worker did not start within {seconds:.0f} s")
        if self._failure is not None:
            raise RuntimeError(self._failure)

    def kill(self) -> None:
        """SIGKILL, now."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                return
            self._struck = True
            self._process.kill()

    def arm(self, point: str | None) -> None:
        """Kill it when a turn reaches ``point``, one of ``KILL_POINTS``; None takes that back.

        Raises:
            ValueError: there is no such point.
        """
        if point is not None and point not in KILL_POINTS:
            raise ValueError(f"a kill can wait for {', '.join(KILL_POINTS)}")
        with self._lock:
            self._say({"armed": point})
            ready = self.state.state == "ready"
            self._change(armed=point, **({"note": _waits_for(point)} if ready else {}))

    def stop(self) -> None:
        """End it: a turn in hand gets a few seconds, then its messages are given back."""
        self._over.set()
        with self._lock:
            process, ready = self._process, self.state.state == "ready"
            if process is not None and process.poll() is None:
                if ready:
                    self._say({"stop": STOP_SECONDS})
                else:
                    process.kill()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS + 3)
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        if self._thread.is_alive():
            self._thread.join(2)
        self._change(state="stopped", pid=None, note="metta up was stopped")

    def _keep(self) -> None:
        pause = RESTART_SECONDS
        while not self._over.is_set():
            began = time.monotonic()
            reader = self._launch()
            if reader is None:
                return
            self._listen(reader)
            assert self._process is not None
            code = self._process.wait()
            if self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
            if self._over.is_set():
                return
            if not self._settled.is_set():
                self._failure = self._failure or f"the worker ended with code {code} while it started"
                self._settled.set()
                return
            struck, self._struck = self._struck, False
            pause = (
                RESTART_SECONDS if struck or time.monotonic() - began > 60 else min(2 * pause, LONGEST_RESTART_SECONDS)
            )
            self._ended(code, struck=struck, pause=pause)
            self._over.wait(pause)

    def _launch(self) -> int | None:
        reader, writer = os.pipe()
        with self._lock:
            if self._over.is_set():
                os.close(reader)
                os.close(writer)
                return None
            self._process = subprocess.Popen(
                [sys.executable, "-m", "metta_local.playground.child", str(writer)],
                stdin=subprocess.PIPE,
                stdout=self._log_to,  # standard output is for the command's own result
                stderr=self._log_to,
                pass_fds=[writer],
                env=_inherited(),
                start_new_session=True,  # Ctrl-C is for the parent, which then stops it in order
            )
            os.close(writer)
            self._change(state="starting", pid=self._process.pid, note="it loads the agent, then polls the queue")
            if self._environment is not None:
                self._say({"environment": self._environment, "armed": self.state.armed})
        return reader

    def _listen(self, reader: int) -> None:
        """Every event until the process ends; half a line at its end was never said."""
        with os.fdopen(reader, "rb") as lines:
            while line := lines.readline(_MOST_LINE):
                if not line.endswith(b"\n"):
                    continue
                try:
                    event: JsonObject = json.loads(line)
                except ValueError:
                    continue
                if event["event"] == "ready":
                    self._change(state="ready", note=_waits_for(self.state.armed))
                    self._settled.set()
                elif event["event"] == "failed":
                    self._failure = str(event["why"])
                elif event["event"] == "struck":
                    self._struck = True
                self._tell(event)

    def _ended(self, code: int, *, struck: bool, pause: float) -> None:
        self._tell({"event": "died", "at": time.time(), "due": time.time() + self.back_within})
        if not struck:
            self._change(state="killed", pid=None, note=f"it ended by itself with code {code}")
            self._notice("error", f"The worker ended by itself (code {code}); it is started again in {pause:.0f} s.")
            return
        back = f"what it had in hand comes back to the queue within {self.back_within:.0f} s"
        self._change(state="killed", pid=None, kills=self.state.kills + 1, armed=None, note=f"killed; {back}")
        self._notice("warn", f"The worker was killed (SIGKILL). It is started again in {pause:.0f} s; {back}.")

    def _tell(self, event: JsonObject) -> None:
        try:
            self._told(event)
        except Exception:  # a worker whose feed nobody reads would wait for ever
            log.exception("an event of the worker cannot be shown: %s", event.get("event"))

    def _say(self, command: Mapping[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError, ValueError):  # it is dead; the next one is told at its start
            process.stdin.write(json.dumps(command).encode() + b"\n")
            process.stdin.flush()

    def _change(self, **facts: Any) -> None:
        with self._lock:
            if facts.get("state", self.state.state) != self.state.state:
                facts["since"] = now()
            for name, value in facts.items():
                setattr(self.state, name, value)
            self._changed(self.state.shown())


def _waits_for(point: str | None) -> str:
    if point is None:
        return "it polls the queue"
    moment = MOMENTS[point]
    return f"it dies in the next turn: {moment[0].lower()}{moment[1:]}. Write something and watch"


def _inherited() -> dict[str, str]:
    """This process's variables without Metta's own and those of real accounts: the stack's take their place."""
    left_out = {name.upper() for name in Settings.model_fields} | set(_NOT_INHERITED)
    return {name: value for name, value in os.environ.items() if name not in left_out}
