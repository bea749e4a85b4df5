"""The worker's process lives no longer than whoever started it, however that one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil

from functional.local.processes import variables

_PARENT = """
import sys, time
from metta_local.playground.keeping import WorkerKeeper

def changed(state):
    if state["pid"]:
        print(state["pid"], flush=True)

keeper = WorkerKeeper(lambda event: None, changed, lambda level, text: None)
keeper.start()
time.sleep(60)
"""


def test_it_ends_with_a_parent_that_was_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], env=variables(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    child: psutil.Process | None = None
    try:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert "metta_local.playground.child" in child.cmdline()
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(10)
        psutil.wait_procs([child], timeout=60)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    finally:
        if child is not None and child.is_running():
            child.kill()
        parent.kill()
        parent.communicate(timeout=10)
