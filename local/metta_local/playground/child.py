"""The worker as a process of its own, so that it can really be killed: ``python -m metta_local.playground.child FD``.

What is slow to load is loaded at once, beside the start of the stack. Then lines of JSON come on standard input: first
``{"environment": {...}, "armed": null}``, later ``{"armed": "send"}`` or ``{"stop": 4.0}``. When standard input ends,
the parent is gone, and so is this process. What happens is told on the pipe FD (``feed``).
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any

from metta import settings as metta_settings
from metta.errors import MettaError
from metta.timing import watch_steps
from metta_local.inprocess import InProcessWorker
from metta_local.playground.feed import FedTracing, Feed
from metta_local.watching import EVERY_SECONDS

Command = dict[str, Any]


def run(pipe: int) -> int:
    """Work until told to stop, or until whoever holds the other end of standard input is gone."""
    feed = Feed(pipe)
    commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(feed, commands), name="commands", daemon=True).start()
    feed.tell("loaded")
    first = commands.get()
    if "stop" in first:
        return 0
    os.environ.update(first["environment"])
    try:
        worker = InProcessWorker(metta_settings.load(), watchdog_seconds=EVERY_SECONDS, traced=FedTracing(feed))
        watch_steps(feed.step)
        worker.start()
    except (MettaError, RuntimeError) as error:
        feed.tell("failed", why=str(error))
        return 1
    feed.tell("ready", pid=os.getpid())
    worker.stop(float(commands.get()["stop"]))
    return 0


def _listen(feed: Feed, commands: queue.SimpleQueue[Command]) -> None:
    # not sys.stdin: a thread that waits in it holds its lock, which the interpreter wants at its end
    kept = b""
    while read := os.read(0, 65536):
        *lines, kept = (kept + read).split(b"\n")
        for line in lines:
            command: Command = json.loads(line)
            if "armed" in command:
                feed.armed = command["armed"]
            if "environment" in command or "stop" in command:
                commands.put(command)
    os._exit(1)


if __name__ == "__main__":
    code = run(int(sys.argv[1]))
    sys.stdout.flush()
    os._exit(code)  # a turn that did not end in time would keep the interpreter waiting for its thread
