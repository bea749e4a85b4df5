"""A copy of the project in which a page's steps are taken: its commands run, its files written, its changes applied."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .blocks import ROOT, Block

SECONDS = 180
"""Longest time that one block may take."""
_COPIED = ("docs", "events", "layers/metta", "local", "tests")
_LINKED = (
    ".venv",
    "Makefile",
    "functions",
    "pyproject.toml",
    "requirements",
    "samconfig.toml",
    "template.yaml",
)
_LEFT = shutil.ignore_patterns("__pycache__", "corpus", "page.png", ".metta", "*.egg-info")
DEFAULT_PAGE = "http://127.0.0.1:8765"
"""Where documents say that ``metta up`` serves its page; here it takes a free port."""
_PAGE = re.compile(r"page: (http://\S+)")
_HUNK = re.compile(r"^@@.*$", re.MULTILINE)


class Scratch:
    """One page's copy; a context manager that ends whatever the page has started.

    Args:
        directory: an empty one.
        variables: of the commands.
        code: whether the code is copied as well, for a page that changes it.
        substitutes: what stands in the page -> what it is here.
    """

    def __init__(
        self, directory: Path, variables: Mapping[str, str], *, code: bool, substitutes: Mapping[str, str]
    ) -> None:
        self.directory = directory
        self._substitutes = dict(substitutes)
        self._beside: list[subprocess.Popen[str]] = []
        for name in _LINKED:
            (directory / name).symlink_to(ROOT / name)
        shutil.copy(ROOT / "README.md", directory)
        for name in _COPIED if code else ("docs", "events"):
            shutil.copytree(ROOT / name, directory / name, ignore=_LEFT)
        path = os.pathsep.join(str(directory / place) for place in (("layers/metta", "local") if code else ()) if place)
        self.variables = {
            **{name: os.environ[name] for name in ("HOME", "LANG", "PYTHONPATH") if name in os.environ},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
            **({"PYTHONPATH": path} if path else {}),
        }

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_about: object) -> None:
        for process in self._beside:
            process.send_signal(signal.SIGINT)
        for process in self._beside:
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def shell(self, block: Block) -> None:
        """Run the block's commands as one script; the first that fails ends it."""
        if words := block.notes.get("beside"):
            self._start(block, words)
            return
        done = self._run(["bash", "-euo", "pipefail", "-c", self.here(block.text)])
        assert done.returncode == 0, f"{block.place} ends with {done.returncode}\n{done.stdout}{done.stderr}"

    def console(self, block: Block) -> None:
        """Run each command after ``$`` and compare what it prints, both channels; ``...`` stands for anything."""
        for command, expected in sessions(block.text):
            until = time.monotonic() + (SECONDS if "soon" in block.notes else 0)
            while True:
                done = self._run(["bash", "-uo", "pipefail", "-c", f"{{ {self.here(command)}\n}} 2>&1"])
                if agrees(self.here(expected), done.stdout) or time.monotonic() > until:
                    break
            assert agrees(self.here(expected), done.stdout), (
                f"{block.place}: $ {command}\n--- as the page has it\n{expected}\n--- as it is\n{done.stdout}"
            )

    def python(self, block: Block) -> None:
        """Run the block as a program."""
        done = self._run([sys.executable, "-W", "error", "-c", self.here(block.text)])
        assert done.returncode == 0, f"{block.place}\n{done.stdout}{done.stderr}"

    def write(self, block: Block) -> None:
        """Put the block's text into the file that its note names."""
        path = self.directory / block.notes["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def change(self, block: Block) -> None:
        """Apply a diff; what it takes away and what stands around that must be there, once."""
        for name, hunks in files_of(block.text):
            path = self.directory / name
            assert path.exists(), f"{block.place}: {name} is not there"
            text = path.read_text(encoding="utf-8")
            for before, after in hunks:
                times = text.count(before)
                assert times == 1, f"{block.place}: in {name} this stands {times} times, not once:\n{before}"
                text = text.replace(before, after)
            path.write_text(text, encoding="utf-8")

    def here(self, text: str) -> str:
        """The text with what stands for it here."""
        for said, real in self._substitutes.items():
            text = text.replace(said, real)
        return text

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started
            out, err = process.communicate()
            raise AssertionError(f"{command[-1]}\ntook more than {SECONDS} s\n{out}{err}") from None
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def _start(self, block: Block, words: str) -> None:
        """Start a command that goes on beside the rest of the page, and wait for the words it prints."""
        told = self.directory / f".beside-{len(self._beside)}"
        with told.open("w") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self.here(block.text.strip())} --port 0"],
                cwd=self.directory,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._beside.append(process)
        until = time.monotonic() + SECONDS
        while self.here(words) not in told.read_text():
            assert process.poll() is None, f"{block.place} ended with {process.returncode}:\n{told.read_text()}"
            assert time.monotonic() < until, f"{block.place} never said {words!r}:\n{told.read_text()}"
            time.sleep(0.1)
        if page := _PAGE.search(told.read_text()):
            self._substitutes[DEFAULT_PAGE] = page[1]


def sessions(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it prints."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and not found[-1][1] and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0]}\n{line}", "")
        else:
            assert found, "a console block begins with a command"
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def agrees(expected: str, printed: str) -> bool:
    """Whether a text is as expected, where ``...`` is anything and the width of white space does not count."""
    pieces = [re.escape(" ".join(piece.split())) for piece in expected.split("...")]
    return re.fullmatch(r"\s*" + ".*".join(pieces) + r"\s*", " ".join(printed.split()), re.DOTALL) is not None


def files_of(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """The files of a unified diff, each with its hunks as the text before and after."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for part in re.split(r"^--- .*\n(?=\+\+\+ )", text, flags=re.MULTILINE)[1:]:
        head, _, rest = part.partition("\n")
        hunks = []
        for hunk in _HUNK.split(rest)[1:]:
            lines = [line if line else " " for line in hunk.strip("\n").splitlines()]
            before = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
            after = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
            hunks.append((before, after))
        found.append((head.removeprefix("+++ ").removeprefix("b/").strip(), hunks))
    return found
