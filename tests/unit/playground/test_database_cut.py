"""The worker's way to PostgreSQL: passed on, cut in the middle, and open again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict

from metta_local.playground.database_cut import DatabaseCut


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says everything back."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    came, _ = listening.accept()
                except OSError:
                    return
                with came:
                    while piece := came.recv(100):
                        came.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def connected(cut: DatabaseCut) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(conninfo_to_dict(cut.url)["port"])), 5)


def test_what_is_said_gets_through_until_it_is_cut_and_again_afterwards(echo: int) -> None:
    cut = DatabaseCut(f"postgresql://metta:secret@127.0.0.1:{echo}/metta")
    assert conninfo_to_dict(cut.url)["password"] == "secret"
    cut.start()
    try:
        with connected(cut) as one:
            one.sendall(b"hello")
            assert one.recv(10) == b"hello"
            cut.cut = True
            assert one.recv(10) == b"", "the connection stayed"
        with connected(cut) as refused:
            assert refused.recv(10) == b""
        cut.cut = False
        with connected(cut) as again:
            again.sendall(b"hello")
            assert again.recv(10) == b"hello"
    finally:
        cut.stop()
    with pytest.raises(OSError):
        connected(cut)
