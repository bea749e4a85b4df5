"""Where the logs of ``metta up`` go: a person's terminal is kept free of them, and what went wrong stays to be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from metta_local.console import CommandError
from metta_local.playground.logs import STANDARD_ERROR, logs


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_program_reads_them_on_standard_error(temporary: Path) -> None:
    with logs(None, temporary, terminal=False) as opened:
        assert (opened.descriptor, opened.path) == (STANDARD_ERROR, None)
    assert list(temporary.iterdir()) == []


def test_a_terminal_is_kept_free_of_them_and_nothing_is_left(temporary: Path) -> None:
    with logs(None, None, terminal=True) as opened:
        assert opened.path is not None
        os.write(opened.descriptor, b"something\n")
        assert opened.path.read_text(encoding="utf-8") == "something\n"
        assert opened.path.stat().st_mode & 0o777 == 0o600
    assert list(temporary.iterdir()) == []


def fail(said: bytes) -> None:
    with logs(None, None, terminal=True) as opened:
        os.write(opened.descriptor, said)
        raise CommandError("no start")


def test_what_went_wrong_can_be_read_afterwards(temporary: Path) -> None:
    with pytest.raises(CommandError, match=r"^no start\nthe log is in (.+)") as raised:
        fail(b"why\n")
    [left] = temporary.iterdir()
    assert str(left) in str(raised.value)
    assert left.read_text(encoding="utf-8") == "why\n"


def test_a_log_that_says_nothing_is_not_kept(temporary: Path) -> None:
    with pytest.raises(CommandError, match=r"^no start$"):
        fail(b"")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("terminal", [True, False])
def test_a_named_file_is_appended_to_and_kept(temporary: Path, terminal: bool) -> None:
    file = temporary / "new" / "metta.log"
    for line in (b"one\n", b"two\n"):
        with logs(str(file), None, terminal=terminal) as opened:
            os.write(opened.descriptor, line)
    assert file.read_text(encoding="utf-8") == "one\ntwo\n"


def test_with_a_directory_they_are_kept_in_it(temporary: Path) -> None:
    with logs(None, temporary / "shop", terminal=True) as opened:
        assert opened.path == temporary / "shop" / "metta.log"
    assert opened.path.exists()


def test_a_file_that_cannot_be_written_is_named(temporary: Path) -> None:
    opening = logs(str(temporary), None, terminal=False)
    with pytest.raises(CommandError, match=rf"--log: {temporary}: .*name a file that can be written"):
        opening.__enter__()
