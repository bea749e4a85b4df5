"""The process between ``EmbeddedPostgres`` and its server: stops the server when whoever started it is gone.

Run as a script with one JSON argument ``{"command": [...], "user": name or null, "remove": directory or null}``.
Its standard input is a pipe that the starter holds open; the end of that pipe, however it comes, means "stop".
Standard library only, so that it is up in a moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading

STOP_SECONDS = 10.0


def _stop_with_starter(server: subprocess.Popen[bytes], told: threading.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin: whoever waits in it spoils the end of a keeper whose server ended first
        pass
    told.set()
    with contextlib.suppress(ProcessLookupError):
        server.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown: sessions are ended, data is written
    try:
        server.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)  # "immediate": the next start recovers


def keep(command: list[str], user: str | None, remove: str | None) -> int:
    """Run the server until it ends or standard input does; in the second case remove the directory, if one is named.

    Returns:
        The server's exit code.
    """
    rights = {} if user is None else {"user": user, "group": _group(user), "extra_groups": []}
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, **rights)  # type: ignore[call-overload]
    told = threading.Event()
    threading.Thread(target=_stop_with_starter, args=(server, told), name="stop-with-starter", daemon=True).start()
    code = int(server.wait())
    if remove is not None and told.is_set():
        shutil.rmtree(remove, ignore_errors=True)
    return code


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


if __name__ == "__main__":
    sys.exit(keep(**json.loads(sys.argv[1])))
