"""One MiniStack for this folder; each test has a queue of its own."""

from __future__ import annotations

import io
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metta_local import cli
from metta_local.aws import MiniStack

from .processes import Done, Shell
from .redriving import Pair, Redrive


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    directory: Path = tmp_path_factory.mktemp("aws")
    with MiniStack(directory) as running:
        yield running


@pytest.fixture
def queue_url(aws: MiniStack) -> str:
    return aws.create_queues(f"q{uuid.uuid4().hex[:12]}")[0]


@pytest.fixture
def sqs(aws: MiniStack) -> Any:
    return aws.client("sqs")


@pytest.fixture
def pair(aws: MiniStack) -> Pair:
    return Pair(aws)


@pytest.fixture
def redrive(pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Redrive:
    """The command in this process; ``typed`` is what a person at a terminal answers."""

    def run(*arguments: str, typed: str | None = None, **changes: str | None) -> Done:
        with monkeypatch.context() as patch:
            for name, value in (pair.environment | changes).items():
                patch.setenv(name, value) if value is not None else patch.delenv(name, raising=False)
            stdin = io.StringIO(typed or "")
            patch.setattr(stdin, "isatty", lambda: typed is not None, raising=False)
            patch.setattr(sys, "stdin", stdin)
            capsys.readouterr()
            code = cli.main(["redrive", *arguments])
        shown = capsys.readouterr()
        return Done(arguments, code, shown.out, shown.err)

    return run


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)
