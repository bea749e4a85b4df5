"""``metta up`` as people start, doubt and stop it: who has port, directory and file, and that nothing stays behind."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from functional.local.processes import Done, metta, running
from functional.playground.ground import Json, Listener, until
from metta_local.up import _show

QUICK = {"BURST_QUIET_SECONDS": "0.5"}


class Up:
    """A running ``metta up``."""

    def __init__(self, process: subprocess.Popen[str], directory: Path, env_file: Path, shown: Json) -> None:
        self.process = process
        self.directory = directory
        self.env_file = env_file
        self.shown = shown
        self.page: str = shown["page"]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    home = tmp_path_factory.mktemp("up")
    directory, env_file = home / "data", home / "up.env"
    arguments = ("--json", "--port", "0", "--directory", str(directory), "--env-file", str(env_file))
    with running("up", *arguments, **QUICK) as process:
        assert process.stdout is not None
        yield Up(process, directory, env_file, json.loads(process.stdout.readline()))


def refused(done: Done, *parts: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    for part in parts:
        assert part in line


def test_a_second_stack_on_the_same_port_is_told_where_the_first_one_is(up: Up) -> None:
    port = up.page.rpartition(":")[2]
    refused(metta("up", "--port", port), "a stack is running already", up.page, "--port 0")


def test_a_port_of_another_program_is_said_to_be_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused(metta("up", "--port", port), f"port {port} is in use by another program", "--port")


def test_a_directory_in_use_is_named_with_its_page(up: Up) -> None:
    refused(metta("up", "--port", "0", "--directory", str(up.directory)), str(up.directory), up.page, "--directory")


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(metta("up", "--port", "0", "--directory", str(tmp_path / "file")), "--directory", "file")


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=mine\n")
    refused(metta("up", "--port", "0", "--env-file", str(file)), "--env-file", str(file), "already")
    refused(
        metta("up", "--port", "0", "--env-file", str(tmp_path / "no" / "where" / "file")),
        "--env-file",
        "cannot be written",
    )
    assert file.read_text() == "OPENAI_API_KEY=mine\n"


def test_a_file_that_a_running_stack_wrote_is_left_to_it(up: Up) -> None:
    before = up.env_file.read_text()
    refused(metta("up", "--port", "0", "--env-file", str(up.env_file)), "--env-file", "a stack that is running")
    assert up.env_file.read_text() == before


@pytest.mark.parametrize("port", ["-1", "65536", "http", "\u0663"])
def test_what_is_no_port_is_refused(port: str) -> None:
    done = metta("up", "--port", port)
    assert done.returncode == 1
    assert "--port" in done.stderr


def test_the_variables_are_in_a_file_that_only_its_owner_reads(up: Up) -> None:
    assert stat.S_IMODE(up.env_file.stat().st_mode) == 0o600
    told = subprocess.run(
        ["bash", "-c", '. "$1" && env -0', "bash", str(up.env_file)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout
    found = dict(line.partition("=")[::2] for line in told.split("\0"))
    assert {name: found[name] for name in up.shown["environment"]} == up.shown["environment"]


def test_the_page_is_served_and_its_worker_works(up: Up) -> None:
    assert "<html" in httpx.get(up.page).text
    wrote = httpx.post(f"{up.page}/api/write", json={"texts": ["Do you sell mugs?"]}).json()

    def answered() -> bool:
        state = httpx.get(f"{up.page}/api/state").json()
        return any(
            one["conversation_id"] == wrote["conversation_id"] and one["state"] == "audited" for one in state["turns"]
        )

    until(answered)


def test_stopped_in_the_middle_of_a_turn_with_a_page_open_and_a_worker_killed_it_leaves_nothing(up: Up) -> None:
    """The last test of this module: it ends the stack."""
    listener = Listener(up.page)
    httpx.post(f"{up.page}/api/faults", json={"name": "model_slow", "on": True})
    httpx.post(f"{up.page}/api/worker", json={"action": "kill", "at": "now"})
    until(lambda: [one["state"] for one in listener.of("worker")][-2:] == ["starting", "ready"])
    httpx.post(f"{up.page}/api/write", json={"texts": ["Do you have a desk lamp in stock?"]})
    until(lambda: any(span["name"] == "model" for one in listener.of("turn")[-1:] for span in one["spans"]))
    family = psutil.Process(up.process.pid).children(recursive=True)
    assert len(family) >= 2, "the worker, and what runs PostgreSQL"

    up.process.send_signal(signal.SIGINT)
    out, err = up.process.communicate(timeout=30)

    assert up.process.returncode == 0, err
    assert out == ""
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(family, timeout=2)
    assert alive == []
    assert listener.ended.wait(5)
    assert listener.of("worker")[-1]["state"] == "stopped"
    assert not up.env_file.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(up.page)
    listener.close()


def test_stopped_while_it_starts_it_leaves_nothing() -> None:
    with running("up", "--port", "0") as process:
        until(lambda: len(psutil.Process(process.pid).children(recursive=True)) >= 2)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=40)
    assert (process.returncode, out) == (1, "")
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


def test_the_page_is_named_where_a_small_terminal_still_shows_it(up: Up) -> None:
    out = io.StringIO()
    _show(up.shown, out, None, as_json=False)
    assert up.page in out.getvalue().splitlines()[-1]


def test_what_cannot_start_says_why_and_leaves_nothing() -> None:
    done = metta("up", "--port", "0", "--json", METTA_POLICY="/nowhere/policy.yaml")
    assert done.returncode == 1
    assert "policy" in done.stderr
    assert "Traceback" not in done.stderr
