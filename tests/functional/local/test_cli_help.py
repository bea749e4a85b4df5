"""Help teaches by example: every command says what it needs, and every example of it works as it stands there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metta.settings import Settings
from metta_local import cli
from metta_local.commands import COMMANDS
from metta_local.commands.command import Command
from metta_local.inprocess import InProcessWorker
from metta_local.stack import LocalStack

from .processes import metta, until, variables

ROOT = Path(__file__).parents[3]
OF_BOTO = {"AWS_DEFAULT_REGION"}
NOT_RUN = {
    "demo": "tests/e2e plays it",
    "up": "runs until it is stopped; test_processes",
    "worker": "runs until it is stopped; test_processes",
    "chaos": "tests/e2e runs it",
    "bench": "takes minutes",
    "redteam": "tests/functional/redteam plays the cases",
    "fuzz": "test_fuzz runs it",
}


def everything(commands: tuple[Command, ...], before: str = "") -> Iterator[tuple[str, Command]]:
    for command in commands:
        yield f"{before}{command.name}", command
        yield from everything(command.parts, f"{before}{command.name} ")


ALL = dict(everything(COMMANDS))
LINES = dict.fromkeys(line for pairs in (cli.EXAMPLES, *(one.examples for one in ALL.values())) for line, _ in pairs)


def calls(line: str) -> Iterator[list[str]]:
    """The arguments of each call of ``metta`` in a line of shell."""
    lexer = shlex.shlex(re.sub(r'"\$\((.*?)\)"', r"; \1 ;", line), posix=True, punctuation_chars="|;<>")
    lexer.whitespace_split = True
    call: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|;<>"):
            if call[:1] == ["metta"]:
                yield call[1:]
            call = []
        else:
            call.append(word)


RUN = [line for line in LINES if not any(NOT_RUN.keys() & call for call in calls(line))]


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_understood(line: str) -> None:
    found = list(calls(line))
    assert found
    for arguments in found:
        cli.parser().parse_args(arguments)


@pytest.mark.parametrize("name", ALL)
def test_a_command_says_what_it_does_needs_and_gives_back(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ALL[name]
    with pytest.raises(SystemExit) as ended:
        cli.main(["help", *name.split()])
    told = capsys.readouterr().out

    assert ended.value.code == 0
    assert told.startswith(f"usage: metta {name} ")
    assert command.paragraphs[0][:40] in told
    for part in ("\nexamples:\n", "\nexit code:\n  0  ", *command.needs, *command.uses, *command.more):
        assert part in told
    assert 2 <= len(command.examples) <= 6
    assert max(map(len, told.splitlines())) <= 120
    for variable in (*command.needs, *command.uses):
        assert variable.lower() in Settings.model_fields or variable in OF_BOTO
    for document in command.more:
        assert (ROOT / document).is_file()


def test_help_in_words_and_by_option_is_the_same() -> None:
    assert metta("help", "audit", "show").stdout == metta("audit", "show", "--help").stdout
    assert metta("help").stdout == metta("--help").stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files that examples speak of, and ``metta`` on the path."""
    here = tmp_path_factory.mktemp("examples")
    body = {"event": "message_updated", "id": 7, "account": {"id": 3}, "conversation": {"id": 84}}
    (here / "body.json").write_text(json.dumps(body))
    (here / "shop.yaml").write_text("limits:\n  model_turns: 5\n")
    (here / "texts.jsonl").write_text('{"id": 1, "text": "hello", "direction": "input"}\n')
    (here / ".zfunc").mkdir()
    (here / ".config" / "fish" / "completions").mkdir(parents=True)
    (here / "bin").mkdir()
    program = here / "bin" / "metta"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m metta_local.cli "$@"\n')
    program.chmod(0o755)
    return here


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A stack on which contact 901 was answered in conversation 84."""
    with LocalStack({"BURST_QUIET_SECONDS": "0", "SQS_WAIT_TIME_SECONDS": "1"}) as started:
        assert started.chatwoot is not None
        started.chatwoot.world.next_conversation_id = 84
        with started.applied(), InProcessWorker(started.settings(), emit_metrics=False) as worker:
            said: dict[str, Any] = started.chatwoot.customer_writes(901, "Do you sell lamps?")
            assert said["conversation_id"] == 84
            until(lambda: worker.loop.health.messages > 0 and started.chatwoot.customer_sees(84) != [])  # type: ignore[union-attr]
        yield started


@pytest.mark.e2e
@pytest.mark.parametrize("line", RUN)
def test_an_example_works(stack: LocalStack, place: Path, line: str) -> None:
    given = variables(**stack.environment(), HOME=str(place))
    given["PATH"] = f"{place / 'bin'}:{given['PATH']}"
    if "--turn" in line:
        shown = metta("audit", "show", "84", "--json", **stack.environment())
        line = re.sub(r"--turn \S+", f"--turn {json.loads(shown.stdout)['turns'][0]['id']}", line)

    done = subprocess.run(
        ["bash", "-c", line], cwd=place, env=given, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
