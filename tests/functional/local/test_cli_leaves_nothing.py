"""A command whose stack does not start, or that is stopped while it starts, leaves no process and no file."""

from __future__ import annotations

import json
import signal
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from .processes import running, until

pytestmark = pytest.mark.e2e


class _HangsUp(socketserver.BaseRequestHandler):
    """Whoever calls is left alone at once."""

    def handle(self) -> None:
        self.request.recv(64)


@pytest.fixture
def no_database() -> Iterator[dict[str, str]]:
    """Variables of a database whose server hangs up: something listens, so everything else is started first."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _HangsUp) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            "DATABASE_URL": f"postgresql://u:hush-hush@127.0.0.1:{server.server_address[1]}/m",
            "AUDIT_KEY": "0123456789abcdef0123456789abcdef",
        }
        server.shutdown()


@contextmanager
def watched(line: str, **given: str) -> Iterator[tuple[subprocess.Popen[str], dict[int, psutil.Process]]]:
    """Start a command, and keep book of every process below it until the block ends; whatever is left is ended."""
    book: dict[int, psutil.Process] = {}
    with running(*line.split(), **given) as process:
        top, over = psutil.Process(process.pid), threading.Event()

        def look() -> None:
            while not over.wait(0.05):
                with suppress(psutil.Error):
                    book.update((child.pid, child) for child in top.children(recursive=True))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield process, book
        finally:
            over.set()
            looking.join()
            for child in book.values():
                if alive(child):
                    child.kill()


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def all_gone(book: dict[int, psutil.Process]) -> None:
    until(lambda: not any(alive(child) for child in book.values()), seconds=30)


@pytest.mark.parametrize("line", ["demo", "up --port 0"])
def test_a_database_that_lets_nobody_in(line: str, no_database: dict[str, str], tmp_path: Path) -> None:
    with watched(f"{line} --json", **no_database, TMPDIR=str(tmp_path)) as (process, book):
        out, err = process.communicate(timeout=90)
        all_gone(book)

    assert (process.returncode, out) == (1, "")
    assert "metta doctor --only database" in json.loads(err.splitlines()[-1])["error"]
    assert book, "something was started"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["demo", "up --port 0", "chaos"])
def test_an_interrupt_while_it_starts(line: str, tmp_path: Path) -> None:
    with watched(f"{line} --json", TMPDIR=str(tmp_path)) as (process, book):
        until(lambda: bool(book))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
        all_gone(book)

    assert process.returncode == 1
    assert out == ""
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_somebody_else_has(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with watched(f"up --port {port}", TMPDIR=str(tmp_path)) as (process, book):
            out, err = process.communicate(timeout=90)
            all_gone(book)
    assert (process.returncode, out) == (1, "")
    assert f"port {port} is in use" in err
    assert "--port" in err
    assert list(tmp_path.iterdir()) == []
